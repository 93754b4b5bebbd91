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
    ['a wrong token, after a minute', { reason: 'Unauthorized', retry: 'Never' }, 1, 60],
    ['a repository that is not there, after a minute', { reason: 'NotFound', retry: 'Never' }, 1, 60],
    ['a revision that is not there, after two', { reason: 'RevisionNotFound', retry: 'Never' }, 2, 120],
    ['a volume that refuses, after four', { reason: 'VolumeNotWritable', retry: 'Never' }, 3, 240],
    ['a wrong digest stays wrong', { reason: 'Integrity', retry: 'Never' }, 1, undefined],
    ['a full disk, after a minute', { reason: 'NoSpace', retry: 'WhenAble' }, 1, 60],
    ['a full disk, at most every 15 minutes, for ever', { reason: 'NoSpace', retry: 'Later' }, 9, 900],
    [
      'no room in the quota is no question of time',
      { reason: 'OverBudget', retry: 'WhenAble' },
      1,
      undefined,
    ],
    ['a source that says when', { reason: 'RateLimited', retryAfterSeconds: 90 }, 1, 90],
  ] as const)('%s', (_, failure, attempt, seconds) => {
    expect(waitOf(noteOf(failure, attempt))).toBe(seconds)
  })

  it('that ended without a result was interrupted and is tried again', () => {
    expect(noteOf(undefined)).toMatchObject({ reason: 'Interrupted', retryAt: at(5) })
  })

  it('that ended without a result uses up its attempts like any other', () => {
    expect(noteOf(undefined, 5)).toMatchObject({ reason: 'AttemptsExhausted' })
  })

  it('that nothing can mend keeps its own reason, also at the last attempt', () => {
    expect(noteOf({ reason: 'Integrity', retry: 'Never' }, 5).reason).toBe('Integrity')
    expect(noteOf({ reason: 'NoSpace', retry: 'Later' }, 5).reason).toBe('NoSpace')
  })

  it('is tried again from the moment it ended, not from the one it was seen', () => {
    const failed = {
      result: { failure: { reason: 'TransferFailed', message: 'm', retry: 'Later' } },
    } as const
    expect(toNote(aWork({ ...failed, endedAt: at(-3) }), 5, now)).toMatchObject({
      at: at(-3),
      retryAt: at(2),
    })
    expect(toNote(aWork(failed), 5, now)).toMatchObject({ at: at(0), retryAt: at(5) })
  })

  it('says how much room is missing, and only then', () => {
    const room = { needBytes: 5e9, haveBytes: 2e9 }
    expect(noteOf({ reason: 'NoSpace', ...room })).toMatchObject(room)
    expect(Object.keys(noteOf({}))).toEqual(['reason', 'message', 'attempts', 'at', 'retryAt'])
  })

  it('has a message that fits into status', () => {
    const message = 'x'.repeat(300)
    expect(noteOf({ message }).message).toHaveLength(200)
    expect(noteOf({ message }, 5).message).toHaveLength(200)
  })

  it('whose pod never started says why', () => {
    const notStarted = { reason: 'PodNotStarted', message: 'no such image' } as const
    expect(toNote(aWork({ notStarted }), 5, now).message).toBe('no such image')
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
    ['Space', { ...note, reason: 'NoSpace', retryAt: at(5) }],
    ['Due', { ...note, reason: 'NoSpace', retryAt: at(0) }],
  ] as const)('%s', (state, given) => {
    expect(laneState(given, now)).toBe(state)
  })

  it('says when it is tried again', () => {
    expect(retryWords({ ...note, retryAt: at(5) })).toBe('; again at 12:00:05 UTC')
    expect(untilRetry({ ...note, retryAt: at(5) }, now)).toBe(5_000)
    expect(untilRetry(note, now)).toBe(1_000)
    expect(untilRetry(undefined, now)).toBe(1_000)
    expect(retryWords(note)).toBe('')
  })
})
