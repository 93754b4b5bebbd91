// The switch as a transaction: each step is re-derived from what is seen, so that any controller can continue it.
//  Preflight → Draining → Unloading → Loading → Verifying → committed
//                              any failure after Preflight → RollingBack → the old one again, or Failed
import type { Reason } from './conditions.ts'
import type { RuntimeAction, RuntimeDecision } from './decision.ts'
import type { Candidate, RuntimeObservation } from './observation.ts'
import type { SwitchState, SwitchStep } from './runtime.ts'
import {
  asFound,
  isListed,
  newestPod,
  podRecipe,
  proofOf,
  type Switching,
  stallSeconds,
  templateRecipe,
  writeBack,
} from './runtime-facts.ts'
import { commitSwitch, endSwitch, failSwitch } from './runtime-outcome.ts'

const captions: Record<SwitchStep, Reason> = {
  Preflight: 'SwitchDue',
  Draining: 'Draining',
  Unloading: 'Unloading',
  Loading: 'Loading',
  Verifying: 'Verifying',
  RollingBack: 'Switching',
}

/** Stays in the step: actions now, another look in a second. */
export const stay = (
  { open, seen }: Switching,
  message: string,
  actions: readonly RuntimeAction[] = [],
): RuntimeDecision => ({
  phase: open.step === 'RollingBack' ? 'RollingBack' : 'Switching',
  reason: captions[open.step],
  message,
  actions,
  again: 1_000,
  ...(open.message === message
    ? {}
    : { change: { switch: { ...open, message, lastProgressAt: seen.now.toISOString() } } }),
})

/** Enters another step; what it does begins in the next pass, when the step stands in status. */
export const enter = (
  { seen, open }: Switching,
  step: SwitchStep,
  message: string,
  more: Partial<SwitchState> = {},
): RuntimeDecision => {
  const now = seen.now.toISOString()
  const { progressMark: _, percent: __, ...kept } = open
  const next: SwitchState = { ...kept, ...more, step, message, stepSince: now, lastProgressAt: now }
  return {
    phase: step === 'RollingBack' ? 'RollingBack' : 'Switching',
    reason: captions[step],
    message,
    actions: [],
    again: 1,
    change: { switch: next },
  }
}

type Step = (now: Switching) => RuntimeDecision

const sinceMs = (seen: RuntimeObservation, at: string): number => seen.now.getTime() - Date.parse(at)

const preflight: Step = now => {
  const { seen } = now
  const { serving } = seen
  const [problem] = serving.problems
  if (problem) return failSwitch(now, problem.reason, problem.message)
  const unreachable = unreachableEngine(seen)
  if (unreachable) {
    return sinceMs(seen, now.open.stepSince) > 15_000
      ? failSwitch(now, 'EngineUnreachable', unreachable)
      : stay(now, unreachable)
  }
  if (seen.strategy === 'InPlace')
    return seen.engine ? enter(now, 'Unloading', 'unloading the old model') : startEngine(now)
  if (serving.exists && serving.origin === 'Adopted' && !serving.isExclusive)
    return stay(now, 'making the Deployment exclusive', [{ do: 'prepare' }])
  if (serving.exists && serving.origin === 'Adopted' && !serving.isPrepared)
    return stay(now, 'keeping the originals', [{ do: 'prepare' }])
  return enter(now, 'Draining', 'letting running requests end')
}

/** An in-place engine that has no pod yet: made, or scaled to nothing. */
const startEngine: Step = now => {
  const { seen, target } = now
  if (!seen.serving.exists && target)
    return stay(now, 'making the Deployment', [{ do: 'apply', launch: target.launch }])
  if (seen.serving.replicas === 0) return stay(now, 'starting the engine', [{ do: 'scale', replicas: 1 }])
  const pod = newestPod(seen)
  return stalledFor(now) ?? stay(now, pod?.problem?.message ?? 'waiting for the engine to start')
}

const unreachableEngine = (seen: RuntimeObservation): string | undefined => {
  const pod = newestPod(seen)
  const state = seen.engine?.answer.state
  if (!pod?.isReady || !seen.engine || (state !== 'Refused' && state !== 'Silent')) return undefined
  return `${pod.address} does not answer the operator: allow it in the NetworkPolicy of the engine`
}

/** A Service that does not select our label keeps the pod, however often it is asked: the grace period drains then. */
const serviceLagMs = 3_000

const draining: Step = now => {
  const { seen, open } = now
  const pod = newestPod(seen)
  const { drainSeconds } = seen.runtime.spec.switch
  const canDrain =
    seen.serving.origin === 'Made' && pod?.isReady && seen.strategy === 'Recreate' && drainSeconds > 0
  if (!pod || !canDrain) return enter(now, 'Unloading', 'unloading the old model', downNow(seen))
  const running = seen.engine?.answer.running ?? 0
  const waited = sinceMs(seen, open.stepSince)
  if (pod.isInService && waited < serviceLagMs)
    return stay(now, 'taking the pod out of the Service', [
      { do: 'setInService', pod: pod.name, isInService: false },
    ])
  if (running > 0 && waited < drainSeconds * 1000) return stay(now, 'waiting for running requests')
  return enter(
    now,
    'Unloading',
    running > 0 ? `${running} requests are cut` : 'unloading the old model',
    downNow(seen),
  )
}

/** Downtime begins when a serving that answered is taken away. */
const downNow = (seen: RuntimeObservation): Partial<SwitchState> =>
  newestPod(seen)?.isReady ? { downSince: seen.now.toISOString() } : {}

const unloading: Step = now => {
  const { seen, target } = now
  if (seen.strategy === 'InPlace') return unloadInPlace(now)
  if (!target) return unloadToIdle(now)
  if (templateRecipe(seen) !== target.recipe.hash)
    return stay(now, 'writing the new launch', [{ do: 'apply', launch: target.launch }])
  if (seen.serving.replicas === 0) return stay(now, 'starting the engine', [{ do: 'scale', replicas: 1 }])
  const old = seen.serving.pods.filter(pod => podRecipe(pod) !== target.recipe.hash)
  if (old.length > 0) return stalledFor(now) ?? stay(now, `waiting for pod ${old[0]?.name} to end`)
  return enter(now, 'Loading', 'the device is free; loading')
}

const unloadInPlace: Step = now => {
  const { seen, target } = now
  const others =
    seen.engine?.answer.listed.filter(one => one.isLoaded && one.identity !== target?.recipe.identity) ?? []
  if (seen.engine?.answer.state !== 'Answers')
    return stalledFor(now) ?? stay(now, 'waiting for the engine to answer')
  const keep = target ? { keep: target.recipe } : {}
  if (others.length > 0) return stay(now, `unloading ${others[0]?.name}`, [{ do: 'unload', ...keep }])
  return target ? enter(now, 'Loading', 'loading', downNow(seen)) : endSwitch(now, 'Idle')
}

const unloadToIdle: Step = now => {
  const { seen } = now
  if (seen.serving.replicas > 0) return stay(now, 'scaling to zero', [{ do: 'scale', replicas: 0 }])
  if (seen.serving.pods.length > 0) return stay(now, `waiting for pod ${seen.serving.pods[0]?.name} to end`)
  return endSwitch(now, 'Idle')
}

const loading: Step = now => {
  const { seen, target } = now
  if (!target) return enter(now, 'Unloading', 'unloading')
  const trouble = loadTrouble(now, target)
  if (trouble) return failSwitch(now, trouble.reason, trouble.message)
  if (isUp(seen, target)) return enter(now, 'Verifying', 'proving the model')
  return watchLoad(now, seen.strategy === 'InPlace' ? loadInPlace(seen, target) : [])
}

const isUp = (seen: RuntimeObservation, target: Candidate): boolean => {
  const pod = newestPod(seen)
  const isRight = seen.strategy === 'InPlace' || (pod && podRecipe(pod) === target.recipe.hash)
  return Boolean(
    isRight &&
      pod?.isReady &&
      seen.engine?.answer.state === 'Answers' &&
      (seen.strategy === 'Recreate' || isListed(seen, target)),
  )
}

const loadInPlace = (seen: RuntimeObservation, target: Candidate): RuntimeAction[] =>
  seen.engine?.load?.recipe === target.recipe.hash && seen.engine.load.isRunning
    ? []
    : [{ do: 'load', recipe: target.recipe }]

/** The engine said so, ended, or was restarted: loading has failed. */
export const loadTrouble = (
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
  if (mark === open.progressMark)
    return stalledFor(now) ?? { ...stay(now, open.message ?? message, actions), again: 1_000 }
  const percent = sign?.percent === undefined ? {} : { percent: sign.percent }
  const next: SwitchState = {
    ...open,
    ...percent,
    message: message.slice(0, 200),
    progressMark: mark,
    lastProgressAt: seen.now.toISOString(),
  }
  return { phase: 'Switching', reason: 'Loading', message, actions, again: 1_000, change: { switch: next } }
}

const stalledFor = (now: Switching): RuntimeDecision | undefined => {
  const limit = stallSeconds(now.seen)
  if (sinceMs(now.seen, now.open.lastProgressAt) < limit * 1000) return undefined
  return failSwitch(now, 'LoadStalled', `no progress for ${limit} s; last: ${now.open.message ?? ''}`)
}

const verifying: Step = now => {
  const { seen, target } = now
  if (!target) return enter(now, 'Unloading', 'unloading')
  const trouble = loadTrouble(now, target)
  if (trouble) return failSwitch(now, trouble.reason, trouble.message)
  const proof = proofOf(seen, target)
  if (proof?.isProved && newestPod(seen)?.isReady) return commitSwitch(now, target)
  const waited = sinceMs(seen, now.open.stepSince)
  const patience = Math.max(15_000, seen.runtime.spec.proof.timeoutSeconds * 2_000)
  if (proof && !proof.isProved && waited > patience) return failSwitch(now, proof.reason, proof.message)
  return stay(now, 'proving the model', [{ do: 'prove', recipe: target.recipe }])
}

/** Backwards: the launch before, then the same proof, when its Model is still there to prove by. */
const rollingBack: Step = now => {
  const { seen, open } = now
  const { from } = seen
  const hash = open.from?.recipe ?? asFound
  const trouble = sinceMs(seen, open.lastProgressAt) > stallSeconds(seen) * 1000
  if (trouble) return endSwitch(now, 'Failed')
  if (seen.strategy === 'InPlace') return from ? rollBackInPlace(now, from) : endSwitch(now, 'Failed')
  if (templateRecipe(seen) !== hash) return stay(now, 'writing the old launch back', [writeBack(seen, hash)])
  if (seen.serving.replicas === 0) return stay(now, 'starting the engine', [{ do: 'scale', replicas: 1 }])
  const pod = newestPod(seen)
  if (!pod || podRecipe(pod) !== hash || !pod.isReady) return stay(now, 'waiting for the old model to load')
  if (!from)
    return seen.engine?.answer.state === 'Answers'
      ? endSwitch(now, 'RolledBack')
      : stay(now, 'waiting for the old engine to answer')
  return proveBack(now, from)
}

const rollBackInPlace = (now: Switching, from: Candidate): RuntimeDecision => {
  const { seen } = now
  const others = seen.engine?.answer.listed.some(one => one.isLoaded && one.identity !== from.recipe.identity)
  if (others) return stay(now, 'unloading what failed', [{ do: 'unload', keep: from.recipe }])
  if (!isListed(seen, from)) return stay(now, 'loading the old model', loadInPlace(seen, from))
  return proveBack(now, from)
}

const proveBack = (now: Switching, from: Candidate): RuntimeDecision =>
  proofOf(now.seen, from)?.isProved
    ? endSwitch(now, 'RolledBack')
    : stay(now, 'proving the old model', [{ do: 'prove', recipe: from.recipe }])

const steps: Record<SwitchStep, Step> = {
  Preflight: preflight,
  Draining: draining,
  Unloading: unloading,
  Loading: loading,
  Verifying: verifying,
  RollingBack: rollingBack,
}

export const continueSwitch = (now: Switching): RuntimeDecision => steps[now.open.step](now)
