// The history entry in status.operations: newest first, at most ten; no end and no duration while it runs.
import * as z from 'zod'
import { dateTime, text } from './schema.ts'

export const operationTypes = [
  'Install',
  'Activate',
  'Remove',
  'Rollback',
  'Verify',
  'Refresh',
  'Idle',
] as const
export const operationPhases = ['Running', 'Succeeded', 'Failed', 'Cancelled'] as const

export const Operation = z.object({
  id: text(64),
  type: z.enum(operationTypes),
  phase: z.enum(operationPhases),
  requestedBy: text(253).optional(),
  model: text(63).optional(),
  from: text(63).optional(),
  to: text(63).optional(),
  startedAt: dateTime(),
  finishedAt: dateTime().optional(),
  durationSeconds: z.int().min(0).max(2_000_000_000).optional(),
  bytes: z.int().min(0).max(9_007_199_254_740_991).optional(),
  downtimeMilliseconds: z.int().min(0).max(9_007_199_254_740_991).optional(),
  reason: text(64).optional(),
  message: text(256).optional(),
})
export type Operation = Readonly<z.infer<typeof Operation>>

const kept = 10

/** Adds or replaces the entry of that id; the newest stands first. */
export const recordOperation = (list: readonly Operation[], entry: Operation): Operation[] =>
  [entry, ...list.filter(other => other.id !== entry.id)]
    .sort((a, b) => b.startedAt.localeCompare(a.startedAt))
    .slice(0, kept)

type End = Pick<Operation, 'phase'> &
  Partial<Pick<Operation, 'reason' | 'message' | 'bytes' | 'downtimeMilliseconds'>>

/** Ends a running entry; one that ended before, or is not there, stays as it is. */
export const finishOperation = (list: readonly Operation[], id: string, end: End, now: Date): Operation[] =>
  list.map(entry => {
    if (entry.id !== id || entry.phase !== 'Running') return entry
    const durationSeconds = Math.max(0, Math.round((now.getTime() - Date.parse(entry.startedAt)) / 1000))
    return { ...entry, ...end, finishedAt: now.toISOString(), durationSeconds }
  })
