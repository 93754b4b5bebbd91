// Loading and proving: from the first sign of the new engine to the proof that the wanted bytes answer.

import type { Reason } from './conditions.ts'
import type { RuntimeAction, RuntimeDecision } from './decision.ts'
import type { Candidate, RuntimeObservation } from './observation.ts'
import type { PodSight, Problem } from './platform.ts'
import { wordsOf } from './platform-words.ts'
import type { SwitchState } from './runtime.ts'
import {
  failureSaid,
  howEnded,
  isListed,
  keyProblem,
  newestPod,
  podRecipe,
  proofOf,
  proveAgain,
  type Switching,
  unreachable,
  untilReload,
} from './runtime-facts.ts'
import { waitForKey } from './runtime-key.ts'
import { commitSwitch, failSwitch } from './runtime-outcome.ts'
import { enter, type Step, sinceMs, stalledFor, stay, waitFor } from './runtime-step.ts'

export const loading: Step = now => {
  const { seen, target } = now
  if (!target) return enter(now, 'Unloading', 'unloading')
  const failed = failedToLoad(now, target)
  if (failed) return failed
  const scaled = scaleUp(now)
  if (scaled) return scaled
  if (isUp(seen, target)) return proveFirst(now, target) ?? enterVerifying(now, target)
  return watchLoad(now, seen.strategy === 'InPlace' ? loadInPlace(seen, target) : [])
}

/** Somebody scaled it to nothing meanwhile, and no pod would ever come: it is started again. */
const scaleUp = (now: Switching): RuntimeDecision | undefined =>
  now.seen.strategy === 'Recreate' && now.seen.serving.exists && now.seen.serving.replicas === 0
    ? waitFor(now, 'starting the engine', [{ do: 'scale', replicas: 1 }])
    : undefined

/** Most loads end with their first proof: Verifying is what takes longer. Behind a key each proof is a pod of its own. */
const proveFirst = (now: Switching, target: Candidate): RuntimeDecision | undefined => {
  const { seen, open } = now
  if (seen.runtime.spec.apiKeySecretRef || keyProblem(seen)) return undefined
  const proof = proofOf(seen, target)
  if (proof) return proof.isProved ? commitWhenReady(now, target) : undefined
  const prove: RuntimeAction = { do: 'prove', recipe: target.recipe }
  return { ...stay(now, open.message ?? 'proving the model', [prove]), again: 50, hold: true }
}

const enterVerifying = (now: Switching, target: Candidate): RuntimeDecision => {
  const entered = enter(now, 'Verifying', 'proving the model')
  const proof = proofOf(now.seen, target)
  return proof && !proof.isProved ? { ...entered, reason: proof.reason, message: proof.message } : entered
}

/** kubelet's readiness probe comes later than the engine's own word: clients come by the Service. */
const commitWhenReady = (now: Switching, target: Candidate): RuntimeDecision =>
  newestPod(now.seen)?.isReady
    ? commitSwitch(now, target)
    : waitFor(now, `proved; waiting for the ${wordsOf(now.seen).pod} to become ready`)

/** By the engine's own word: kubelet's readiness probe comes later, and is waited for before the commit only. */
const isUp = (seen: RuntimeObservation, target: Candidate): boolean => {
  const pod = newestPod(seen)
  const state = seen.engine?.answer.state
  if ((state !== 'Answers' && state !== 'KeyNeeded') || !pod) return false
  return seen.strategy === 'Recreate'
    ? podRecipe(pod) === target.recipe.hash
    : pod.isReady && isListed(seen, target)
}

export const loadInPlace = (seen: RuntimeObservation, target: Candidate): RuntimeAction[] => {
  const load = seen.engine?.load
  const isAtIt = load?.recipe === target.recipe.hash && (load.isRunning || untilReload(seen) > 0)
  return isAtIt ? [] : [{ do: 'load', recipe: target.recipe }]
}

/** A call that broke says nothing about the model: the engine may be loading all the same. */
const brokenCalls = 3

const failedToLoad = (now: Switching, target: Candidate): RuntimeDecision | undefined => {
  const trouble = loadTrouble(now, target)
  // What is proved late, because a key or the pod was waited for, is proved.
  const isLate = trouble?.reason === 'DeadlineExceeded' && proofOf(now.seen, target)?.isProved
  return trouble && !isLate ? failSwitch(now, trouble.reason, trouble.message) : undefined
}

/** The engine said so, ended, or was restarted: loading has failed. */
const loadTrouble = ({ seen, open }: Switching, target: Candidate): Problem | undefined => {
  const { maxSeconds } = seen.runtime.spec.switch
  if (maxSeconds && sinceMs(seen, open.startedAt) > maxSeconds * 1000 && !open.failure) {
    return { reason: 'DeadlineExceeded', message: `not done within maxSeconds (${maxSeconds} s)` }
  }
  const load = seen.engine?.load
  const problem = load?.recipe === target.recipe.hash ? load.problem : undefined
  if (problem && (problem.reason !== 'EngineUnreachable' || (load?.attempt ?? 0) >= brokenCalls))
    return problem
  const pod = newestPod(seen)
  const isNew = seen.strategy === 'Recreate' && pod && podRecipe(pod) === target.recipe.hash
  return isNew ? endedEarly(seen, pod) : undefined
}

const ends: readonly (Reason | undefined)[] = ['LoadFailed', 'OutOfMemory', 'CrashLoop']

/** The container ended before anything was proved: the cause in the engine's own words, else in the cluster's. */
const endedEarly = (seen: RuntimeObservation, pod: PodSight): Problem | undefined => {
  const isOver = pod.restarts > 0 || (!pod.isRunning && ends.includes(pod.problem?.reason))
  if (!isOver) return undefined
  const how = howEnded(seen, pod)
  const reason = how === undefined || how === 'CrashLoop' ? 'LoadFailed' : how
  const said = failureSaid(seen.signs)
  if (reason === 'LoadFailed' && isStillTold(seen)) return undefined
  if (said?.reason === reason) return { reason, message: said.message }
  const last = said?.message ?? seen.lastLines.at(-1)
  const message = `${pod.problem?.message ?? 'the engine ended while loading'}${last ? `; last line: ${last}` : ''}`
  return { reason, message }
}

/** What a container has said may reach its log after the news of its end. */
const lastWordsMs = 3_000

/** Its cause is not known yet, and may come. */
const isStillTold = (seen: RuntimeObservation): boolean => {
  const said = failureSaid(seen.signs)
  const isUnknown = said === undefined || said.isPointer === true
  return isUnknown && seen.logSince !== undefined && sinceMs(seen, seen.logSince) < lastWordsMs
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
    : (pod?.problem?.message ?? `waiting for the ${wordsOf(seen).pod}`)
  const again = seen.strategy === 'Recreate' && pod?.isRunning ? readyPollMs : 1_000
  const obstacle = obstacleOf(seen, pod)
  if (mark === open.progressMark)
    return stalledFor(now, obstacle) ?? { ...stay(now, open.message ?? message, actions), ...obstacle, again }
  const percent = sign?.percent === undefined ? {} : { percent: sign.percent }
  const next: SwitchState = {
    ...open,
    ...percent,
    message: message.slice(0, 200),
    progressMark: mark,
    lastProgressAt: seen.now.toISOString(),
  }
  return {
    phase: 'Switching',
    reason: 'Loading',
    message,
    ...obstacle,
    actions,
    again,
    change: { switch: next },
  }
}

/** A pod may have to wait a moment for the device; what lasts longer is told. */
const startPatience = 5_000

/** What stands in the way of loading, though nothing has failed: the pod cannot start, or it is ready and we cannot reach it. */
const obstacleOf = (seen: RuntimeObservation, pod: PodSight | undefined): Problem | undefined => {
  if (!pod) return undefined
  if (!pod.isRunning)
    return sinceMs(seen, pod.createdAt) > startPatience && pod.problem ? pod.problem : undefined
  return unreachable(seen)
}

export const verifying: Step = now => {
  const { seen, target } = now
  if (!target) return enter(now, 'Unloading', 'unloading')
  const prove: RuntimeAction = { do: 'prove', recipe: target.recipe }
  const waiting = newestPod(seen)?.isRunning ? waitForKey(now, [prove]) : undefined
  if (waiting) return waiting
  const failed = failedToLoad(now, target)
  if (failed) return failed
  const scaled = scaleUp(now)
  if (scaled) return scaled
  const proof = proofOf(seen, target)
  if (proof?.isProved) return commitWhenReady(now, target)
  const waited = sinceMs(seen, now.open.stepSince)
  const patience = Math.max(15_000, seen.runtime.spec.proof.timeoutSeconds * 2_000)
  const proving = stay(now, 'proving the model', proveAgain(seen, target))
  // An engine that is up is never judged by a stall: behind a key its worker may have had to wait.
  if (!proof) return (isUp(seen, target) ? undefined : stalledFor(now)) ?? proving
  const { reason, message } = proof
  return waited > patience ? failSwitch(now, reason, message) : { ...proving, reason, message }
}
