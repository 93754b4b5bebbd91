// The table from an HTTP status (and the Hub's X-Error-Code) to a failure class.
import type { Reason } from '../../domain/conditions.ts'
import { WorkError } from '../outcome.ts'

interface Asked {
  readonly what: string
  readonly host: string
  /** answered by another place than the one that was asked: a signed address that ran out, not a verdict about access */
  readonly isRedirected: boolean
}

const byCode: Readonly<Record<string, Reason>> = {
  GatedRepo: 'Gated',
  RepoNotFound: 'NotFound',
  RevisionNotFound: 'RevisionNotFound',
  EntryNotFound: 'NotFound',
}

const byStatus: Readonly<Record<number, Reason>> = {
  401: 'Unauthorized',
  403: 'Unauthorized',
  404: 'NotFound',
  410: 'NotFound',
  429: 'RateLimited',
  451: 'NotFound',
}

const says: Partial<Record<Reason, string>> = {
  Gated: 'access must be granted first (its licence is not accepted with this account)',
  NotFound: 'does not exist, or is private',
  RevisionNotFound: 'has no such revision',
  Unauthorized: 'is not open to this token (or to nobody without one)',
  RateLimited: 'is limited now; too many requests',
}

/** A server that asks for a longer wait is asked again after a day. */
const longestWait = 86_400

/** A date is held against the server's own clock, where it tells it: ours may be wrong. */
const secondsUntil = (date: number, headers: Headers): number => {
  const now = Date.parse(headers.get('date') ?? '')
  return Math.max(0, Math.ceil((date - (Number.isNaN(now) ? Date.now() : now)) / 1000))
}

/** Seconds from Retry-After (seconds or date); of a limit that is used up also from the `t=` of RateLimit. */
const toRetryAfter = (response: Response): number | undefined => {
  const asked = readRetryAfter(response)
  return asked === undefined ? undefined : Math.min(asked, longestWait)
}

const readRetryAfter = ({ status, headers }: Response): number | undefined => {
  const after = headers.get('retry-after')?.trim() ?? ''
  if (/^\d{1,6}$/.test(after)) return Number(after)
  const date = after ? Date.parse(after) : Number.NaN
  if (!Number.isNaN(date)) return secondsUntil(date, headers)
  if (status !== 429) return undefined
  const reset = /(?:^|[;,\s])t=(\d{1,6})/.exec(headers.get('ratelimit') ?? '')
  return reset ? Number(reset[1]) : undefined
}

const toReason = (response: Response, asked: Asked): Reason => {
  if (asked.isRedirected && response.status === 403) return 'TransferFailed'
  const isVerdict = [401, 403, 404].includes(response.status)
  const coded = isVerdict ? byCode[response.headers.get('x-error-code') ?? ''] : undefined
  return coded ?? byStatus[response.status] ?? 'SourceUnavailable'
}

const printable = /[^\x20-\x7e]+/g

/** What the Hub itself says of it, as far as it fits on a line. */
const ownWords = ({ headers }: Response): string => {
  const said = headers.get('x-error-message')?.replaceAll(printable, ' ').trim().slice(0, 100)
  return said ? ` (${said})` : ''
}

export const toHttpFailure = async (response: Response, asked: Asked): Promise<WorkError> => {
  await response.body?.cancel().catch(() => {})
  const reason = toReason(response, asked)
  const after = reason === 'RateLimited' || response.status >= 500 ? toRetryAfter(response) : undefined
  const message = `${asked.what} ${says[reason] ?? 'could not be read'}: ${asked.host} answered ${response.status}${ownWords(response)}`
  return new WorkError(reason, message, after === undefined ? {} : { retryAfterSeconds: after })
}
