// HTTP to an engine through an injected fetch: one deadline, 1 MiB at most, no redirects, and never an exception.
import { Limit } from './limit.ts'

/** As much of `fetch` as an engine is asked with; `fetch` itself will do. */
export type Fetch = (url: string, request: Asking) => Promise<Sent>

export interface Asking {
  readonly limit: Limit
  /** made of the limit when it is asked for */
  readonly signal: AbortSignal
  /** followed by nobody */
  readonly redirect: 'manual'
  /** one object for many requests, which nobody changes */
  readonly headers: Record<string, string>
  readonly method?: 'POST'
  readonly body?: string
}

/** The body is whole, or comes piece by piece and must be read to its end or let go. */
export interface Sent {
  readonly status: number
  readonly body: AsyncIterable<Uint8Array> | Buffer | null
}

/** `body` is absent when the answer is not JSON. */
export interface Answered {
  readonly kind: 'Answered'
  readonly status: number
  readonly text: string
  readonly body?: unknown
}
/** Refused: nobody listens or the connection broke. Silent: no whole answer in time. TooLarge: more than an engine says. */
export interface Unanswered {
  readonly kind: 'Refused' | 'Silent' | 'TooLarge'
  readonly message: string
}
export type Reply = Answered | Unanswered

export interface Call {
  readonly path: string
  readonly timeoutMs: number
  /** absent = GET */
  readonly post?: unknown
  /** Of the text only lines that begin with one of these, in their order; of a page of hundreds the rest is not even made text. */
  readonly only?: readonly string[]
}

export type Http = (address: string, call: Call) => Promise<Reply>

export interface EngineParts {
  readonly fetch: Fetch
  /** milliseconds of any clock */
  readonly now?: () => number
}

/** of what an engine is listened to */
export const bodyLimit = 1024 * 1024

export const createHttp =
  (send: Fetch): Http =>
  async (address, call) => {
    const timeoutMs = Math.max(1, Math.ceil(call.timeoutMs))
    const limit = new Limit(timeoutMs)
    try {
      const request = toRequest(call, limit)
      return await readReply(call, await send(`${address.replace(/\/+$/, '')}${call.path}`, request))
    } catch (error) {
      if (limit.isOver)
        return { kind: 'Silent', message: `${call.path} did not answer within ${timeoutMs} ms` }
      return toUnanswered(call.path, error)
    } finally {
      limit.clear()
    }
  }

const headers = { accept: 'application/json, text/plain', 'content-type': 'application/json' }

const toRequest = ({ post }: Call, limit: Limit): Asking => ({
  limit,
  get signal() {
    return limit.signal
  },
  redirect: 'manual',
  headers,
  ...(post === undefined ? {} : { method: 'POST', body: JSON.stringify(post) }),
})

const readReply = async ({ path, only }: Call, response: Sent): Promise<Reply> => {
  const bytes = await readBytes(response)
  if (bytes === undefined) return { kind: 'TooLarge', message: `${path} answered more than 1 MiB` }
  const text = only ? readLines(bytes, only) : bytes.toString('utf8')
  return { kind: 'Answered', status: response.status, text, ...parseJson(text) }
}

const readBytes = async ({ body }: Sent): Promise<Buffer | undefined> => {
  if (Buffer.isBuffer(body)) return body.length > bodyLimit ? undefined : body
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    size += chunk.byteLength
    if (size > bodyLimit) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

const newline = 0x0a

const readLines = (bytes: Buffer, beginnings: readonly string[]): string =>
  beginnings.flatMap(begin => linesOf(bytes, begin)).join('\n')

/** Comments speak of the same names: only what stands behind the end of a line is looked for. Lines of one beginning mostly follow each other. */
const linesOf = (bytes: Buffer, begin: string): string[] => {
  const lines: string[] = []
  let at = startsWith(bytes, 0, begin) ? 0 : nextLine(bytes, 0, begin)
  while (at >= 0) {
    const end = bytes.indexOf(newline, at)
    lines.push(bytes.toString('utf8', at, end < 0 ? undefined : end))
    if (end < 0) break
    at = startsWith(bytes, end + 1, begin) ? end + 1 : nextLine(bytes, end, begin)
  }
  return lines
}

const startsWith = (bytes: Buffer, at: number, begin: string): boolean =>
  bytes.toString('latin1', at, at + begin.length) === begin

const nextLine = (bytes: Buffer, from: number, begin: string): number => {
  const found = bytes.indexOf(`\n${begin}`, from)
  return found < 0 ? found : found + 1
}

/** What does not begin like an object or a list is not even tried: a refusal of the parser costs more than a list that it reads. */
const parseJson = (text: string): { readonly body?: unknown } => {
  if (!/^\s*[[{]/.test(text)) return {}
  try {
    return { body: JSON.parse(text) as unknown }
  } catch {
    return {}
  }
}

const toUnanswered = (path: string, error: unknown): Unanswered => {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const code = (cause as { code?: unknown } | undefined)?.code
  const word = typeof code === 'string' ? code : cause instanceof Error ? cause.message : String(cause)
  const kind = /TIMEOUT|ETIMEDOUT/.test(word) ? 'Silent' : 'Refused'
  return { kind, message: `${path}: ${word.slice(0, 100)}` }
}
