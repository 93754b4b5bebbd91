// When a failed work is tried again: pure arithmetic on the note that a failure leaves in status.
import type { Reason } from './conditions.ts'
import type { FailureNote } from './model.ts'
import type { WorkView } from './platform.ts'
import type { WorkFailure } from './worker-task.ts'

const minute = 60_000
/** Seconds; what a server asks for beyond it is not believed. */
const longestWait = 86_400

/** Terminal, but access can be granted elsewhere: looked at again after 1, 2, 4 … 15 minutes. */
const access: readonly Reason[] = [
  'Unauthorized',
  'Gated',
  'NotFound',
  'RevisionNotFound',
  'VolumeNotWritable',
]
const space: readonly Reason[] = ['OverBudget', 'NoSpace']

const delayOf = (failure: WorkFailure, attempt: number, maxAttempts: number): number | undefined => {
  if (failure.reason === 'OverBudget') return undefined
  if (failure.reason === 'NoSpace') return Math.min(15 * minute, minute * 2 ** (attempt - 1))
  if (failure.retryAfterSeconds) return Math.min(failure.retryAfterSeconds, longestWait) * 1000
  if (failure.retry === 'WhenAble') return Math.min(minute, 5_000 * 2 ** (attempt - 1))
  if (access.includes(failure.reason)) return Math.min(15 * minute, minute * 2 ** (attempt - 1))
  if (failure.retry === 'Never' || attempt >= maxAttempts) return undefined
  return Math.min(5 * minute, 5_000 * 2 ** (attempt - 1))
}

const died: WorkFailure = {
  reason: 'Interrupted',
  message: 'the worker ended without a result (killed, evicted, out of memory, or its machine was lost)',
  retry: 'Later',
}

/** The note of a work that ended badly. */
export const toNote = (work: WorkView, maxAttempts: number, now: Date): FailureNote => {
  const failure = work.result?.failure ?? { ...died, message: work.notStarted?.message ?? died.message }
  const at = work.endedAt ?? now.toISOString()
  const delay = delayOf(failure, work.attempt, maxAttempts)
  const exhausted = failure.retry === 'Later' && delay === undefined && !space.includes(failure.reason)
  return {
    reason: exhausted ? 'AttemptsExhausted' : failure.reason,
    message: exhausted
      ? `${work.attempt} attempts failed; the last: ${failure.message}`.slice(0, 200)
      : failure.message.slice(0, 200),
    attempts: work.attempt,
    at,
    ...(delay === undefined ? {} : { retryAt: new Date(Date.parse(at) + delay).toISOString() }),
    ...(failure.needBytes === undefined ? {} : { needBytes: failure.needBytes }),
    ...(failure.haveBytes === undefined ? {} : { haveBytes: failure.haveBytes }),
  }
}

/** Fresh: nothing failed. Due: try now. Backoff: a passing trouble, later. Access: a person may have to act, tried again later.
 *  Waiting: something named is missing. Space: until the ledger has room, or the full disk is tried again. Over: until a person asks. */
export type LaneState = 'Fresh' | 'Due' | 'Backoff' | 'Access' | 'Waiting' | 'Space' | 'Over'

export const laneState = (note: FailureNote | undefined, now: Date): LaneState => {
  if (!note) return 'Fresh'
  const reason = note.reason as Reason
  const isDue = note.retryAt !== undefined && Date.parse(note.retryAt) <= now.getTime()
  if (isDue) return 'Due'
  if (space.includes(reason)) return 'Space'
  if (!note.retryAt) return 'Over'
  if (reason === 'TokenSecretMissing') return 'Waiting'
  return access.includes(reason) ? 'Access' : 'Backoff'
}

/** Milliseconds until the note allows a try; at least one second. */
export const untilRetry = (note: FailureNote | undefined, now: Date): number =>
  Math.max(1_000, Date.parse(note?.retryAt ?? now.toISOString()) - now.getTime())

/** "again at 21:40:12" or nothing. */
export const retryWords = (note: FailureNote): string =>
  note.retryAt ? `; again at ${note.retryAt.slice(11, 19)} UTC` : ''
