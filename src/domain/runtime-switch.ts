// The switch as a transaction: each step is re-derived from what is seen, so that any controller can continue it.
//  Preflight → Draining → Unloading → Loading → Verifying → committed
//                              any failure after Preflight → RollingBack → the old one again, or Failed
import type { RuntimeAction, RuntimeDecision } from './decision.ts'
import type { Candidate, RuntimeObservation } from './observation.ts'
import type { SwitchStep } from './runtime.ts'
import {
  asFound,
  isListed,
  keyProblem,
  newestPod,
  newestPodOf,
  podRecipe,
  proofOf,
  type Switching,
  stallSeconds,
  templateRecipe,
  unreachable,
  writeBack,
} from './runtime-facts.ts'
import { keyFirst, waitForKey } from './runtime-key.ts'
import { loadInPlace, loading, verifying } from './runtime-load.ts'
import { endSwitch, failSwitch } from './runtime-outcome.ts'
import { downNow, enter, type Step, sinceMs, stay, waitFor, waitOn } from './runtime-step.ts'

const preflight: Step = now => {
  const { seen } = now
  const { serving } = seen
  const [problem] = serving.problems
  if (problem) return failSwitch(now, problem.reason, problem.message)
  const apart = unreachable(seen)
  if (apart) {
    return sinceMs(seen, now.open.stepSince) > 15_000
      ? failSwitch(now, apart.reason, apart.message)
      : { ...stay(now, apart.message), reason: apart.reason }
  }
  const waiting = keyFirst(now)
  if (waiting) return waiting
  if (seen.strategy === 'InPlace')
    return seen.engine ? enter(now, 'Unloading', 'unloading the old model') : startEngine(now)
  if (serving.exists && serving.origin === 'Adopted' && !serving.isExclusive)
    return stay(now, 'making the Deployment exclusive', [{ do: 'prepare' }])
  if (serving.exists && serving.origin === 'Adopted' && !serving.isPrepared)
    return stay(now, 'keeping the originals', [{ do: 'prepare' }])
  return canDrain(seen)
    ? enter(now, 'Draining', 'letting running requests end')
    : enter(now, 'Unloading', 'unloading the old model', downNow(seen))
}

/** Only a made serving can be taken out of its Service; without a running pod there is nothing to wait for. */
const canDrain = ({ serving, strategy, runtime }: RuntimeObservation): boolean =>
  serving.origin === 'Made' &&
  strategy === 'Recreate' &&
  runtime.spec.switch.drainSeconds > 0 &&
  newestPodOf(serving.pods)?.isReady === true

/** An in-place engine that has no pod yet: made, or scaled to nothing. */
const startEngine: Step = now => {
  const { seen, target } = now
  if (!seen.serving.exists && target)
    return stay(now, 'making the Deployment', [{ do: 'apply', launch: target.launch }])
  if (seen.serving.replicas === 0) return stay(now, 'starting the engine', [{ do: 'scale', replicas: 1 }])
  const pod = newestPod(seen)
  return waitFor(now, pod?.problem?.message ?? 'waiting for the engine to start')
}

/** A Service that does not select our label keeps the pod, however often it is asked: the grace period drains then. */
const serviceLagMs = 3_000

const draining: Step = now => {
  const { seen, open } = now
  const pod = newestPod(seen)
  const { drainSeconds } = seen.runtime.spec.switch
  if (!pod || !canDrain(seen)) return enter(now, 'Unloading', 'unloading the old model', downNow(seen))
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

const unloading: Step = now => {
  const { seen, target } = now
  if (seen.strategy === 'InPlace') return unloadInPlace(now)
  if (!target) return unloadToIdle(now)
  if (templateRecipe(seen) !== target.recipe.hash)
    return stay(now, 'writing the new launch', [{ do: 'apply', launch: target.launch }])
  if (seen.serving.replicas === 0) return stay(now, 'starting the engine', [{ do: 'scale', replicas: 1 }])
  const old = seen.serving.pods.filter(pod => podRecipe(pod) !== target.recipe.hash)
  if (old.length > 0) return waitFor(now, `waiting for pod ${old[0]?.name} to end`)
  return enter(now, 'Loading', 'the device is free; loading')
}

const unloadInPlace: Step = now => {
  const { seen, target } = now
  const others =
    seen.engine?.answer.listed.filter(one => one.isLoaded && one.identity !== target?.recipe.identity) ?? []
  if (seen.engine?.answer.state !== 'Answers') return waitFor(now, 'waiting for the engine to answer')
  const keep = target ? { keep: target.recipe } : {}
  if (others.length > 0) return waitFor(now, `unloading ${others[0]?.name}`, [{ do: 'unload', ...keep }])
  return target ? enter(now, 'Loading', 'loading', downNow(seen)) : endSwitch(now, 'Idle')
}

const unloadToIdle: Step = now => {
  const { seen } = now
  if (seen.serving.replicas > 0) return stay(now, 'scaling to zero', [{ do: 'scale', replicas: 0 }])
  if (seen.serving.pods.length > 0) return waitOn(now, `waiting for pod ${seen.serving.pods[0]?.name} to end`)
  return endSwitch(now, 'Idle')
}

/** Backwards: the launch before, then the same proof, when its Model is still there to prove by. */
const rollingBack: Step = now => {
  const { seen, open } = now
  const { from } = seen
  const hash = open.from?.recipe ?? asFound
  const trouble = sinceMs(seen, open.lastProgressAt) > stallSeconds(seen) * 1000
  // The wait for a key was no stall, and ends with the proof.
  const isProved = from && proofOf(seen, from)?.isProved
  if (trouble && !isProved && !keyProblem(seen)) return endSwitch(now, 'Failed')
  if (seen.strategy === 'InPlace') return from ? rollBackInPlace(now, from) : endSwitch(now, 'Failed')
  if (templateRecipe(seen) !== hash) return stay(now, 'writing the old launch back', [writeBack(seen, hash)])
  if (seen.serving.replicas === 0) return stay(now, 'starting the engine', [{ do: 'scale', replicas: 1 }])
  const pod = newestPod(seen)
  if (!pod || podRecipe(pod) !== hash || !pod.isReady) return stay(now, 'waiting for the old model to load')
  if (!from)
    return seen.engine?.answer.state === 'Answers' || keyProblem(seen)
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

const proveBack = (now: Switching, from: Candidate): RuntimeDecision => {
  const prove: RuntimeAction = { do: 'prove', recipe: from.recipe }
  return proofOf(now.seen, from)?.isProved
    ? endSwitch(now, 'RolledBack')
    : (waitForKey(now, [prove]) ?? stay(now, 'proving the old model', [prove]))
}

const steps: Record<SwitchStep, Step> = {
  Preflight: preflight,
  Draining: draining,
  Unloading: unloading,
  Loading: loading,
  Verifying: verifying,
  RollingBack: rollingBack,
}

export const continueSwitch = (now: Switching): RuntimeDecision => steps[now.open.step](now)
