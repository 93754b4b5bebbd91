import { describe, expect, it } from 'vitest'
import { laneState, retryWords, toNote, untilRetry } from '../../src/domain/attempts.ts'
import type { WorkFailure } from '../../src/domain/worker-task.ts'
import { at, aWork, now } from '../builders/seen.ts'

const noteOf = (failure: Partial<WorkFailure> | undefined, attempt = 1, maxAttempts = 5) =>
  toNote(
    aWork({
      phase: 'Failed',
      attempt,
      endedAt: now.toISOString(),
      ...(failure
        ? { result: { failure: { reason: 'TransferFailed', message: 'm', retry: 'Later', ...failure } } }
        : {}),
    }),
    maxAttempts,
    now,
  )

const waitOf = (note: ReturnType<typeof noteOf>): number | undefined =>
  note.retryAt === undefined ? undefined : (Date.parse(note.retryAt) - now.getTime()) / 1000

describe('A failed work', () => {
  it.each([
    ['a broken transfer doubles from five seconds', {}, 1, 5],
    ['a broken transfer, third time', {}, 3, 20],
    ['the last attempt is the last', {}, 5, undefined],
    ['a missing Secret is looked for again', { reason: 'TokenSecretMissing', retry: 'WhenAble' }, 1, 5],
    ['a missing Secret, at most every minute', { reason: 'TokenSecretMissing', retry: 'WhenAble' }, 9, 60],
    ['access that is not given, after a minute', { reason: 'Gated', retry: 'Never' }, 1, 60],
    ['access that is not given, at most every 15 minutes', { reason: 'Gated', retry: 'Never' }, 9, 900],
    ['a wrong digest stays wrong', { reason: 'Integrity', retry: 'Never' }, 1, undefined],
    ['no room is no question of time', { reason: 'OverBudget', retry: 'WhenAble' }, 1, undefined],
    ['a source that says when', { reason: 'RateLimited', retryAfterSeconds: 90 }, 1, 90],
  ] as const)('%s', (_, failure, attempt, seconds) => {
    expect(waitOf(noteOf(failure, attempt))).toBe(seconds)
  })

  it('that ended without a result was interrupted and is tried again', () => {
    expect(noteOf(undefined)).toMatchObject({ reason: 'Interrupted', retryAt: at(5) })
  })

  it('that used up its attempts says so and what the last one said', () => {
    expect(noteOf({ message: 'reset' }, 5)).toMatchObject({
      reason: 'AttemptsExhausted',
      message: '5 attempts failed; the last: reset',
    })
  })
})

describe('What a note allows', () => {
  const note = { reason: 'TransferFailed', message: 'm', attempts: 1, at: at(-5) }

  it.each([
    ['Fresh', undefined],
    ['Over', note],
    ['Due', { ...note, retryAt: at(0) }],
    ['Backoff', { ...note, retryAt: at(5) }],
    ['Access', { ...note, reason: 'Gated', retryAt: at(5) }],
    ['Waiting', { ...note, reason: 'TokenSecretMissing', retryAt: at(5) }],
    ['Space', { ...note, reason: 'NoSpace' }],
  ] as const)('%s', (state, given) => {
    expect(laneState(given, now)).toBe(state)
  })

  it('says when it is tried again', () => {
    expect(retryWords({ ...note, retryAt: at(5) })).toBe('; again at 12:00:05 UTC')
    expect(untilRetry({ ...note, retryAt: at(5) }, now)).toBe(5_000)
    expect(untilRetry(note, now)).toBe(1_000)
  })
})
