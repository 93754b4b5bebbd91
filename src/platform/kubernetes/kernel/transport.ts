// Carries calls to the API server on connections that live as long as the process: deadlines, retries, one new try after a 401.
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { DispatcherOptions, KubeConfig } from '@kubernetes/client-node'
import { Agent, type Dispatcher, ProxyAgent } from 'undici'
import { type Call, nameOf } from './call.ts'
import { type CredentialSource, type Credentials, createCredentialSource } from './credentials.ts'
import { ApiError } from './errors.ts'
import { isTransient, NoAnswer } from './no-answer.ts'
import type { RestRecorder } from './recorders.ts'
import { limitTime, type TimeLimit } from './time-limit.ts'

export interface TransportSettings {
  readonly userAgent?: string
  /** one bad HTTP/2 connection would stall every watch at once, so it is asked for */
  readonly allowH2?: boolean
  readonly connections?: number
  readonly tries?: number
  readonly retryBaseMs?: number
  readonly random?: () => number
  readonly recorder?: RestRecorder
  /** the server's Warning headers, one sentence each */
  readonly onWarning?: (warning: string, call: string) => void
}

interface Agents {
  readonly fingerprint: string
  readonly calls: Dispatcher
  readonly streams: Dispatcher
}

const longestWaitMs = 30_000
const longestErrorBody = 256 * 1024
// The first probe; ten more follow, a second apart. A machine that is gone is noticed within 45 s, on a quiet stream too.
const probing = { keepAlive: true, keepAliveInitialDelay: 30_000 }

export class Transport {
  readonly #source: CredentialSource
  readonly #settings: TransportSettings
  readonly #host: string
  #agents: Agents | undefined
  #isClosed = false

  constructor(config: KubeConfig, settings: TransportSettings = {}) {
    this.#source = createCredentialSource(config)
    this.#host = new URL(this.#source.origin).host
    this.#settings = settings
  }

  /** Sends and reads the JSON answer. The deadline covers all tries. */
  async send(call: Call): Promise<unknown> {
    const limit = limitTime(call)
    try {
      return await this.#sendUntilAnswered(call, limit)
    } finally {
      limit.clear()
    }
  }

  /** Opens a stream; the deadline covers the time until it begins. One new try after a 401, no other. */
  async open(call: Call): Promise<AsyncIterable<Uint8Array>> {
    const limit = limitTime(call)
    try {
      const answer = await this.#authorized(call, limit.signal, 'streams')
      limit.listen(call.idleMs ?? 0)
      return readStream(answer.body, limit)
    } catch (error) {
      limit.clear()
      throw limit.explain(error)
    }
  }

  /** For good: running calls fail, and so does every later one. */
  async close(): Promise<void> {
    this.#isClosed = true
    const agents = this.#agents
    this.#agents = undefined
    await Promise.all([agents?.calls.destroy(), agents?.streams.destroy()])
  }

  async #sendUntilAnswered(call: Call, limit: TimeLimit): Promise<unknown> {
    for (let attempt = 1; ; attempt++) {
      try {
        const answer = await this.#authorized(call, limit.signal, 'calls')
        return await readJson(call, answer.body)
      } catch (caught) {
        const error = limit.explain(caught)
        const waitMs = this.#waitBeforeRetry(call, error, attempt)
        if (waitMs === undefined || waitMs >= limit.remainingMs()) throw error
        await sleep(waitMs, undefined, { signal: limit.signal }).catch(reason => {
          throw limit.explain(reason)
        })
      }
    }
  }

  #waitBeforeRetry(call: Call, error: unknown, attempt: number): number | undefined {
    const { tries = 4, retryBaseMs = 100, random = Math.random } = this.#settings
    if (!isTransient(error) || attempt >= tries) return undefined
    // A 429 was refused before it had any effect.
    const isThrottled = error instanceof ApiError && error.isTooManyRequests
    if (!call.isIdempotent && !isThrottled) return undefined
    const backoff = retryBaseMs * 2 ** (attempt - 1) * (0.5 + random() / 2)
    const askedMs = error instanceof ApiError ? error.retryAfterMs : undefined
    return Math.min(askedMs ?? backoff, longestWaitMs)
  }

  async #authorized(
    call: Call,
    signal: AbortSignal,
    use: 'calls' | 'streams',
  ): Promise<Dispatcher.ResponseData> {
    const credentials = await this.#source.current()
    try {
      return await this.#once(call, { signal, use, credentials })
    } catch (error) {
      if (!(error instanceof ApiError && error.isUnauthorized)) throw error
      return await this.#once(call, { signal, use, credentials: await this.#source.refresh(credentials) })
    }
  }

  async #once(
    call: Call,
    by: { signal: AbortSignal; use: 'calls' | 'streams'; credentials: Credentials },
  ): Promise<Dispatcher.ResponseData> {
    const startedAt = performance.now()
    let code = '<error>'
    let ended: ((isAnswered: boolean) => void) | undefined
    const admit = (): void => {
      ended = call.admit?.()
    }
    try {
      const agent = this.#agentsFor(by.credentials)[by.use]
      const answer = await (call.admit ? atFirstByte(agent, admit) : agent).request({
        origin: this.#source.origin,
        path: this.#pathOf(call),
        method: call.method,
        headers: { ...by.credentials.headers, ...this.#headersOf(call) },
        body: call.body === undefined ? null : JSON.stringify(call.body),
        signal: by.signal,
        headersTimeout: 0,
        // Undici would look at its clock twice a second for as long as a stream is open.
        bodyTimeout: 0,
      })
      code = String(answer.statusCode)
      this.#passWarnings(call, answer)
      if (answer.statusCode >= 400) throw await readRefusal(call, answer)
      return answer
    } finally {
      ended?.(code !== '<error>' && Number(code) < 500)
      const seconds = (performance.now() - startedAt) / 1000
      this.#settings.recorder?.requested({
        code,
        method: call.method,
        host: this.#host,
        seconds,
      })
    }
  }

  #headersOf(call: Call): Record<string, string> {
    return {
      accept: 'application/json',
      'user-agent': this.#settings.userAgent ?? 'switchyard',
      ...(call.body !== undefined && { 'content-type': call.contentType ?? 'application/json' }),
    }
  }

  #pathOf(call: Call): string {
    const query = new URLSearchParams()
    for (const [name, value] of Object.entries(call.query ?? {}))
      if (value !== undefined) query.set(name, String(value))
    return `${this.#source.prefix}${call.path}${query.size ? `?${query}` : ''}`
  }

  #passWarnings(call: Call, answer: Dispatcher.ResponseData): void {
    const header = answer.headers['warning']
    const warnings = header === undefined ? [] : Array.isArray(header) ? header : [header]
    for (const each of warnings) this.#settings.onWarning?.(toSentence(each), nameOf(call))
  }

  /** New agents only when the bytes of a certificate changed; running streams end on the old ones. */
  #agentsFor(credentials: Credentials): Agents {
    if (this.#isClosed) throw new Error('the connection to the API server was closed')
    if (this.#agents?.fingerprint === credentials.fingerprint) return this.#agents
    const old = this.#agents
    const { connections = 8, allowH2 = false } = this.#settings
    this.#agents = {
      fingerprint: credentials.fingerprint,
      calls: makeAgent(credentials.connection, { allowH2, connections }),
      streams: makeAgent(credentials.connection, { allowH2 }),
    }
    void old?.calls.close()
    void old?.streams.close()
    return this.#agents
  }
}

/** Undici starts a request when a connection is free for it and writes its bytes in the same breath; what throws here ends it unsent. */
const atFirstByte = (agent: Dispatcher, call: () => void): Dispatcher =>
  agent.compose(dispatch => (options, handler) => {
    const start = handler.onRequestStart?.bind(handler)
    handler.onRequestStart = (controller, context) => {
      call()
      start?.(controller, context)
    }
    return dispatch(options, handler)
  })

/** `299 - "quoted"` */
const toSentence = (warning: string): string =>
  warning.replace(/^\d{3} \S+ "(.*)"$/s, '$1').replace(/\\(.)/g, '$1')

const makeAgent = (
  connection: DispatcherOptions,
  options: Pick<Agent.Options, 'allowH2' | 'connections'>,
): Dispatcher => {
  switch (connection.type) {
    case 'agent':
      return new Agent({ ...options, connect: { ...(connection.connect as object), ...probing } })
    case 'none':
      return new Agent({ ...options, connect: probing })
    case 'proxy':
      return new ProxyAgent({ ...options, uri: connection.uri, requestTls: connection.requestTls as object })
    case 'socks':
      throw new Error('a SOCKS proxy in the kubeconfig is not supported: use an HTTP proxy')
  }
}

const readRefusal = async (call: Call, answer: Dispatcher.ResponseData): Promise<ApiError> => {
  const header = answer.headers['retry-after']
  const text = await answer.body.text()
  return new ApiError({
    verb: call.method,
    target: call.path,
    status: answer.statusCode,
    body: text.slice(0, longestErrorBody),
    retryAfter: Array.isArray(header) ? header[0] : header,
  })
}

const readJson = async (call: Call, body: Dispatcher.ResponseData['body']): Promise<unknown> => {
  const text = await body.text()
  try {
    return text ? (JSON.parse(text) as unknown) : undefined
  } catch {
    // The parser's own message would repeat a piece of the body.
    throw new NoAnswer(nameOf(call), 'Torn')
  }
}

async function* readStream(
  body: Dispatcher.ResponseData['body'],
  limit: TimeLimit,
): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of body) {
      limit.heard()
      yield chunk as Uint8Array
    }
    // Undici frees the connection a turn later: the watch that begins again now shall find it.
    await nextTurn()
  } catch (error) {
    throw limit.explain(error)
  } finally {
    limit.clear()
  }
}
