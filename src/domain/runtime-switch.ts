// The switch as a transaction: each step is re-derived from what is seen, so that any controller can continue it.
//  Preflight → Draining → Unloading → Loading → Verifying → committed
//                              any failure after Preflight → RollingBack → the old one again, or Failed
import type { RuntimeAction, RuntimeDecision } from './decision.ts'
import type { Candidate, RuntimeObservation } from './observation.ts'
import type { PodSight } from './platform.ts'
import { wordsOf } from './platform-words.ts'
import type { SwitchState, SwitchStep } from './runtime.ts'
import {
  asFound,
  isListed,
  keyProblem,
  newestPod,
  newestPodOf,
  othersLoaded,
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
import { backInService, endSwitch, failSwitch, openSwitch } from './runtime-outcome.ts'
import { downNow, enter, type Step, sinceMs, stay, waitFor, waitOn } from './runtime-step.ts'

/** A pod that is long gone may be in sight for 45 s where a watch fell silent, and answers nobody. */
const mostApartMs = 60_000

const preflight: Step = now => {
  const { seen } = now
  const { serving } = seen
  const [problem] = serving.problems
  if (problem) return failSwitch(now, problem.reason, problem.message)
  const apart = unreachable(seen)
  if (apart) {
    return sinceMs(seen, now.open.stepSince) > mostApartMs
      ? failSwitch(now, apart.reason, apart.message)
      : { ...stay(now, apart.message), reason: apart.reason }
  }
  const waiting = keyFirst(now)
  if (waiting) return waiting
  if (seen.strategy === 'InPlace')
    return seen.engine ? enter(now, 'Unloading', roomFor(now)) : startEngine(now)
  if (serving.exists && serving.origin === 'Adopted' && !serving.isExclusive)
    return stay(now, 'making the Deployment exclusive', [{ do: 'prepare' }])
  if (serving.exists && serving.origin === 'Adopted' && !serving.isPrepared)
    return stay(now, 'keeping the originals', [{ do: 'prepare' }])
  return canDrain(seen) && mustWait(now)
    ? enter(now, 'Draining', roomFor(now, 'letting running requests end'))
    : enter(now, 'Unloading', roomFor(now), downNow(seen))
}

const roomFor = (
  { open: { from, to } }: Switching,
  how = `unloading ${from?.model ?? 'the old model'}`,
): string => (to?.model ? `making room for ${to.model}: ${how}` : how)

/** Where clients speak to the engine itself, an idle one has nothing to wait for. */
const mustWait = ({ seen, open }: Switching): boolean =>
  running(seen) > 0 || (!seen.serving.isDirect && sinceMs(seen, open.startedAt) > 0)

const running = ({ engine }: RuntimeObservation): number => engine?.answer.running ?? 0

/** Only a made serving can be taken out of its Service, or told when to end; without a running pod there is nothing to wait for. */
const canDrain = ({ serving, strategy, runtime }: RuntimeObservation): boolean =>
  serving.origin === 'Made' &&
  strategy === 'Recreate' &&
  runtime.spec.switch.drainSeconds > 0 &&
  newestPodOf(serving.pods)?.isReady === true

/** An in-place engine that has no pod yet: made, or scaled to nothing. */
const startEngine: Step = now => {
  const { seen, target } = now
  if (!seen.serving.exists && target)
    return stay(now, `making ${wordsOf(seen).workload}`, [{ do: 'apply', launch: target.launch }])
  if (seen.serving.replicas === 0) return stay(now, 'starting the engine', [{ do: 'scale', replicas: 1 }])
  const pod = newestPod(seen)
  return waitFor(now, pod?.problem?.message ?? 'waiting for the engine to start')
}

/** A Service that does not select our label keeps the pod, however often it is asked: the grace period drains then. */
const serviceLagMs = 3_000

const draining: Step = now => {
  const { seen, open } = now
  const pod = newestPod(seen)
  if (!pod || !canDrain(seen)) return enter(now, 'Unloading', roomFor(now), downNow(seen))
  const waited = sinceMs(seen, open.stepSince)
  const leaving = leaveService(now, pod)
  if (leaving) return leaving
  const requests = running(seen)
  if (requests > 0 && waited < seen.runtime.spec.switch.drainSeconds * 1000)
    return stay(now, 'waiting for running requests')
  const how = requests > 0 ? `${requests} requests are cut` : undefined
  return enter(now, 'Unloading', roomFor(now, how), downNow(seen))
}

const leaveService = (now: Switching, pod: PodSight): RuntimeDecision | undefined =>
  pod.isInService && !now.seen.serving.isDirect && sinceMs(now.seen, now.open.stepSince) < serviceLagMs
    ? stay(now, 'taking the pod out of the Service', [
        { do: 'setInService', pod: pod.name, isInService: false },
      ])
    : undefined

/** No request ran when the switch was opened: the pod leaves its Service here, and what came in meanwhile is let end. */
const leaveIdle = (now: Switching): RuntimeDecision | undefined => {
  const { seen, open } = now
  const pod = newestPod(seen)
  if (!pod || open.stepSince !== open.startedAt || !canDrain(seen)) return undefined
  return running(seen) > 0
    ? enter(now, 'Draining', roomFor(now, 'letting running requests end'))
    : leaveService(now, pod)
}

const unloading: Step = now => {
  const { seen, target } = now
  if (seen.strategy === 'InPlace') return unloadInPlace(now)
  if (!target) return unloadToIdle(now)
  if (templateRecipe(seen) !== target.recipe.hash)
    return leaveIdle(now) ?? stay(now, 'writing the new launch', [{ do: 'apply', launch: target.launch }])
  if (seen.serving.replicas === 0) return stay(now, 'starting the engine', [{ do: 'scale', replicas: 1 }])
  const old = seen.serving.pods.filter(pod => podRecipe(pod) !== target.recipe.hash)
  if (old.length > 0) return waitFor(now, waitForEnd(seen, old))
  return enter(now, 'Loading', 'the device is free; loading')
}

/** What hinders its end is worth more than its name. */
const waitForEnd = (seen: RuntimeObservation, [pod]: readonly PodSight[]): string => {
  const why = pod?.isLeaving && pod.problem ? `: ${pod.problem.message}` : ''
  return `waiting for ${wordsOf(seen).pod} ${pod?.name} to end${why}`
}

const unloadInPlace: Step = now => {
  const { seen, target } = now
  const others = othersLoaded(seen, target)
  if (seen.engine?.answer.state !== 'Answers') return waitFor(now, 'waiting for the engine to answer')
  const keep = target ? { keep: target.recipe } : {}
  if (others.length > 0 && !(target && isHeld(now)))
    return waitFor(now, `unloading ${others[0]?.name}`, [{ do: 'unload', ...keep }])
  return target ? enter(now, 'Loading', 'loading', downNow(seen)) : endSwitch(now, 'Idle')
}

/** Unloaded in this step, and there all the same: clients who ask all the time load it again. They come along when the alias moves; until then Ollama itself makes room for the model that is wanted. */
const isHeld = ({ seen: { engine }, open }: Switching): boolean =>
  engine?.unloadedAt !== undefined && engine.unloadedAt >= open.stepSince

const unloadToIdle: Step = now => {
  const { seen } = now
  if (seen.serving.replicas > 0)
    return leaveIdle(now) ?? stay(now, 'scaling to zero', [{ do: 'scale', replicas: 0 }])
  if (seen.serving.pods.length > 0) return waitOn(now, waitForEnd(seen, seen.serving.pods))
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
  const back = from ? proveBack(now, from) : answersBack(now)
  return { ...back, actions: [...backInService(seen), ...back.actions] }
}

/** As it was found: there is nothing to prove it by. */
const answersBack: Step = now =>
  now.seen.engine?.answer.state === 'Answers' || keyProblem(now.seen)
    ? endSwitch(now, 'RolledBack')
    : stay(now, 'waiting for the old engine to answer')

const rollBackInPlace = (now: Switching, from: Candidate): RuntimeDecision => {
  const { seen } = now
  const others = othersLoaded(seen, from).length > 0
  if (others && !isHeld(now)) return stay(now, 'unloading what failed', [{ do: 'unload', keep: from.recipe }])
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

export const continueSwitch = (now: Switching): RuntimeDecision => {
  const said = steps[now.open.step](now)
  const next = said.change?.switch
  return next && isPassed(said, now.open) ? passOn(said, { ...now, open: next }) : said
}

/** Opens it at the first step that has something to do. */
export const beginSwitch = (seen: RuntimeObservation, target: Candidate | undefined): RuntimeDecision => {
  const { said, open } = openSwitch(seen, target)
  const now = { seen, open, ...(target ? { target } : {}) }
  return passOn(sayAtOnce(said, now), now)
}

/** That a worker will show the key is told with the intent: it takes a while, and the words alone would be one write more. */
const sayAtOnce = (said: RuntimeDecision, now: Switching): RuntimeDecision => {
  const { phase, reason, message, change, actions } = continueSwitch(now)
  const isAsked = change !== undefined && actions.some(action => action.do === 'checkKey')
  return isAsked ? { ...said, phase, reason, message, change: { ...said.change, ...change } } : said
}

/** A step that has nothing to do is passed in the same look: what stands in status is the one that has. */
const passOn = (said: RuntimeDecision, now: Switching): RuntimeDecision => {
  const further = continueSwitch(now)
  return isPassed(further, now.open) ? { ...further, change: { ...said.change, ...further.change } } : said
}

/** It went on without touching anything. A failure is told from where it happened, after a look at the log. */
const isPassed = ({ actions, change }: RuntimeDecision, { step }: SwitchState): boolean =>
  actions.length === 0 &&
  change?.switch !== undefined &&
  change.switch.step !== step &&
  change.switch.step !== 'RollingBack'
