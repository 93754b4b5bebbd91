// What was thrown → the answer to the client (RFC 9457), with the one word that status, events and metrics use.
import { Failure, NotSupported, Rejected, Transient, Waiting } from '../domain/failure.ts'

/** No object, or no route, of that name. */
export class NotThere extends Error {}

/** The object is another one than the client saw. */
export class Changed extends Error {}

export interface Problem {
  readonly status: number
  /** a word of docs/reasons.md, or NotThere, Changed, BadRequest, Unexpected */
  readonly reason: string
  /** what is wrong and what to do, for people */
  readonly detail: string
}

export const toProblem = (error: unknown): Problem => {
  const { message: detail } = error as Error
  if (error instanceof Failure) return { status: statusOf(error), reason: error.reason, detail }
  if (error instanceof NotThere) return { status: 404, reason: 'NotThere', detail }
  if (error instanceof Changed) return { status: 409, reason: 'Changed', detail }
  const { statusCode } = error as { readonly statusCode?: unknown }
  if (typeof statusCode === 'number' && statusCode < 500)
    return { status: statusCode, reason: 'BadRequest', detail }
  return { status: 500, reason: 'Unexpected', detail: 'a defect: the log of switchyard host has the details' }
}

const statusOf = (failure: Failure): number => {
  if (failure instanceof Rejected || failure instanceof NotSupported) return 422
  if (failure instanceof Waiting) return 409
  return failure instanceof Transient ? 503 : 500
}
