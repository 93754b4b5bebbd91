// One HTTP exchange: redirects by hand, the token only to its origin, timeouts, and a typed failure for every bad end.
import { WorkError } from '../outcome.ts'
import { type Allowance, readAllowance } from './allowance.ts'
import { toHttpFailure } from './http-failure.ts'

export interface RetryPolicy {
  readonly attempts: number
  readonly baseMs: number
  /** longest silence of a connection */
  readonly idleMs: number
}
export const defaultRetry: RetryPolicy = { attempts: 5, baseMs: 500, idleMs: 20_000 }

export interface Token {
  readonly value: string
  /** the only origin that may see it */
  readonly origin: string
}

/** How this work reaches the network. */
export interface Wire {
  readonly fetch: typeof fetch
  readonly signal: AbortSignal
  readonly retry: RetryPolicy
  readonly token?: Token
  /** bytes of a part of a blob of this size; the default is `partSizeFor` */
  readonly partSize?: (size: number) => number
  /** everything goes through a proxy: no connection of our own */
  readonly hasProxy?: boolean
  /** told of each failure that is tried again */
  readonly onRetry?: (failure: WorkError) => void
  /** told of what a host still allows, by each of its answers that says so */
  readonly onAllowance?: (host: string, allowance: Allowance) => void
}

/** MUST be called with every answer, also with one that redirects. */
export const noteAllowance = (wire: Wire, host: string, header: (name: string) => string | null): void => {
  const allowance = wire.onAllowance && readAllowance(header)
  if (allowance) wire.onAllowance?.(host, allowance)
}

const maxHops = 5
const redirects = [301, 302, 303, 307, 308]

const ended = new Error('the exchange is over')

/**
 * Ends an exchange when nothing arrives for too long; `touch` says that something did. One for each part: it listens by hand, because
 * what AbortSignal.any makes is kept until old garbage is collected, a megabyte for each gigabyte.
 */
export class Watchdog {
  readonly #stop = new AbortController()
  readonly #outer: AbortSignal
  readonly #timer: NodeJS.Timeout
  #isStalled = false

  constructor(wire: Wire) {
    this.#outer = wire.signal
    this.#timer = setTimeout(() => this.#stall(), wire.retry.idleMs)
    if (wire.signal.aborted) this.#pass()
    else wire.signal.addEventListener('abort', this.#pass, { once: true })
  }

  get signal(): AbortSignal {
    return this.#stop.signal
  }

  get isStalled(): boolean {
    return this.#isStalled
  }

  touch(): void {
    this.#timer.refresh()
  }

  end(): void {
    clearTimeout(this.#timer)
    this.#outer.removeEventListener('abort', this.#pass)
    this.#stop.abort(ended)
  }

  readonly #pass = (): void => this.#stop.abort(this.#outer.reason)

  #stall(): void {
    this.#isStalled = true
    this.#stop.abort()
  }
}

export const headersFor = (wire: Wire, url: URL, extra: Record<string, string>): Record<string, string> => ({
  'accept-encoding': 'identity',
  'user-agent': 'switchyard',
  ...extra,
  ...(wire.token?.origin === url.origin ? { authorization: `Bearer ${wire.token.value}` } : {}),
})

const nextHop = (from: URL, location: string | null): URL => {
  const to = location && URL.canParse(location, from.href) ? new URL(location, from) : undefined
  if (!to || !/^https?:$/.test(to.protocol) || to.username || to.password) {
    throw new WorkError('SourceUnavailable', `${from.host} redirects to something that is no address`)
  }
  if (from.protocol === 'https:' && to.protocol === 'http:') {
    throw new WorkError('SourceUnavailable', `${from.host} redirects from https to http, which is refused`, {
      retry: 'Never',
    })
  }
  return to
}

export interface Exchange {
  readonly url: string
  readonly what: string
  readonly headers?: Record<string, string>
  /** the address is itself the end of a redirect */
  readonly isSigned?: boolean
}

export const toNetworkError = (error: unknown, wire: Wire, dog: Watchdog, host: string): unknown => {
  if (error instanceof WorkError) return error
  if (wire.signal.aborted) return new WorkError('Interrupted', 'stopped from outside')
  if (dog.isStalled) {
    const seconds = Math.round(wire.retry.idleMs / 1000)
    return new WorkError('TransferFailed', `${host} sent nothing for ${seconds} s`)
  }
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : undefined
  if (cause instanceof WorkError) return cause
  const code = cause && 'code' in cause ? String(cause.code) : ''
  if (distrusts.test(code)) return new WorkError('SourceUnavailable', toDistrust(host, code))
  const detail = code || cause?.message || 'connection failed'
  return new WorkError('SourceUnavailable', `${host} cannot be reached or broke off: ${detail}`)
}

/** OpenSSL's names for a chain that ends nowhere, and Node's for a certificate of another name. */
const distrusts = /^(UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_|ERR_TLS_CERT_)/

const toDistrust = (host: string, code: string): string =>
  code === 'ERR_TLS_CERT_ALTNAME_INVALID'
    ? `the certificate of ${host} is for another name or address`
    : `the certificate of ${host} is not trusted (${code}): name its authority in worker.caConfigMap (chart) or NODE_EXTRA_CA_CERTS (host)`

/** Answers a 2xx response whose body was not read yet; throws WorkError otherwise. */
export const openExchange = async (wire: Wire, dog: Watchdog, exchange: Exchange): Promise<Response> => {
  let url = new URL(exchange.url)
  for (let hop = 0; hop <= maxHops; hop++) {
    const response = await askOnce(wire, dog, { url, headers: headersFor(wire, url, exchange.headers ?? {}) })
    noteAllowance(wire, url.host, name => response.headers.get(name))
    if (!redirects.includes(response.status)) {
      if (response.ok) return checkEncoding(response, url)
      throw await refusal(response, exchange, { url, hop })
    }
    await response.body?.cancel()
    url = nextHop(url, response.headers.get('location'))
  }
  throw new WorkError('SourceUnavailable', `${exchange.what}: more than ${maxHops} redirects`)
}

const refusal = (
  response: Response,
  { what, isSigned = false }: Exchange,
  { url, hop }: { readonly url: URL; readonly hop: number },
): Promise<WorkError> => toHttpFailure(response, { what, host: url.host, isRedirected: isSigned || hop > 0 })

const askOnce = async (
  wire: Wire,
  dog: Watchdog,
  ask: { readonly url: URL; readonly headers: Record<string, string> },
): Promise<Response> => {
  try {
    const response = await wire.fetch(ask.url, {
      headers: ask.headers,
      redirect: 'manual',
      signal: dog.signal,
    })
    dog.touch()
    return response
  } catch (error) {
    throw toNetworkError(error, wire, dog, ask.url.host)
  }
}

const checkEncoding = (response: Response, url: URL): Response => {
  const encoding = response.headers.get('content-encoding') ?? 'identity'
  if (encoding === 'identity') return response
  throw new WorkError(
    'SourceUnavailable',
    `${url.host} sent content-encoding ${encoding.slice(0, 20)} unasked`,
  )
}

/** The whole body of a small answer; cut as soon as it is longer than the limit. */
export const readBody = async (
  response: Response,
  limit: number,
  onBytes: () => void = () => {},
): Promise<Buffer> => {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of response.body ?? []) {
    onBytes()
    length += chunk.length
    if (length > limit) throw new WorkError('SourceUnavailable', `an answer is longer than ${limit} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

export interface SmallAnswer {
  readonly bytes: Buffer
  readonly headers: Headers
}

/** A small GET with retries: for metadata, never for weights. */
export const askSmall = (wire: Wire, exchange: Exchange, limit: number): Promise<SmallAnswer> =>
  withRetries(wire, async () => {
    const dog = new Watchdog(wire)
    try {
      const response = await openExchange(wire, dog, exchange)
      return { bytes: await readBody(response, limit, () => dog.touch()), headers: response.headers }
    } catch (error) {
      throw toNetworkError(error, wire, dog, new URL(exchange.url).host)
    } finally {
      dog.end()
    }
  })

/** Seconds that a work waits at most because a server asks for it; a longer wait is the controller's. */
export const longestPatience = 20

const mayTryAgain = (error: unknown, attempt: number, policy: RetryPolicy): error is WorkError => {
  if (!(error instanceof WorkError)) return false
  const { reason, retry, retryAfterSeconds } = error.failure
  if (reason === 'Integrity') return attempt === 1
  if (reason === 'Interrupted' || retry !== 'Later') return false
  return attempt < policy.attempts && (retryAfterSeconds ?? 0) <= longestPatience
}

/**
 * Tries again what may heal within this process: full jitter, or as long as the server asks (when that is short).
 * `progress` tells bytes that were won: an attempt that won some begins the count anew.
 */
export const withRetries = async <T>(
  wire: Wire,
  attempt: () => Promise<T>,
  progress: () => number = () => 0,
): Promise<T> => {
  let won = progress()
  for (let n = 1; ; n++) {
    try {
      return await attempt()
    } catch (error) {
      if (progress() > won) n = 1
      won = progress()
      if (!mayTryAgain(error, n, wire.retry)) throw error
      wire.onRetry?.(error)
      const asked = (error.failure.retryAfterSeconds ?? 0) * 1000
      const jitter = Math.random() * Math.min(30_000, wire.retry.baseMs * 2 ** n)
      await pause(Math.max(asked, jitter), wire.signal)
    }
  }
}

export const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer)
      reject(new WorkError('Interrupted', 'stopped from outside'))
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    if (signal.aborted) onAbort()
    else signal.addEventListener('abort', onAbort, { once: true })
  })
