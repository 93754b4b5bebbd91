// The history of a Model: Install when bytes are fetched, Refresh, Verify, and beside them Remove; each begins and ends exactly once.
import { laneState } from './attempts.ts'
import type { Reason } from './conditions.ts'
import type { ModelDecision } from './decision.ts'
import type { ModelStatus } from './model.ts'
import type { ModelFacts } from './model-settle.ts'
import { finishOperation, type Operation, recordOperation } from './operation.ts'

export const nextOperations = (facts: ModelFacts, decision: ModelDecision, next: ModelStatus): Operation[] =>
  withRemoval(facts, decision, next)(withInstall(facts, decision, next))

/** Ends what stands open by the phase that was reached; opens what begins. */
const withInstall = (facts: ModelFacts, decision: ModelDecision, next: ModelStatus): Operation[] => {
  const list = facts.status.operations ?? []
  const open = list.find(operation => operation.phase === 'Running' && operation.type !== 'Remove')
  if (open) return closeBy(list, open, decision, next, facts.seen.now)
  const type = beginning(facts, decision)
  if (!type) return [...list]
  const { metadata } = facts.seen.model
  return recordOperation(list, {
    id: facts.seen
      .digest(
        `${metadata.uid}/${type}/${metadata.generation}/${facts.status.round ?? 0}/${list[0]?.id ?? ''}`,
      )
      .slice(0, 16),
    type,
    phase: 'Running',
    ...(metadata.specManager ? { requestedBy: metadata.specManager } : {}),
    model: metadata.name,
    startedAt: facts.seen.now.toISOString(),
  })
}

const working = ['Resolving', 'Downloading', 'Queued', 'Waiting', 'Blocked', 'Verifying']

const beginning = (facts: ModelFacts, { phase }: ModelDecision): Operation['type'] | undefined => {
  if (phase === 'Verifying') return 'Verify'
  if (!working.includes(phase) || phase === 'Waiting' || phase === 'Blocked') return undefined
  return facts.seen.model.status.resolved && phase === 'Resolving' ? 'Refresh' : 'Install'
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
  if (phase === 'Ready')
    return finishOperation(list, open.id, { phase: 'Succeeded', ...(bytes ? { bytes } : {}) }, now)
  if (phase === 'Failed' || phase === 'Rejected')
    return finishOperation(list, open.id, { phase: 'Failed', reason, message: message.slice(0, 200) }, now)
  if (phase === 'Paused' || phase === 'Deleting')
    return finishOperation(list, open.id, { phase: 'Cancelled', reason }, now)
  return [...list]
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
