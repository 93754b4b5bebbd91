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

/** What the source itself says of it, as far as it fits on a line. The query of an address may be a secret. */
const ownWords = async (response: Response): Promise<string> => {
  const told = response.headers.get('x-error-message')
  const said = (told ?? (await errorOf(response)))?.replaceAll(printable, ' ').replaceAll(/\?\S+/g, '?…')
  await response.body?.cancel().catch(() => {})
  const words = said?.trim().slice(0, 100)
  return words ? ` (${words})` : ''
}

/** Of a registry `errors[0].message`, of a hub `error`; nothing where the answer is no small JSON. */
const errorOf = async (response: Response): Promise<string | undefined> => {
  if (!/json/.test(response.headers.get('content-type') ?? '')) return undefined
  const said = toJson(await readShort(response)) as Said | null | undefined
  const words = said?.error ?? said?.errors?.[0]?.message
  return typeof words === 'string' ? words : undefined
}

/** What it may hold: nothing of it is believed before it is looked at. No schema: a transfer is to be small. */
interface Said {
  readonly error?: unknown
  readonly errors?: readonly { readonly message?: unknown }[] | null
}

const toJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const mostWords = 4096
const patienceMs = 1_000

/** A verdict does not wait for words that do not come. */
const readShort = async (response: Response): Promise<string> => {
  const reader = response.body?.getReader()
  const late = setTimeout(() => void reader?.cancel().catch(() => {}), patienceMs)
  const chunks: Uint8Array[] = []
  let size = 0
  try {
    while (reader && size <= mostWords) {
      const { done, value } = await reader.read()
      if (done) break
      chunks.push(value)
      size += value.byteLength
    }
  } catch {
    return ''
  } finally {
    clearTimeout(late)
    reader?.releaseLock()
  }
  return size > mostWords ? '' : Buffer.concat(chunks).toString('utf8')
}

export const toHttpFailure = async (response: Response, asked: Asked): Promise<WorkError> => {
  const words = await ownWords(response)
  const reason = toReason(response, asked)
  const after = reason === 'RateLimited' || response.status >= 500 ? toRetryAfter(response) : undefined
  const message = `${asked.what} ${says[reason] ?? 'could not be read'}: ${asked.host} answered ${response.status}${words}`
  return new WorkError(reason, message, after === undefined ? {} : { retryAfterSeconds: after })
}
