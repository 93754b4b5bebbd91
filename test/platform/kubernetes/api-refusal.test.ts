import { describe, expect, it } from 'vitest'
import { Waiting } from '../../../src/domain/failure.ts'
import { isTerminatingNamespace, toFailure } from '../../../src/platform/kubernetes/api-refusal.ts'
import { ApiError } from '../../../src/platform/kubernetes/kernel/errors.ts'
import { NoAnswer } from '../../../src/platform/kubernetes/kernel/no-answer.ts'

const refused = (status: number, reason: string, causes: readonly object[] = []) =>
  new ApiError({
    verb: 'POST',
    target: 'jobs',
    status,
    body: JSON.stringify({ kind: 'Status', reason, message: `words of ${reason}`, details: { causes } }),
  })

const table: readonly [string, unknown, string, string][] = [
  ['no answer', new NoAnswer('POST jobs', 'Timeout'), 'Transient', 'ApiUnavailable'],
  ['overload', refused(503, 'ServiceUnavailable'), 'Transient', 'ApiUnavailable'],
  ['too many requests', refused(429, 'TooManyRequests'), 'Transient', 'ApiUnavailable'],
  ['a stale view', refused(409, 'Conflict'), 'Transient', 'ApiUnavailable'],
  ['quota, admission or a missing right', refused(403, 'Forbidden'), 'Waiting', 'PodNotStarted'],
  ['an invalid object', refused(422, 'Invalid'), 'Rejected', 'InvalidSpec'],
  ['an object that cannot be read', refused(400, 'BadRequest'), 'Rejected', 'InvalidSpec'],
]

describe('a refusal of the API server', () => {
  for (const [name, error, failure, reason] of table) {
    it(`${name} is ${failure}`, () => {
      expect(toFailure(error, 'a Job')).toMatchObject({ name: failure, reason, cause: error })
    })
  }

  it('carries the server’s own words', () => {
    expect(toFailure(refused(403, 'Forbidden'), 'a Job').message).toBe('a Job: words of Forbidden')
  })

  it('that was understood already stays what it is', () => {
    const waiting = new Waiting('VolumeBusy', 'still ending')
    expect(toFailure(waiting, 'a Job')).toBe(waiting)
  })

  it('tells a namespace that is being deleted from any other forbidden thing', () => {
    expect(isTerminatingNamespace(refused(403, 'Forbidden', [{ reason: 'NamespaceTerminating' }]))).toBe(true)
    expect(isTerminatingNamespace(refused(403, 'Forbidden'))).toBe(false)
    expect(isTerminatingNamespace(refused(409, 'Conflict', [{ reason: 'NamespaceTerminating' }]))).toBe(false)
  })
})
