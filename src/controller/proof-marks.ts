// How a proof goes on when an engine is asked again: what keeps it, what ends it, and what counts as one without a request.
import type { EngineAnswer, ProofResult, Recipe } from '../domain/engine.ts'
import type { EngineSight } from '../domain/observation.ts'

type Proof = NonNullable<EngineSight['proof']>

export const withTokens = (proof: Proof, { tokens }: EngineAnswer): Proof =>
  tokens === undefined ? proof : { ...proof, tokens }

/**
 * The first answer after a probe sets the mark that later answers must pass: the probe's own tokens prove nothing.
 * An engine that was seen not to answer as it should has to be proved again; silence may be business.
 */
export const keptProof = (old: Proof | undefined, answer: EngineAnswer): { readonly proof?: Proof } => {
  const isVoid = old?.isProved && (answer.isAsleep || !['Answers', 'Silent'].includes(answer.state))
  const proof = old && old.tokens === undefined ? withTokens(old, answer) : old
  return proof && !isVoid ? { proof } : {}
}

/** It answers, and says of itself what it said before; what counts requests moves with them. */
export const isLike = (before: EngineAnswer, now: EngineAnswer): boolean =>
  now.state === 'Answers' &&
  before.state === 'Answers' &&
  now.isAsleep === before.isAsleep &&
  now.version === before.version &&
  JSON.stringify(now.listed) === JSON.stringify(before.listed)

/** The proof of an engine whose counters move. */
export const busy: ProofResult = {
  isProved: true,
  reason: 'Active',
  message: 'requests are being answered',
  milliseconds: 0,
}

/** Token counters that passed the mark of the last good proof: somebody was answered since. */
export const movedSince = (
  proof: Pick<Proof, 'isProved' | 'recipe' | 'tokens'> | undefined,
  answer: EngineAnswer,
  recipe: Recipe,
): ProofResult | undefined => {
  const isListed =
    answer.isBehindKey || answer.listed.some(one => one.isLoaded && one.identity === recipe.identity)
  const before = proof?.recipe === recipe.hash && proof.isProved ? proof.tokens : undefined
  const isMoved = before !== undefined && answer.tokens !== undefined && answer.tokens > before
  return isListed && isMoved ? busy : undefined
}
