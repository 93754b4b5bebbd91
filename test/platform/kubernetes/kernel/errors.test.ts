// Refusals of the API server: their facts survive, their bodies do not.
import { describe, expect, it } from 'vitest'
import { ApiError, errorOfWatchEvent, isApiError } from '../../../../src/platform/kubernetes/kernel/errors.ts'

const refused = (status: number, body: unknown, retryAfter?: string) =>
  new ApiError({
    verb: 'get',
    target: 'jobs.batch a/b',
    status,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    retryAfter,
  })

describe('a refusal', () => {
  const rows = [
    ['a write on a stale view', 409, 'Conflict', 'isConflict'],
    ['a second creation', 409, 'AlreadyExists', 'isAlreadyExists'],
    ['an object that is not there', 404, 'NotFound', 'isNotFound'],
    ['a version that is too old', 410, 'Expired', 'isGone'],
    ['a broken rule', 422, 'Invalid', 'isInvalid'],
    ['a missing right', 403, 'Forbidden', 'isForbidden'],
    ['a busy server', 429, 'TooManyRequests', 'isTooManyRequests'],
  ] as const
  const questions = rows.map(([, , , question]) => question)

  it.each(rows)('%s answers one question with yes', (_case, status, reason, question) => {
    const error = refused(status, { kind: 'Status', reason })
    expect(questions.filter(each => error[each])).toEqual([question])
    expect(isApiError(error)).toBe(true)
  })

  it('a body that quotes a secret does not reach the message', () => {
    const error = refused(422, { kind: 'Status', reason: 'Invalid', message: 'token hf_secret is invalid' })
    expect(`${error.message}${error.stack}`).not.toContain('hf_secret')
    expect(error.message).toBe('the API server answered 422 Invalid to get jobs.batch a/b')
  })

  it('a body that is no Status leaves the status alone', () => {
    const error = refused(502, '<html>bad gateway</html>')
    expect([error.status, error.reason, error.details]).toEqual([502, '', {}])
  })

  it.each([
    ['null', 'null'],
    ['a list', '[1]'],
    ['nothing', ''],
  ])('a body that is %s is survived', (_case, body) => {
    expect(refused(500, body).status).toBe(500)
  })

  it('the wait that the server asks for is taken from the header, else from the details', () => {
    const details = { retryAfterSeconds: 7 }
    expect(refused(429, { details }, '2').retryAfterMs).toBe(2000)
    expect(refused(429, { details }).retryAfterMs).toBe(7000)
    expect(refused(429, {}).retryAfterMs).toBeUndefined()
    expect(refused(429, {}, 'soon').retryAfterMs).toBeUndefined()
  })

  it('a date as Retry-After becomes the time until then', () => {
    const inTenSeconds = new Date(Date.now() + 10_000).toUTCString()
    expect(refused(503, {}, inTenSeconds).retryAfterMs).toBeGreaterThan(8000)
    expect(refused(503, {}, new Date(0).toUTCString()).retryAfterMs).toBe(0)
  })

  it('an error inside a watch has the status that its object says', () => {
    expect(errorOfWatchEvent('pods', { kind: 'Status', code: 410, reason: 'Expired' }).isGone).toBe(true)
    expect(errorOfWatchEvent('pods', undefined).status).toBe(500)
  })
})
