// What the rules of the Runtime life cycle judge: small questions about one observation, each asked in one place.

import type { Reason } from './conditions.ts'
import type { RuntimeAction } from './decision.ts'
import type { EngineAnswer, Listed, LoadSign } from './engine.ts'
import { pendingRequest, type Runtime } from './object.ts'
import type { Candidate, RuntimeObservation } from './observation.ts'
import { isProblem } from './observation.ts'
import type { PodSight, Problem } from './platform.ts'
import { wordsOf } from './platform-words.ts'
import type { Served, SwitchState } from './runtime.ts'

export const asFound = 'AsFound'

/** Everything a step needs: the observation and the open switch. */
export interface Switching {
  readonly seen: RuntimeObservation
  readonly open: SwitchState
  /** what is switched to; absent when it unloads */
  readonly target?: Candidate
}

export const toServed = (candidate: Candidate): Served => ({
  model: candidate.model,
  revision: candidate.revision,
  recipe: candidate.recipe.hash,
})

export const isSame = (a: Served | undefined, b: Served | undefined): boolean =>
  a?.model === b?.model && a?.revision === b?.revision && a?.recipe === b?.recipe

/** The wanted serving, when it could be served right now. */
export const wantedOf = ({ wanted }: RuntimeObservation): Candidate | undefined =>
  wanted && !isProblem(wanted) ? wanted : undefined

export const activeOf = ({ runtime }: RuntimeObservation): Served | undefined => {
  const { active } = runtime.status
  return active && { model: active.model, revision: active.revision, recipe: active.recipe }
}

/** The newest pod that is not leaving, else the newest; pods come newest first. */
export const newestPodOf = (pods: readonly PodSight[]): PodSight | undefined =>
  pods.find(pod => !pod.isLeaving) ?? pods[0]

export const newestPod = ({ serving }: RuntimeObservation): PodSight | undefined => newestPodOf(serving.pods)

/** The hash on the serving's template, as a switch names it. */
export const templateRecipe = ({ serving }: RuntimeObservation): string => serving.recipe ?? asFound

/** What puts a launch back. A switch whose target was replaced has written more than one: the serving knows only the last but one. */
export const writeBack = ({ from, serving }: RuntimeObservation, hash: string): RuntimeAction =>
  from && hash !== asFound && serving.previousRecipe !== hash
    ? { do: 'apply', launch: from.launch }
    : { do: 'revert', hash }

export const podRecipe = (pod: PodSight): string => pod.recipe ?? asFound

/** The engine lists the recipe's bytes as loaded now. */
export const isListed = (seen: RuntimeObservation, candidate: Candidate): boolean =>
  seen.engine?.answer.listed.some(one => one.isLoaded && one.identity === candidate.recipe.identity) ?? false

/** The newest proof of this recipe on the newest pod; undefined when there is none yet. */
export const proofOf = (seen: RuntimeObservation, candidate: Candidate) => {
  const proof = seen.engine?.proof
  return proof?.recipe === candidate.recipe.hash && seen.engine?.pod === newestPod(seen)?.name
    ? proof
    : undefined
}

/** An engine that answers, but not as the one that is wanted. */
const stateReasons: Readonly<Partial<Record<EngineAnswer['state'], Reason>>> = {
  Unhealthy: 'EngineUnhealthy',
  NotThisEngine: 'WrongEngine',
}

/** Why the engine cannot be proved although it may serve well; that is never the fault of the model. */
export const keyProblem = ({ engine }: Pick<RuntimeObservation, 'engine'>): Problem | undefined => {
  if (engine?.answer.state === 'KeyNeeded')
    return {
      reason: 'EngineKeyNeeded',
      message: 'the engine wants an API key: name the Secret that holds it in spec.apiKeySecretRef',
    }
  // A worker that could not start or was ended says nothing against a proof that stands.
  const trouble = engine?.askTrouble
  return trouble?.reason === 'EngineKeyNeeded' || !engine?.proof?.isProved ? trouble : undefined
}

/** A model that could not be proved is not switched to. With a Secret named, the switch's first step finds out. */
export const keyless = (seen: RuntimeObservation): readonly Problem[] => {
  const wanted = wantedOf(seen)
  const isActive = wanted && isSame(activeOf(seen), toServed(wanted))
  const problem = keyProblem(seen)
  return seen.wanted && !isActive && problem && !seen.runtime.spec.apiKeySecretRef ? [problem] : []
}

/** What was found must stand in status before the next proof, which may take its whole time. */
const proofPauseMs = 1_000

export const proveAgain = (seen: RuntimeObservation, candidate: Candidate): RuntimeAction[] => {
  const proof = proofOf(seen, candidate)
  const isNews = proof !== undefined && seen.now.getTime() - Date.parse(proof.at) < proofPauseMs
  return isNews ? [] : [{ do: 'prove', recipe: candidate.recipe }]
}

/** What keeps a proved model from answering now, as far as cheap looks can tell. */
export const goneReason = (seen: RuntimeObservation, candidate: Candidate): Problem | undefined => {
  const pod = newestPod(seen)
  if (!pod) return { reason: 'ModelGone', message: wordsOf(seen).noPod }
  if (pod.isLost) return { reason: 'NodeLost', message: `the node of pod ${pod.name} does not answer` }
  const answer = pod.isRunning ? seen.engine?.answer : undefined
  const key = answer && keyProblem(seen)
  if (key) return key
  const reason = answer && stateReasons[answer.state]
  if (reason) return { reason, message: answer.message ?? `the engine is ${answer.state}` }
  if (!pod.isReady) return notReady(seen, pod)
  if (!answer || answer.state === 'Silent') return undefined
  if (answer.state === 'Refused')
    return { reason: 'EngineUnreachable', message: `${pod.address}${answer.message ?? ' refuses'}` }
  if (answer.isAsleep) return { reason: 'EngineAsleep', message: 'the engine is asleep' }
  return isListed(seen, candidate) ? undefined : otherListed(seen, candidate)
}

/** kubelet reaches it and we do not. */
export const unreachable = (seen: RuntimeObservation): Problem | undefined => {
  const pod = newestPod(seen)
  const state = seen.engine?.answer.state
  if (!pod?.isReady || (state !== 'Refused' && state !== 'Silent')) return undefined
  const message = `${pod.address} ${wordsOf(seen).unanswered}`
  return { reason: 'EngineUnreachable', message }
}

const notReady = (seen: RuntimeObservation, pod: PodSight): Problem => {
  const silent = pod.isRunning && seen.engine?.answer.state === 'Silent' ? seen.engine.answer : undefined
  if (silent) return { reason: 'EngineSilent', message: silent.message ?? 'the engine does not answer' }
  const how = pod.isRunning ? undefined : howEnded(seen, pod)
  const message = `${wordsOf(seen).pod} ${pod.name} is not ready${pod.problem ? `: ${pod.problem.message}` : ''}`
  return { reason: how && how !== 'LoadFailed' ? how : 'ModelGone', message }
}

/** The cause in the engine's own words. Output and errors come by two pipes, and no order between them is kept. */
export const failureSaid = (signs: readonly LoadSign[]): LoadSign['failure'] => {
  const failures = signs.flatMap(sign => sign.failure ?? [])
  return failures.find(failure => !failure.isPointer) ?? failures[0]
}

/** Why its container ended or does not start: the engine's own last words tell more than the exit code. */
export const howEnded = ({ signs }: RuntimeObservation, pod: PodSight): Reason | undefined => {
  const said = failureSaid(signs)
  return said && said.reason !== 'LoadFailed' ? said.reason : pod.problem?.reason
}

const otherListed = (seen: RuntimeObservation, candidate: Candidate): Problem | undefined => {
  if (seen.engine?.answer.isBehindKey) return undefined
  const loaded = seen.engine?.answer.listed.filter(one => one.isLoaded) ?? []
  const isSameName = loaded.some(one => one.name === candidate.recipe.model)
  const listed = loaded.map(one => `${one.name} (${one.identity.slice(-24)})`).join(', ') || 'nothing'
  return {
    reason: seen.strategy === 'InPlace' && !isSameName ? 'ModelEvicted' : 'WrongModel',
    message: `the engine serves ${listed.slice(0, 160)}`,
  }
}

/** What an engine has loaded beside the one. */
export const othersLoaded = ({ engine }: RuntimeObservation, one: Candidate | undefined): readonly Listed[] =>
  engine?.answer.listed.filter(it => it.isLoaded && it.identity !== one?.recipe.identity) ?? []

export const retryAsked = (seen: RuntimeObservation): string | undefined =>
  pendingRequest(seen.runtime, 'retry')

/** Seconds the device may be silent while loading: grows with the weights (100 MB/s at worst), at least five minutes: a cold start of vLLM says nothing for three on a busy machine. */
export const stallSeconds = ({ runtime, weightBytes }: RuntimeObservation): number =>
  runtime.spec.switch.stallSeconds ?? 300 + Math.round((weightBytes ?? 0) / 100e6)

/** Milliseconds until an in-place load may be tried again: at once, then ever later, whether loading failed or others unloaded it. */
export const untilReload = ({ engine, now }: RuntimeObservation): number => {
  const load = engine?.load
  if (!load?.endedAt) return 0
  const delay = Math.min(300_000, 2_500 * 2 ** load.attempt)
  return Math.max(0, Date.parse(load.endedAt) + delay - now.getTime())
}

/** Behind a key each proof is a pod of its own: health and counters speak for the same process that long. */
const keyedIntervals = 60

/** Milliseconds until the proof is as old as it may become; 0 = prove now. */
export const untilProof = (seen: RuntimeObservation): number => {
  const at = seen.engine?.proof?.at
  const intervals = seen.engine?.answer.isBehindKey ? keyedIntervals : 1
  const interval = seen.runtime.spec.proof.intervalSeconds * 1000 * intervals
  return at ? Math.max(0, Date.parse(at) + interval - seen.now.getTime()) : 0
}

/** How much younger a proof may be when it is renewed: engines are looked at together then, which costs a part of one by one. */
export const proofLeeway = ({ spec }: Runtime): number =>
  Math.floor(Math.min(6_000, spec.proof.intervalSeconds * 100))

export const isProofDue = (seen: RuntimeObservation): boolean => untilProof(seen) <= proofLeeway(seen.runtime)

/** The old model goes on serving: it is proved like an active one. */
export const keepProving = (seen: RuntimeObservation): RuntimeAction[] => {
  const { committed } = seen
  if (!committed) return []
  const isUp = !goneReason(seen, committed) || seen.engine?.askTrouble !== undefined
  return isUp && isProofDue(seen) ? [{ do: 'prove', recipe: committed.recipe }] : []
}
