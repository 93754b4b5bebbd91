// A call that the API server did not answer, or not to the end; and which failures may pass by themselves.
import { ApiError } from './errors.ts'

export type NoAnswerReason = 'Network' | 'Timeout' | 'Torn' | 'TooLarge'

export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
  /** no HTTP status came */
  readonly status = 0
  readonly reason: NoAnswerReason

  constructor(call: string, reason: NoAnswerReason, cause?: unknown) {
    const why = cause instanceof Error && cause.message ? `: ${cause.message}` : ''
    super(`no whole answer to ${call} (${reason})${why}`, { cause })
    this.reason = reason
  }
}

/** The same call may pass later without anybody changing anything. */
export const isTransient = (error: unknown): error is ApiError | NoAnswer =>
  error instanceof NoAnswer || (error instanceof ApiError && (error.isTooManyRequests || error.status >= 500))

/** `Network`, `Timeout`, the server's reason or its status: a word for logs and metrics. */
export const reasonOf = (error: unknown): string => {
  if (error instanceof NoAnswer) return error.reason
  if (error instanceof ApiError) return error.reason || `Status${error.status}`
  return 'Unknown'
}
