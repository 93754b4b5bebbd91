// How a proof is timed and how its outcome is worded.
import { shortMessage } from '../domain/conditions.ts'
import type { Listed, ProofResult } from '../domain/engine.ts'
import { show } from '../domain/names.ts'
import type { Answered, Reply, Unanswered } from './http.ts'

export type Verdict = Omit<ProofResult, 'milliseconds'>

const messageBytes = 200

export const proved = (message: string): Verdict => ({
  isProved: true,
  reason: 'Active',
  message: shortMessage(message, messageBytes),
})

export const failed = (message: string): Verdict => ({
  isProved: false,
  reason: 'ProofFailed',
  message: shortMessage(message, messageBytes),
})

/** Nothing came back from the list: the engine, not the model, is in question. */
export const unreachable = (address: string, reply: Unanswered): Verdict => ({
  isProved: false,
  reason: 'EngineUnreachable',
  message: shortMessage(`${address}${reply.message}`, messageBytes),
})

/** Runs the judge and never throws; `left` tells how much of the time remains. */
export const timeProof = async (
  options: { readonly timeoutMs: number; readonly now: () => number },
  judge: (left: () => number) => Promise<Verdict>,
): Promise<ProofResult> => {
  const start = options.now()
  const verdict = await judge(() => Math.max(1, options.timeoutMs - (options.now() - start))).catch(error =>
    failed(`unexpected: ${String(error)}`),
  )
  return { ...verdict, milliseconds: Math.round(options.now() - start) }
}

export const isAnswered = (reply: Reply): reply is Answered => reply.kind === 'Answered'

/** At most two models, then how many more. */
export const showListed = (listed: readonly Listed[]): string => {
  const first = listed.slice(0, 2).map(model => `${show(model.name)} = ${show(shorten(model.identity))}`)
  const more = listed.length > 2 ? ` and ${listed.length - 2} more` : ''
  return listed.length === 0 ? 'nothing' : `${first.join(', ')}${more}`
}

/** The end of a path and the beginning of a digest tell models apart. */
export const shorten = (identity: string): string =>
  identity.startsWith('sha256:') ? identity.slice(0, 19) : identity.slice(-56)
