// The history of a Model: Install when bytes are fetched, Refresh, Verify, Remove; each begins and ends exactly once.
import type { ModelDecision } from './decision.ts'
import type { ModelStatus } from './model.ts'
import type { ModelFacts } from './model-settle.ts'
import { finishOperation, type Operation, recordOperation } from './operation.ts'

/** Ends what stands open by the phase that was reached; opens what begins. */
export const nextOperations = (
  facts: ModelFacts,
  decision: ModelDecision,
  next: ModelStatus,
): Operation[] => {
  const list = facts.status.operations ?? []
  const open = list.find(operation => operation.phase === 'Running')
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
