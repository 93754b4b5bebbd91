// A proxy between an operator and the real API server that breaks what passes through it, and keeps book of what it did.

import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { KubeConfig } from '@kubernetes/client-node'
import { Agent, type Dispatcher } from 'undici'
import { createCredentialSource } from '../../src/platform/kubernetes/kernel/credentials.ts'
import { readBody } from '../stand-ins/listening.ts'
import { type Fault, isWatch, type ProxiedRequest, type Treatment } from './fault-proxy/faults.ts'
import { makeProxyKeys, proxyKubeconfig } from './fault-proxy/proxy-keys.ts'
import { type Ending, shape } from './fault-proxy/treatments.ts'

/** One request as it went by. */
export interface Passage extends ProxiedRequest {
  readonly body: string
  /** name of the fault that was done to it */
  readonly fault?: string
  /** what the API server answered; absent when it was not asked, or did not answer yet */
  status?: number
}

export interface FaultProxy {
  readonly port: number
  /** leads to the proxy; whoever uses it acts as the user of the kubeconfig that the proxy was given */
  readonly kubeconfig: string
  readonly passages: readonly Passage[]
  /** From now on; the first that speaks and has times left is done. */
  inject(...faults: Fault[]): void
  /** From now on everything passes. What was held stays held, as a dead connection does. */
  lift(): void
  /** Ends every watch under way politely, so that the next one meets the faults. */
  endWatches(): void
  /** Not one byte more of the watches under way; their connections stay, as half-open ones do. */
  freezeWatches(): void
  close(): Promise<void>
}

/** Upstream it speaks as the kubeconfig says, over TLS both ways. */
export async function startFaultProxy(kubeconfig: string): Promise<FaultProxy> {
  const keys = await makeProxyKeys()
  const config = new KubeConfig()
  config.loadFromString(kubeconfig)
  const source = createCredentialSource(config)
  const { headers, connection } = await source.current()
  const dispatcher = new Agent(connection.type === 'agent' ? { connect: connection.connect as object } : {})
  const forwarder = new Forwarder({ origin: source.origin, prefix: source.prefix, headers, dispatcher })
  const server = createServer(keys, (request, response) => void forwarder.pass(request, response))
  server.on('connection', (socket: Socket) => forwarder.know(socket))
  server.requestTimeout = 0
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    port,
    kubeconfig: proxyKubeconfig(`https://127.0.0.1:${port}`, keys),
    passages: forwarder.passages,
    inject: (...faults) => forwarder.inject(faults),
    lift: () => forwarder.inject([]),
    endWatches: () => forwarder.endWatches(),
    freezeWatches: () => forwarder.freezeWatches(),
    close: async () => {
      server.close()
      server.closeAllConnections()
      await dispatcher.destroy()
    },
  }
}

interface Upstream {
  readonly origin: string
  readonly prefix: string
  readonly headers: Readonly<Record<string, string>>
  readonly dispatcher: Dispatcher
}

/** One request on its way: who asked, what is done to it, and the line in the book. */
interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly treatment: Treatment | undefined
  readonly passage: Passage
}

class Forwarder {
  readonly passages: Passage[] = []
  readonly #upstream: Upstream
  readonly #sockets = new Map<number, Socket>()
  readonly #watches = new Set<ServerResponse>()
  readonly #frozen = new WeakSet<ServerResponse>()
  #faults: { readonly fault: Fault; left: number }[] = []

  constructor(upstream: Upstream) {
    this.#upstream = upstream
  }

  /** The connection below TLS: it alone can be reset. */
  know(socket: Socket): void {
    const port = socket.remotePort ?? 0
    this.#sockets.set(port, socket)
    socket.on('error', () => undefined)
    socket.once('close', () => this.#sockets.delete(port))
  }

  inject(faults: readonly Fault[]): void {
    this.#faults = faults.map(fault => ({ fault, left: fault.times ?? Number.POSITIVE_INFINITY }))
  }

  endWatches(): void {
    for (const response of this.#watches) response.end()
  }

  freezeWatches(): void {
    for (const response of this.#watches) this.#frozen.add(response)
    this.#watches.clear()
  }

  async pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'https://proxy')
    const asked = { method: request.method ?? 'GET', path: url.pathname, query: url.searchParams }
    const { fault, treatment } = this.#findFault(asked)
    const body = (await readBody(request)).toString()
    const passage: Passage = { ...asked, body, ...(fault ? { fault: fault.name } : {}) }
    this.passages.push(passage)
    response.on('error', () => undefined)
    await this.#treat({ request, response, treatment, passage }).catch(() => this.#reset(request))
  }

  #findFault(asked: ProxiedRequest): { fault?: Fault; treatment?: Treatment } {
    for (const each of this.#faults) {
      const treatment = each.left > 0 ? each.fault.treat(asked) : undefined
      if (!treatment) continue
      each.left--
      return { fault: each.fault, treatment }
    }
    return {}
  }

  async #treat(exchange: Exchange): Promise<void> {
    const { treatment, passage } = exchange
    if (treatment && !isAsked(treatment, passage)) return this.#sayInstead(exchange)
    const answer = await this.#ask(exchange)
    passage.status = answer.statusCode
    if (!treatment || !isInstead(treatment, passage)) return this.#passOn(exchange, answer)
    await drop(answer.body, passage)
    this.#sayInstead(exchange)
  }

  #sayInstead({ request, response, treatment }: Exchange): void {
    if (treatment?.do === 'reset') this.#reset(request)
    if (treatment?.do !== 'answer') return
    const { status, headers, body } = treatment.answer
    response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) })
    response.end(body)
  }

  async #ask({ request, response, passage }: Exchange): Promise<Dispatcher.ResponseData> {
    const { origin, prefix, headers, dispatcher } = this.#upstream
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    const { host: _host, connection: _connection, authorization: _token, ...own } = request.headers
    return dispatcher.request({
      origin,
      path: `${prefix}${request.url}`,
      method: passage.method as Dispatcher.HttpMethod,
      headers: { ...own, ...headers },
      body: passage.body || null,
      signal: gone.signal,
      headersTimeout: 0,
      bodyTimeout: 0,
    })
  }

  async #passOn(
    { request, response, treatment, passage }: Exchange,
    answer: Dispatcher.ResponseData,
  ): Promise<void> {
    // Half an answer that ends politely has no length that it promised.
    const { 'content-length': length, 'transfer-encoding': _chunked, ...headers } = answer.headers
    const isWhole = treatment?.do !== 'tear' && length !== undefined
    response.writeHead(answer.statusCode, isWhole ? { ...headers, 'content-length': length } : headers)
    response.flushHeaders()
    if (isWatch(passage)) this.#watches.add(response)
    const ending = await this.#send(response, shape(treatment, answer.body, isWatch(passage)))
    this.#watches.delete(response)
    await this.#finish(request, response, ending)
  }

  async #finish(request: IncomingMessage, response: ServerResponse, ending: Ending): Promise<void> {
    if (ending === 'hold') return
    if (ending === 'end') return void response.end()
    // What was written must have left before the reset takes the rest away.
    await sleep(20)
    this.#reset(request)
  }

  async #send(response: ServerResponse, pieces: AsyncGenerator<Uint8Array, Ending>): Promise<Ending> {
    for (;;) {
      const { value, done } = await pieces.next()
      if (this.#frozen.has(response)) return 'hold'
      if (done) return value
      if (response.writableEnded) return 'end'
      response.write(value)
    }
  }

  #reset(request: IncomingMessage): void {
    this.#sockets.get(request.socket.remotePort ?? 0)?.resetAndDestroy()
  }
}

/** A watch would not end by itself. */
const drop = async (body: Dispatcher.ResponseData['body'], passage: Passage): Promise<void> => {
  if (!isWatch(passage)) return body.dump()
  body.on('error', () => undefined)
  body.destroy()
}

/** Nothing of the server's answer goes on. */
const isInstead = (treatment: Treatment, passage: Passage): boolean =>
  treatment.do === 'answer' ||
  (treatment.do === 'hold' && !isWatch(passage)) ||
  (treatment.do === 'reset' && (treatment.when === 'before' || treatment.when === 'instead'))

const isAsked = (treatment: Treatment, passage: Passage): boolean => {
  if (!isInstead(treatment, passage)) return true
  return treatment.do === 'reset' ? treatment.when === 'instead' : 'tookEffect' in treatment
}
