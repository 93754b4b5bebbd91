// The history of a Model: Install when bytes are fetched, Refresh, Verify, and beside them Remove; each begins and ends exactly once.
import { laneState } from './attempts.ts'
import type { Reason } from './conditions.ts'
import type { ModelDecision, ModelPhase } from './decision.ts'
import type { ModelStatus } from './model.ts'
import { hasEnded, isPresentResolve, type ModelFacts } from './model-settle.ts'
import { finishOperation, type Operation, recordOperation } from './operation.ts'

export const nextOperations = (facts: ModelFacts, decision: ModelDecision, next: ModelStatus): Operation[] =>
  withRemoval(facts, decision, next)(withInstall(facts, decision, next))

/** Opens what begins; ends what stands open by the phase that was reached, also what no pass could write about before it ended. */
const withInstall = (facts: ModelFacts, decision: ModelDecision, next: ModelStatus): Operation[] => {
  const before = facts.status.operations ?? []
  const list = before.some(isOpen) ? before : withBegun(facts, decision, before)
  const open = list.find(isOpen)
  if (open?.type === 'Refresh' && decision.phase === 'Ready' && isCancelledNow(facts))
    return finishOperation(list, open.id, { phase: 'Cancelled', reason: 'Cancelled' }, facts.seen.now)
  return open ? closeBy(list, open, decision, next, facts.seen.now) : [...list]
}

const isCancelledNow = ({ seen, status }: ModelFacts): boolean =>
  status.lastHandled?.cancel !== seen.model.status.lastHandled?.cancel

const isOpen = ({ type, phase }: Operation): boolean => phase === 'Running' && type !== 'Remove'

const withBegun = (
  facts: ModelFacts,
  decision: ModelDecision,
  list: readonly Operation[],
): readonly Operation[] => {
  const begun = beginning(facts, decision)
  if (!begun) return list
  const { seen, status } = facts
  const { metadata } = seen.model
  const about = `${metadata.uid}/${begun.type}/${metadata.generation}/${status.round ?? 0}/${list[0]?.id ?? ''}`
  return recordOperation(list, {
    id: seen.digest(about).slice(0, 16),
    type: begun.type,
    phase: 'Running',
    ...(metadata.specManager ? { requestedBy: metadata.specManager } : {}),
    model: metadata.name,
    startedAt: begun.at ?? seen.now.toISOString(),
  })
}

interface Begun {
  readonly type: Operation['type']
  /** RFC 3339; absent: now */
  readonly at?: string
}

const beginning = (facts: ModelFacts, { phase }: ModelDecision): Begun | undefined => {
  switch (phase) {
    case 'Verifying':
      return { type: 'Verify' }
    case 'Resolving':
      return { type: typeOfResolve(facts) }
    case 'Downloading':
    case 'Queued':
      return { type: 'Install' }
    case 'Paused':
    case 'Cancelled':
    case 'Deleting':
    case 'Rejected':
      return undefined
    default:
      return unheardOf(facts, phase)
  }
}

const typeOfResolve = ({ seen }: ModelFacts): Operation['type'] =>
  seen.model.status.resolved ? 'Refresh' : 'Install'

/** Work that was started, and perhaps ended, by passes whose words did not reach the server. */
const unheardOf = (facts: ModelFacts, phase: ModelPhase): Begun | undefined => {
  const { seen, status } = facts
  const known = status.operations ?? []
  if (phase === 'Failed' && known.length > 0) return undefined
  const mayRun = phase === 'Waiting' || phase === 'Blocked'
  const [work] = seen.works
    .filter(one => one.command !== 'remove' && (mayRun || hasEnded(one)))
    .filter(one => one.command !== 'resolve' || isPresentResolve(seen.sourceHash, status, one))
    .sort((a, b) => a.startedAt.localeCompare(b.startedAt))
  if (!work) return undefined
  const types = { verify: 'Verify', download: 'Install', resolve: typeOfResolve(facts) } as const
  const type = types[work.command as keyof typeof types]
  return type && { type, at: work.startedAt }
}

const closeBy = (
  list: readonly Operation[],
  open: Operation,
  decision: ModelDecision,
  next: ModelStatus,
  now: Date,
): Operation[] => {
  const { phase, reason, message } = decision
  const bytes = next.copies?.reduce((sum, copy) => sum + (copy.bytesStored ?? 0), 0)
  const broken = phase === 'Ready' ? brokenVerify(open, next) : undefined
  if (broken) return finishOperation(list, open.id, { phase: 'Failed', ...broken }, now)
  if (phase === 'Ready')
    return finishOperation(list, open.id, { phase: 'Succeeded', ...(bytes ? { bytes } : {}) }, now)
  if (phase === 'Failed' || phase === 'Rejected')
    return finishOperation(list, open.id, { phase: 'Failed', reason, message: message.slice(0, 200) }, now)
  if (phase === 'Paused' || phase === 'Cancelled' || phase === 'Deleting')
    return finishOperation(list, open.id, { phase: 'Cancelled', reason }, now)
  return [...list]
}

/** What was verified once stays so; that nobody could look at it again is no success all the same. */
const brokenVerify = ({ type }: Operation, next: ModelStatus) => {
  const failure = type === 'Verify' ? next.copies?.find(copy => copy.failure)?.failure : undefined
  return failure && { reason: failure.reason as Reason, message: failure.message }
}

/** Copies leave while others are fetched or ready; with the Model itself goes its history. */
const withRemoval =
  ({ seen, status }: ModelFacts, { phase }: ModelDecision, next: ModelStatus) =>
  (list: Operation[]): Operation[] => {
    const { metadata } = seen.model
    const open = list.find(operation => operation.phase === 'Running' && operation.type === 'Remove')
    const leaving = next.copies?.filter(copy => copy.phase === 'Removing') ?? []
    const going = leaving.filter(copy => laneState(copy.failure, seen.now) !== 'Over')
    if (open && going.length > 0) return list
    if (open) return finishOperation(list, open.id, endOfRemoval(seen.model.status, next), seen.now)
    const [first] = going
    if (!first || phase === 'Deleting') return list
    const about = `${first.claim}/${first.subPath}@${first.revision}#${status.round ?? 0}/${list[0]?.id ?? ''}`
    return recordOperation(list, {
      id: seen.digest(`${metadata.uid}/Remove/${about}`).slice(0, 16),
      type: 'Remove',
      phase: 'Running',
      ...(metadata.specManager ? { requestedBy: metadata.specManager } : {}),
      model: metadata.name,
      startedAt: seen.now.toISOString(),
    })
  }

/** Gone, wanted again, or left there because nothing helped. */
const endOfRemoval = (before: ModelStatus, next: ModelStatus): Parameters<typeof finishOperation>[2] => {
  const removing = before.copies?.filter(copy => copy.phase === 'Removing') ?? []
  const left = removing.flatMap(
    ({ claim, subPath }) => next.copies?.find(copy => copy.claim === claim && copy.subPath === subPath) ?? [],
  )
  const [stuck] = left.filter(copy => copy.phase === 'Removing')
  if (stuck?.failure) {
    const { reason, message } = stuck.failure
    return { phase: 'Failed', reason: reason as Reason, message: message.slice(0, 200) }
  }
  if (left.length > 0) return { phase: 'Cancelled', reason: 'Replaced' }
  const bytes = removing.reduce((sum, copy) => sum + (copy.bytesStored ?? 0), 0)
  return { phase: 'Succeeded', ...(bytes ? { bytes } : {}) }
}
