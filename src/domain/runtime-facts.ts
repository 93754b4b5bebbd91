// What the rules of the Runtime life cycle judge: small questions about one observation, each asked in one place.

import type { RuntimeAction } from './decision.ts'
import { pendingRequest } from './object.ts'
import type { Candidate, RuntimeObservation } from './observation.ts'
import { isProblem } from './observation.ts'
import type { PodSight, Problem } from './platform.ts'
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

/** What keeps a proved model from answering now, as far as cheap looks can tell. */
export const goneReason = (seen: RuntimeObservation, candidate: Candidate): Problem | undefined => {
  const pod = newestPod(seen)
  if (!pod) return { reason: 'ModelGone', message: 'no pod of the engine is there' }
  if (pod.isLost) return { reason: 'NodeLost', message: `the node of pod ${pod.name} does not answer` }
  if (!pod.isReady)
    return {
      reason: 'ModelGone',
      message: `pod ${pod.name} is not ready${pod.problem ? `: ${pod.problem.message}` : ''}`,
    }
  const answer = seen.engine?.answer
  if (!answer || answer.state === 'Silent') return undefined
  if (answer.state !== 'Answers')
    return { reason: 'ModelGone', message: answer.message ?? `the engine is ${answer.state}` }
  if (answer.isAsleep) return { reason: 'ModelGone', message: 'the engine is asleep' }
  if (isListed(seen, candidate)) return undefined
  const listed =
    answer.listed
      .filter(one => one.isLoaded)
      .map(one => one.name)
      .join(', ') || 'nothing'
  return {
    reason: seen.strategy === 'InPlace' ? 'ModelEvicted' : 'ModelGone',
    message: `the engine serves ${listed}`,
  }
}

export const retryAsked = (seen: RuntimeObservation): string | undefined =>
  pendingRequest(seen.runtime, 'retry')

/** Seconds the device may be silent while loading: grows with the weights (100 MB/s at worst), at least five minutes: a cold start of vLLM says nothing for three on a busy machine. */
export const stallSeconds = ({ runtime, weightBytes }: RuntimeObservation): number =>
  runtime.spec.switch.stallSeconds ?? 300 + Math.round((weightBytes ?? 0) / 100e6)
