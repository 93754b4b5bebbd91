// How a switch begins and ends: what stands in status.switch, status.active, status.lastSwitch and the history.
import { type Reason, shortMessage } from './conditions.ts'
import type { RuntimeAction, RuntimeDecision } from './decision.ts'
import type { Candidate, RuntimeObservation } from './observation.ts'
import { finishOperation, recordOperation } from './operation.ts'
import type { LastSwitch, Served, SwitchState } from './runtime.ts'
import { activeOf, newestPod, othersLoaded, podRecipe, type Switching, toServed } from './runtime-facts.ts'

/** What serves before the switch: the last committed one, else whatever was found. */
const servingNow = (seen: RuntimeObservation): Served | undefined => {
  const active = activeOf(seen)
  if (active) return active
  const pod = newestPod(seen)
  return seen.strategy === 'Recreate' && pod?.isReady ? { recipe: podRecipe(pod) } : undefined
}

interface Opened {
  readonly said: RuntimeDecision
  readonly open: SwitchState
}

/** Opens the switch in status; nothing outside is touched before that stands there. */
export const openSwitch = (seen: RuntimeObservation, target: Candidate | undefined): Opened => {
  const now = seen.now.toISOString()
  const { status, metadata } = seen.runtime
  const attempt = isRepeated(status.lastSwitch, target) ? 2 : 1
  const from = servingNow(seen)
  const id = seen
    .digest(`${metadata.uid}/${metadata.generation}/${target?.recipe.hash ?? 'Idle'}/${now}`)
    .slice(0, 16)
  const open: SwitchState = {
    id,
    ...(from ? { from } : {}),
    ...(target ? { to: toServed(target) } : {}),
    step: 'Preflight',
    message: 'checking before anything is touched',
    startedAt: now,
    stepSince: now,
    lastProgressAt: now,
    attempt,
    ...expectation(status.lastSwitch),
  }
  const operations = recordOperation(status.operations ?? [], {
    id,
    type: target ? 'Activate' : 'Idle',
    phase: 'Running',
    ...(metadata.specManager ? { requestedBy: metadata.specManager } : {}),
    ...(from?.model ? { from: from.model } : {}),
    ...(target ? { to: target.model, model: target.model } : {}),
    startedAt: now,
  })
  const said: RuntimeDecision = {
    phase: 'SwitchDue',
    reason: 'SwitchDue',
    message: target ? `switching to ${target.model}` : 'unloading',
    actions: [],
    again: 1,
    change: { switch: open, operations },
  }
  return { said, open }
}

const isRepeated = (last: LastSwitch | undefined, target: Candidate | undefined): boolean =>
  Boolean(target && last?.to?.recipe === target.recipe.hash && last.result !== 'Committed')

/** Whole seconds the switch before took, when it went well. */
const expectation = (last: LastSwitch | undefined) =>
  last?.result === 'Committed'
    ? { expectedSeconds: Math.ceil((Date.parse(last.finishedAt) - Date.parse(last.startedAt)) / 1000) }
    : {}

const closed = (now: Switching, result: LastSwitch['result'], more: Partial<LastSwitch> = {}): LastSwitch => {
  const { id, from, to, startedAt, failure } = now.open
  return {
    id,
    ...(from ? { from } : {}),
    ...(to ? { to } : {}),
    result,
    startedAt,
    finishedAt: now.seen.now.toISOString(),
    ...(failure ? { reason: failure.reason, message: failure.message } : {}),
    ...more,
  }
}

const downtime = ({ open, seen }: Switching) =>
  open.downSince ? { downtimeMilliseconds: Math.max(0, seen.now.getTime() - Date.parse(open.downSince)) } : {}

const history = (now: Switching, phase: 'Succeeded' | 'Failed' | 'Cancelled', more: object = {}) =>
  finishOperation(now.seen.runtime.status.operations ?? [], now.open.id, { phase, ...more }, now.seen.now)

/** The target is proved: it is what serves from now on. */
export const commitSwitch = (now: Switching, target: Candidate): RuntimeDecision => {
  const { seen } = now
  const lost = downtime(now)
  const active = {
    ...toServed(target),
    model: target.model,
    revision: target.revision,
    since: seen.now.toISOString(),
    ...(seen.serving.endpoint ? { endpoint: seen.serving.endpoint } : {}),
    ...(seen.wantedModel?.status.capabilities ? { capabilities: seen.wantedModel.status.capabilities } : {}),
  }
  return {
    phase: 'Active',
    reason: 'Active',
    message: `${target.model} answers`,
    actions: [{ do: 'commit', recipe: target.recipe }, ...dropOthers(seen, target)],
    again: 1_000,
    change: {
      switch: undefined,
      active,
      lastSwitch: closed(now, 'Committed', lost),
      operations: history(now, 'Succeeded', lost),
    },
  }
}

/** What clients held while the switch ran: the alias has moved, and nobody loads it again by that name. */
const dropOthers = (seen: RuntimeObservation, target: Candidate): readonly RuntimeAction[] =>
  seen.strategy === 'InPlace' && othersLoaded(seen, target).length > 0
    ? [{ do: 'unload', keep: target.recipe }]
    : []

/** Ends without a new serving: Idle (unloaded as asked), RolledBack (the old one serves again), Failed (nothing does), Cancelled
 *  (refused before anything was touched: the old one serves on). */
export const endSwitch = (
  now: Switching,
  result: 'Idle' | 'RolledBack' | 'Failed' | 'Cancelled',
): RuntimeDecision => {
  const failure = now.open.failure ?? { reason: 'Replaced', message: 'a newer wish took its place' }
  const lost = result === 'Failed' ? {} : downtime(now)
  if (result === 'Idle') {
    const change = {
      switch: undefined,
      active: undefined,
      lastSwitch: closed(now, 'Committed'),
      operations: history(now, 'Succeeded'),
    }
    return { phase: 'Idle', reason: 'Idle', message: 'unloaded', actions: [], change }
  }
  const isCancel = failure.reason === 'Replaced'
  const operations = history(now, isCancel ? 'Cancelled' : 'Failed', { ...failure, ...lost })
  const lastSwitch = closed(now, isCancel && result === 'RolledBack' ? 'Cancelled' : result, lost)
  const gone = result === 'Failed' ? { active: undefined } : {}
  const phase = result === 'Cancelled' ? 'Rejected' : result
  return {
    phase,
    reason: failure.reason as Reason,
    message: failure.message,
    actions: [],
    again: 1,
    change: { switch: undefined, lastSwitch, operations, ...gone },
  }
}

/** A pod that was taken out for draining gets requests again. */
export const backInService = (seen: RuntimeObservation): readonly RuntimeAction[] => {
  const pod = newestPod(seen)
  const isOut = seen.serving.origin === 'Made' && pod?.isReady && !pod.isInService
  return isOut ? [{ do: 'setInService', pod: pod.name, isInService: true }] : []
}

/** What went wrong decides the way: nothing touched yet → drop; something served before → back; else Failed. */
export const failSwitch = (now: Switching, reason: Reason, message: string): RuntimeDecision => {
  const failure = { reason, message: shortMessage(message, 240) }
  const failed = { ...now, open: { ...now.open, failure } }
  const untouched = now.open.step === 'Preflight' || now.open.step === 'Draining'
  if (untouched) {
    const result = reason === 'Replaced' ? 'RolledBack' : 'Cancelled'
    return { ...endSwitch(failed, result), actions: backInService(now.seen) }
  }
  const { onFailure } = now.seen.runtime.spec.switch
  if (!now.open.from || (onFailure === 'Stop' && reason !== 'Replaced')) return endSwitch(failed, 'Failed')
  const at = now.seen.now.toISOString()
  const { progressMark: _, percent: __, ...kept } = failed.open
  const change = {
    switch: {
      ...kept,
      step: 'RollingBack' as const,
      message: 'going back',
      stepSince: at,
      lastProgressAt: at,
    },
  }
  return { phase: 'RollingBack', reason, message: `going back: ${message}`, actions: [], again: 1, change }
}

/** The way back is barred: nothing serves, and waiting would not help. */
export const failBack = (now: Switching, reason: Reason, message: string): RuntimeDecision => {
  const before = now.open.failure?.reason
  const text = `cannot go back${before ? ` after ${before}` : ''}: ${message}`
  const failure = { reason, message: shortMessage(text, 240) }
  return { ...endSwitch({ ...now, open: { ...now.open, failure } }, 'Failed'), isStalled: true }
}
