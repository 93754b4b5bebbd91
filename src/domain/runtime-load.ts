// Loading and proving: from the first sign of the new engine to the proof that the wanted bytes answer.
import type { Reason } from './conditions.ts'
import type { RuntimeAction, RuntimeDecision } from './decision.ts'
import type { Candidate, RuntimeObservation } from './observation.ts'
import type { SwitchState } from './runtime.ts'
import { isListed, newestPod, podRecipe, proofOf, type Switching } from './runtime-facts.ts'
import { commitSwitch, failSwitch } from './runtime-outcome.ts'
import { enter, type Step, sinceMs, stalledFor, stay } from './runtime-step.ts'

export const loading: Step = now => {
  const { seen, target } = now
  if (!target) return enter(now, 'Unloading', 'unloading')
  const trouble = loadTrouble(now, target)
  if (trouble) return failSwitch(now, trouble.reason, trouble.message)
  if (isUp(seen, target)) return enter(now, 'Verifying', 'proving the model')
  return watchLoad(now, seen.strategy === 'InPlace' ? loadInPlace(seen, target) : [])
}

/** By the engine's own word: kubelet's readiness probe comes later, and is waited for before the commit only. */
const isUp = (seen: RuntimeObservation, target: Candidate): boolean => {
  const pod = newestPod(seen)
  if (seen.engine?.answer.state !== 'Answers' || !pod) return false
  return seen.strategy === 'Recreate'
    ? podRecipe(pod) === target.recipe.hash
    : pod.isReady && isListed(seen, target)
}

export const loadInPlace = (seen: RuntimeObservation, target: Candidate): RuntimeAction[] =>
  seen.engine?.load?.recipe === target.recipe.hash && seen.engine.load.isRunning
    ? []
    : [{ do: 'load', recipe: target.recipe }]

/** The engine said so, ended, or was restarted: loading has failed. */
const loadTrouble = (
  { seen, open }: Switching,
  target: Candidate,
): { reason: Reason; message: string } | undefined => {
  const { maxSeconds } = seen.runtime.spec.switch
  if (maxSeconds && sinceMs(seen, open.startedAt) > maxSeconds * 1000 && !open.failure) {
    return { reason: 'DeadlineExceeded', message: `not done within maxSeconds (${maxSeconds} s)` }
  }
  const load = seen.engine?.load
  if (load?.recipe === target.recipe.hash && load.error) return { reason: 'LoadFailed', message: load.error }
  const pod = newestPod(seen)
  if (seen.strategy === 'InPlace' || !pod || podRecipe(pod) !== target.recipe.hash) return undefined
  const said = seen.signs.find(sign => sign.failure)?.failure
  const ended = pod.restarts > 0 || (pod.problem && !pod.isRunning && pod.problem.reason === 'LoadFailed')
  if (said && ended) return said
  if (!ended) return undefined
  const last = seen.lastLines.at(-1)
  return {
    reason: 'LoadFailed',
    message: `${pod.problem?.message ?? 'the engine ended while loading'}${last ? `; last line: ${last}` : ''}`,
  }
}

/** An engine tells nobody that it is up: a cheap look, four times a second while it loads. */
const readyPollMs = 250

/** Only a sign that was not seen before counts as progress. */
const watchLoad = (now: Switching, actions: readonly RuntimeAction[]): RuntimeDecision => {
  const { seen, open } = now
  const pod = newestPod(seen)
  const sign = seen.signs.at(-1)
  const mark = [pod?.uid.slice(0, 8), pod?.isRunning ? 'running' : 'waiting', sign?.mark ?? '']
    .join(' ')
    .slice(0, 64)
  const message = pod?.isRunning
    ? `loading${sign ? `: ${sign.mark}` : ''}`
    : (pod?.problem?.message ?? 'waiting for the pod')
  const again = seen.strategy === 'Recreate' && pod?.isRunning ? readyPollMs : 1_000
  if (mark === open.progressMark)
    return stalledFor(now) ?? { ...stay(now, open.message ?? message, actions), again }
  const percent = sign?.percent === undefined ? {} : { percent: sign.percent }
  const next: SwitchState = {
    ...open,
    ...percent,
    message: message.slice(0, 200),
    progressMark: mark,
    lastProgressAt: seen.now.toISOString(),
  }
  return { phase: 'Switching', reason: 'Loading', message, actions, again, change: { switch: next } }
}

export const verifying: Step = now => {
  const { seen, target } = now
  if (!target) return enter(now, 'Unloading', 'unloading')
  const trouble = loadTrouble(now, target)
  if (trouble) return failSwitch(now, trouble.reason, trouble.message)
  const proof = proofOf(seen, target)
  if (proof?.isProved)
    return newestPod(seen)?.isReady
      ? commitSwitch(now, target)
      : (stalledFor(now) ?? stay(now, 'proved; waiting for the pod to become ready'))
  const waited = sinceMs(seen, now.open.stepSince)
  const patience = Math.max(15_000, seen.runtime.spec.proof.timeoutSeconds * 2_000)
  if (proof && !proof.isProved && waited > patience) return failSwitch(now, proof.reason, proof.message)
  return stay(now, 'proving the model', [{ do: 'prove', recipe: target.recipe }])
}
