// What a refusal of the API server means for the next look: a person must act, something must happen first, or try again.
import { shortMessage } from '../../domain/conditions.ts'
import { Rejected, Transient, Waiting } from '../../domain/failure.ts'
import { ApiError } from './kernel/errors.ts'

const isFailure = (error: unknown): boolean =>
  error instanceof Rejected || error instanceof Waiting || error instanceof Transient

/**
 * 1 a failure already  2 no answer, overload, conflict (stale view): try again  3 forbidden (right, quota, admission, terminating
 * namespace): somebody else must change something, so look again  4 invalid: a person must correct it  5 the rest: try again
 */
export const toFailure = (error: unknown, what: string): Error => {
  if (isFailure(error)) return error as Error
  if (!(error instanceof ApiError))
    return withCause(new Transient('ApiUnavailable', wordsOf(error, what)), error)
  const message = shortMessage(`${what}: ${error.statusMessage || error.message}`)
  if (error.isForbidden) return withCause(new Waiting('PodNotStarted', message, 30_000), error)
  if (error.isInvalid || error.status === 400) return withCause(new Rejected('InvalidSpec', message), error)
  return withCause(new Transient('ApiUnavailable', message), error)
}

/** The namespace is being deleted: nothing can be created in it any more. */
export const isTerminatingNamespace = (error: unknown): boolean =>
  error instanceof ApiError && error.isNamespaceTerminating

const wordsOf = (error: unknown, what: string): string =>
  shortMessage(`${what}: ${error instanceof Error ? error.message : String(error)}`)

const withCause = <T extends Error>(failure: T, cause: unknown): T => {
  failure.cause = cause
  return failure
}
