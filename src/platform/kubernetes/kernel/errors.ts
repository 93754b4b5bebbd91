// What the API server says when it refuses: the facts of its Status body, never the body itself.

/** One line per cause; names a field, never its value's surroundings. */
export interface StatusCause {
  readonly reason?: string
  readonly message?: string
  readonly field?: string
}

export interface StatusDetails {
  readonly name?: string
  readonly kind?: string
  readonly causes?: readonly StatusCause[]
  readonly retryAfterSeconds?: number
}

interface StatusBody {
  readonly kind?: string
  readonly reason?: string
  readonly message?: string
  readonly code?: number
  readonly details?: StatusDetails
}

export interface RefusedRequest {
  readonly verb: string
  readonly target: string
  readonly status: number
  readonly body: string
  readonly retryAfter?: string | undefined
}

export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: number
  readonly reason: string
  /** The server's own sentence; it may quote the object, so it is not part of `message`. */
  readonly statusMessage: string
  readonly details: StatusDetails
  readonly retryAfterMs: number | undefined

  constructor(refused: RefusedRequest) {
    const body = parseStatus(refused.body)
    const reason = body.reason ?? ''
    const suffix = reason === '' ? '' : ` ${reason}`
    super(`the API server answered ${refused.status}${suffix} to ${refused.verb} ${refused.target}`)
    this.status = refused.status
    this.reason = reason
    this.statusMessage = body.message ?? ''
    this.details = body.details ?? {}
    this.retryAfterMs = retryAfterOf(refused.retryAfter, this.details)
  }

  get isConflict(): boolean {
    return this.status === 409 && !this.isAlreadyExists
  }
  get isNotFound(): boolean {
    return this.status === 404
  }
  get isGone(): boolean {
    return this.status === 410 || this.reason === 'Expired' || this.reason === 'Gone'
  }
  get isInvalid(): boolean {
    return this.status === 422
  }
  get isAlreadyExists(): boolean {
    return this.status === 409 && this.reason === 'AlreadyExists'
  }
  get isForbidden(): boolean {
    return this.status === 403
  }
  /** The namespace is being deleted: nothing can be created in it any more. */
  get isNamespaceTerminating(): boolean {
    return (
      this.isForbidden && (this.details.causes ?? []).some(cause => cause.reason === 'NamespaceTerminating')
    )
  }
  get isUnauthorized(): boolean {
    return this.status === 401
  }
  get isTooManyRequests(): boolean {
    return this.status === 429
  }
}

export function isApiError(error: unknown): error is ApiError {
  return error instanceof ApiError
}

/** A write that was not sent, because this process may not write now (it does not lead, or no longer). */
export class MutationRefused extends Error {
  override readonly name = 'MutationRefused'
  constructor(call: string) {
    super(`${call} was not sent: this process does not lead, or has not renewed its Lease in time`)
  }
}

/** The error that an ERROR event inside a watch carries. */
export function errorOfWatchEvent(target: string, object: unknown): ApiError {
  const body = JSON.stringify(object ?? {})
  const status = parseStatus(body).code ?? 500
  return new ApiError({ verb: 'watch', target, status, body })
}

function parseStatus(text: string): StatusBody {
  try {
    const parsed: unknown = JSON.parse(text)
    return parsed !== null && typeof parsed === 'object' ? (parsed as StatusBody) : {}
  } catch {
    return {}
  }
}

function retryAfterOf(header: string | undefined, details: StatusDetails): number | undefined {
  const seconds = header === undefined ? details.retryAfterSeconds : Number(header)
  if (typeof seconds === 'number' && Number.isFinite(seconds) && seconds >= 0) return seconds * 1000
  const date = header === undefined ? Number.NaN : Date.parse(header)
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now())
}
