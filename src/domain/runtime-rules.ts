// The Runtime life cycle: ordered rules, the first that speaks decides, and its name is the phase.
import { decideBy, type Rule, type RuntimeAction, type RuntimeDecision } from './decision.ts'
import { pendingRequest } from './object.ts'
import { type Candidate, isProblem, type RuntimeObservation } from './observation.ts'
import type { Problem } from './platform.ts'
import { toPercent } from './progress.ts'
import type { RuntimeStatus } from './runtime.ts'
import {
  activeOf,
  goneReason,
  isProofDue,
  isSame,
  keepProving,
  keyProblem,
  newestPod,
  proofLeeway,
  proofOf,
  proveAgain,
  retryAsked,
  type Switching,
  templateRecipe,
  toServed,
  untilProof,
  untilReload,
  wantedOf,
} from './runtime-facts.ts'
import { backInService, failSwitch } from './runtime-outcome.ts'
import { enter } from './runtime-step.ts'
import { beginSwitch, continueSwitch } from './runtime-switch.ts'
import { failedBefore, isPassing, problemsOf } from './runtime-wish.ts'

type Seen = RuntimeObservation
type Speak = (seen: Seen) => RuntimeDecision | undefined

const deleting: Speak = seen => {
  if (!seen.runtime.metadata.deletionTimestamp) return undefined
  const restores = pendingRequest(seen.runtime, 'restore') ? [{ do: 'restore' as const }] : []
  const actions = [...restores, { do: 'release' as const }, { do: 'releaseFinalizer' as const }]
  return { phase: 'Deleting', reason: 'Deleting', message: 'letting go of the engine', actions }
}

const openSwitchOf = (seen: Seen): Switching | undefined => {
  const open = seen.runtime.status.switch
  if (!open) return undefined
  const wanted = wantedOf(seen)
  const target = wanted && isSame(open.to, toServed(wanted)) ? wanted : undefined
  return { seen, open, ...(target ? { target } : {}) }
}

const rollingBack: Speak = seen => {
  const now = openSwitchOf(seen)
  return now?.open.step === 'RollingBack' ? continueSwitch(now) : undefined
}

/** Goes on with the open switch, or turns it round when another thing is wanted by now. */
const switching: Speak = seen => {
  const now = openSwitchOf(seen)
  if (!now) return undefined
  const { open } = now
  const wanted = wantedOf(seen)
  const isIdle = seen.runtime.spec.desiredState === 'Idle'
  if (isIdle ? !open.to : now.target) return continueSwitch(now)
  if (!isIdle && wanted && isSame(open.from, toServed(wanted)))
    return failSwitch(now, 'Replaced', 'the model before is wanted again')
  if (isIdle || wanted) return replaceTarget(now)
  return failSwitch(now, 'Replaced', whyNot(seen))
}

/** The end of a switch and what holds after it are one word, unless that is another switch or has to be proved first. */
export const conclude = (seen: Seen, said: RuntimeDecision): RuntimeDecision => {
  const { change, actions } = said
  if (!change || !('switch' in change) || change.switch || change.active) return said
  const after = decideRuntime(afterwards(seen, change))
  if (after.hold || after.change?.switch) return said
  // What is asked for after it is asked for again, when the end stands in status.
  const again = after.actions.length > 0 ? 1 : after.again
  return {
    ...after,
    actions,
    ...(again === undefined ? {} : { again }),
    change: { ...change, ...after.change },
  }
}

const afterwards = (seen: Seen, change: NonNullable<RuntimeDecision['change']>): Seen => {
  const { committed, from: _, ...rest } = seen
  const status = { ...seen.runtime.status, ...change } as RuntimeStatus
  const runtime = { ...seen.runtime, status }
  return { ...rest, runtime, ...(status.active && committed ? { committed } : {}) }
}

const concluded =
  (speak: Speak): Speak =>
  seen => {
    const said = speak(seen)
    return said && conclude(seen, said)
  }

/** The wish has changed, or cannot be met now: that says nothing against the target, which may be wanted again. */
const whyNot = ({ wanted }: Seen): string =>
  wanted && isProblem(wanted) ? wanted.message : 'the target is not wanted any more'

const replaceTarget = (now: Switching): RuntimeDecision => {
  const wanted = now.seen.runtime.spec.desiredState === 'Idle' ? undefined : wantedOf(now.seen)
  const { to: _, ...kept } = now.open
  const open = { ...kept, ...(wanted ? { to: toServed(wanted) } : {}) }
  const isEarly = open.step === 'Preflight' || open.step === 'Draining'
  const message = wanted ? `now to ${wanted.model}` : 'now to idle'
  const said = enter({ ...now, open }, isEarly ? open.step : 'Unloading', message)
  const operations = now.seen.runtime.status.operations?.map(o =>
    o.id === open.id && wanted ? { ...o, to: wanted.model } : o,
  )
  return { ...said, change: { ...said.change, ...(operations ? { operations } : {}) } }
}

/** What serves is proved as ever, so that Ready stays honest; nothing is changed. */
const paused: Speak = seen => {
  const { paused, proof } = seen.runtime.spec
  if (!paused) return undefined
  const actions = keepProving(seen)
  const isRenewed = actions.length > 0 && seen.engine?.proof?.isProved
  return {
    phase: 'Paused',
    reason: 'Paused',
    message: 'spec.paused is set; what serves stays',
    actions,
    again: isRenewed ? proof.intervalSeconds * 1000 : Math.max(1_000, untilProof(seen)),
    leeway: proofLeeway(seen.runtime),
  }
}

const rejected: Speak = seen => {
  const no = (problem: Problem): RuntimeDecision => ({
    phase: 'Rejected',
    ...problem,
    actions: [],
    isStalled: true,
    again: 60_000,
  })
  if (seen.runtime.invalid) return no({ reason: 'InvalidSpec', message: seen.runtime.invalid })
  const problem = problemsOf(seen).find(one => !isPassing(one))
  return problem ? no(problem) : failedBefore(seen, 'Cancelled')
}

const waiting: Speak = seen => {
  const problem = problemsOf(seen).find(isPassing)
  return problem && { phase: 'Waiting', ...problem, actions: [], again: 15_000 }
}

const observing: Speak = seen => {
  const { activeModel, desiredState } = seen.runtime.spec
  if (activeModel !== undefined || desiredState !== 'Active') return undefined
  const names = seen.engine?.answer.listed.filter(one => one.isLoaded).map(one => one.name) ?? []
  const silence = newestPod(seen)?.problem?.message ?? keyProblem(seen)?.message ?? 'nothing serves'
  const isBehindKey = seen.engine?.answer.isBehindKey
  const unknown = isBehindKey ? 'the engine answers; what it serves is behind its key' : silence
  const serving = names.length > 0 ? `serves ${names.join(', ')}` : unknown
  return {
    phase: 'Observing',
    reason: 'Observing',
    message: serving,
    actions: [],
    again: 15_000,
    change: { serving: serving.slice(0, 256) },
  }
}

const idle: Speak = seen => {
  if (seen.runtime.spec.desiredState !== 'Idle') return undefined
  const isLoaded =
    seen.strategy === 'Recreate'
      ? seen.serving.replicas > 0 || seen.serving.pods.length > 0
      : (seen.engine?.answer.listed.some(one => one.isLoaded) ?? false)
  if (isLoaded) return beginSwitch(seen, undefined)
  return {
    phase: 'Idle',
    reason: 'Idle',
    message: 'unloaded',
    actions: [],
    change: { active: undefined },
    again: 60_000,
  }
}

const waitingForModel: Speak = seen => {
  if (!seen.wanted || !isProblem(seen.wanted)) return undefined
  const { status } = seen.wantedModel ?? { status: undefined }
  const progress = status?.progress
    ? ` (${toPercent(status.progress.bytesDone, status.progress.bytesTotal)}%)`
    : ''
  const message = `${seen.wanted.message}${progress}`
  return {
    phase: 'WaitingForModel',
    reason: 'WaitingForModel',
    message,
    actions: keepProving(seen),
    again: 15_000,
  }
}

const switchDue: Speak = seen => {
  const wanted = wantedOf(seen)
  const isTakenBack = seen.serving.drift !== undefined && retryAsked(seen) !== undefined
  if (!wanted) return undefined
  const isActive = isSame(activeOf(seen), toServed(wanted))
  if (isActive && !isTakenBack && !isLaunchLost(seen)) return undefined
  const said = beginSwitch(seen, wanted)
  const retry = retryAsked(seen)
  return retry
    ? { ...said, change: { ...said.change, lastHandled: { ...seen.runtime.status.lastHandled, retry } } }
    : said
}

/** Gone, and nobody would bring it back: the Deployment was deleted and made anew by somebody, as it was before our first switch. */
const isLaunchLost = (seen: Seen): boolean => {
  const { committed, serving, strategy } = seen
  const isOther = strategy === 'Recreate' && serving.exists && templateRecipe(seen) !== committed?.recipe.hash
  if (!isOther || !committed) return false
  // Behind a key nothing is listed: that another model serves is known by a proof alone.
  return goneReason(seen, committed) !== undefined || proofOf(seen, committed)?.reason === 'WrongModel'
}

/** Committed, but gone: whoever restarts it is waited for; what nobody else would bring back is loaded again. */
const degraded: Speak = seen => {
  const { committed } = seen
  if (!committed) return undefined
  const proof = proofOf(seen, committed)
  const unproved = proof && !proof.isProved ? proof : undefined
  const gone: Problem | undefined = goneReason(seen, committed) ?? unproved
  if (!gone) return undefined
  const isUnproved = gone === unproved || gone === seen.engine?.askTrouble
  const actions = isUnproved ? proveAgain(seen, committed) : bringBack(seen, committed, gone)
  const again = isUnproved ? 1_000 : 2_000
  return { phase: 'Degraded', reason: gone.reason, message: inDetail(seen, gone), actions, again }
}

/** With what the engine said last, or how the load that should bring it back ended. */
const inDetail = (seen: Seen, gone: Problem): string => {
  const last = newestPod(seen)?.isReady ? undefined : seen.lastLines.at(-1)
  const failed = gone.reason === 'ModelEvicted' ? seen.engine?.load?.problem?.message : undefined
  if (failed) return `${gone.message}; loading it again: ${failed}`
  return last ? `${gone.message}; last line: ${last}` : gone.message
}

/** kubelet or systemd restart a process; a deleted Deployment of ours, zero replicas and an evicted model come back by us only. */
const bringBack = (seen: Seen, committed: Candidate, gone: Problem): RuntimeAction[] => {
  const { serving, strategy, engine } = seen
  if (!serving.exists) return serving.origin === 'Made' ? [{ do: 'apply', launch: committed.launch }] : []
  if (serving.replicas === 0) return [{ do: 'scale', replicas: 1 }]
  const isEvicted = strategy === 'InPlace' && gone.reason === 'ModelEvicted' && !engine?.load?.isRunning
  return isEvicted && untilReload(seen) === 0 ? [{ do: 'load', recipe: committed.recipe }] : []
}

const active: Speak = seen => {
  const { committed } = seen
  const name = activeOf(seen)?.model ?? ''
  const interval = seen.runtime.spec.proof.intervalSeconds * 1000
  if (!committed)
    return { phase: 'Active', reason: 'Active', message: `${name} is active`, actions: [], again: interval }
  const proof = proofOf(seen, committed)
  const isDue = isProofDue(seen) || !proof
  // A drain that was taken back while its own write could not be seen left the pod without requests.
  const actions = [
    ...backInService(seen),
    ...(isDue ? [{ do: 'prove' as const, recipe: committed.recipe }] : []),
  ]
  const { pending } = seen.serving
  const message = `${name} answers${pending ? `; ${pending}` : ''}`
  if (!proof) return { phase: 'Active', reason: 'Active', message, actions, again: 500, hold: true }
  const again = isDue ? interval : Math.min(interval, Math.max(500, untilProof(seen)))
  const leeway = proofLeeway(seen.runtime)
  return { phase: 'Active', reason: 'Active', message, actions, again, leeway }
}

export const runtimeRules: readonly Rule<Seen, RuntimeDecision>[] = [
  ['Deleting', deleting],
  ['RollingBack', concluded(rollingBack)],
  ['Switching', concluded(switching)],
  ['Paused', paused],
  ['Rejected', rejected],
  ['Waiting', waiting],
  ['Observing', observing],
  ['Idle', idle],
  ['RolledBack', seen => failedBefore(seen, 'RolledBack')],
  ['Failed', seen => failedBefore(seen, 'Failed')],
  ['WaitingForModel', waitingForModel],
  ['SwitchDue', switchDue],
  ['Degraded', degraded],
  ['Active', active],
]

export const decideRuntime = (seen: Seen): RuntimeDecision => decideBy(runtimeRules, seen)
