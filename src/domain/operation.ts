// The history entry in status.operations: newest first, at most ten; no end and no duration while it runs.
import * as z from 'zod'
import { bytes, count, dateTime, text } from './schema.ts'

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
  id: text(64).describe('Known before the work begins; the same request has the same id.'),
  type: z.enum(operationTypes).describe('What was done.'),
  phase: z.enum(operationPhases).describe('How it stands.'),
  requestedBy: text(253)
    .optional()
    .describe('Who asked: user of the API, or the manager that wrote the spec.'),
  model: text(63).optional().describe('Model it is about.'),
  from: text(63).optional().describe('Model that served before.'),
  to: text(63).optional().describe('Model that was to serve.'),
  startedAt: dateTime().describe('When it began.'),
  finishedAt: dateTime().optional().describe('When it ended; absent while it runs.'),
  durationSeconds: count().optional().describe('How long it took; absent while it runs.'),
  bytes: bytes().optional().describe('Bytes that were moved.'),
  downtimeMilliseconds: bytes().optional().describe('How long nothing answered.'),
  reason: text(64).optional().describe('Word from docs/reasons.md.'),
  message: text(256).optional().describe('The same for people.'),
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
