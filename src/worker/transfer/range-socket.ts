// A connection that asks for one range after another and receives into buffers of its own: no stream, no buffer per chunk.
// It understands one answer only, 206 with a length; anything else ends it, and the portable way asks again.
import { connect as connectPlain, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { checkHost, guardedLookup } from './guard.ts'
import { Slabs } from './slabs.ts'

/** Slabs that may be full or written while another is filled. */
const mostFull = 1
/** A slab with less room than this is handed on. */
const leastRoom = 16 << 10
const headLimit = 32 << 10
const patienceMs = 250
const connectMs = 20_000

interface Filled {
  readonly slab: Buffer
  readonly start: number
  readonly end: number
  /** nothing more comes into this slab: it is free once these bytes were taken */
  readonly isLast: boolean
}

export interface RangeHead {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
}

const endOfHead = Buffer.from('\r\n\r\n')

/** Status and headers; undefined for what is no HTTP/1.1 answer. Of a header that is repeated the last counts. */
const parseHead = (text: string): RangeHead | undefined => {
  const [first = '', ...lines] = text.split('\r\n')
  const status = /^HTTP\/1\.1 (\d{3})(?: |$)/.exec(first)?.[1]
  if (!status) return undefined
  const headers = new Map<string, string>()
  for (const line of lines) {
    const colon = line.indexOf(':')
    if (colon < 1) return undefined
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim())
  }
  return { status: Number(status), headers }
}

/** The length of the body when it can be received here. */
const lengthOf = ({ status, headers }: RangeHead): number | undefined => {
  const length = headers.get('content-length') ?? ''
  const isPlain = !headers.has('transfer-encoding') && !headers.has('content-encoding')
  return status === 206 && isPlain && /^\d{1,15}$/.test(length) ? Number(length) : undefined
}

export class RangeSocket {
  readonly #socket: Socket
  readonly #slabs: Slabs
  /** handed on and not yet taken back */
  #handedOn = 0
  #full: Filled[] = []
  #slab: Buffer
  #start = 0
  #end = 0
  /** bytes of the body that have not arrived; undefined while no body is due */
  #left: number | undefined
  #lent: readonly Filled[] = []
  #isClosing = false
  #error: Error | undefined
  #wake: (() => void) | undefined
  #patience: NodeJS.Timeout | undefined
  #onHead: ((head: RangeHead | undefined) => void) | undefined

  private constructor(url: URL, slabs: Slabs, onOpen: () => void) {
    this.#slabs = slabs
    this.#slab = slabs.take()
    const isTls = url.protocol === 'https:'
    const host = url.hostname.replace(/^\[(.*)\]$/, '$1')
    const onread = {
      buffer: () => this.#slab.subarray(this.#end),
      callback: (count: number) => this.#receive(count),
    }
    const place = {
      host,
      port: Number(url.port || (isTls ? 443 : 80)),
      onread,
      lookup: guardedLookup as never,
    }
    const named = /^[\d.]+$|:/.test(host) ? {} : { servername: host }
    this.#socket = isTls
      ? connectTls({ ...place, ...named, ALPNProtocols: ['http/1.1'] })
      : connectPlain(place)
    this.#socket.once(isTls ? 'secureConnect' : 'connect', onOpen)
    this.#socket.setNoDelay(true)
    this.#socket.on('error', error => this.#fail(error))
    this.#socket.on('close', () => this.#close())
  }

  /** Throws when the connection cannot be made, also when it takes too long. */
  static async open(url: URL, signal: AbortSignal, slabs = new Slabs()): Promise<RangeSocket> {
    checkHost(url.hostname)
    const limit = AbortSignal.any([signal, AbortSignal.timeout(connectMs)])
    const opened = Promise.withResolvers<void>()
    const socket = new RangeSocket(url, slabs, opened.resolve)
    socket.#wake = () => opened.reject(socket.#error)
    const onAbort = (): void => opened.reject(limit.reason as Error)
    limit.addEventListener('abort', onAbort, { once: true })
    try {
      await opened.promise
      return socket
    } catch (error) {
      socket.destroy()
      throw error
    } finally {
      limit.removeEventListener('abort', onAbort)
    }
  }

  get isUsable(): boolean {
    return !this.#error && !this.#isClosing && this.#left === undefined
  }

  destroy(): void {
    this.#socket.destroy()
  }

  /** Resolves with the head of a 206 whose body `read` gives; undefined for every other answer: the connection is over then. */
  async ask(url: URL, headers: Readonly<Record<string, string>>): Promise<RangeHead | undefined> {
    const lines = Object.entries({ host: url.host, ...headers }).map(
      ([name, value]) => `${name}: ${value}\r\n`,
    )
    const head = new Promise<RangeHead | undefined>(resolve => {
      this.#onHead = resolve
    })
    this.#socket.write(`GET ${url.pathname}${url.search} HTTP/1.1\r\n${lines.join('')}\r\n`)
    const got = this.#error ? undefined : await head
    if (!got) this.destroy()
    return got
  }

  /** The next bytes, valid until the next call; undefined when the body is complete. Throws when the connection broke. */
  async read(): Promise<readonly Uint8Array[] | undefined> {
    this.#takeBack()
    do {
      if (!this.#isDue) await this.#something()
      if (!this.#isDue || this.#error) this.#show()
    } while (this.#full.length === 0 && !this.#isDue)
    if (this.#full.length > 0) return this.#lend()
    if (this.#left !== 0) throw this.#error
    this.#left = undefined
    return undefined
  }

  /** Nothing is won by waiting for more. */
  get #isDue(): boolean {
    return this.#full.length > 0 || this.#left === 0 || this.#error !== undefined
  }

  #lend(): readonly Uint8Array[] {
    this.#lent = this.#full
    this.#full = []
    return this.#lent.map(({ slab, start, end }) => slab.subarray(start, end))
  }

  #takeBack(): void {
    for (const { slab, isLast } of this.#lent) {
      if (!isLast) continue
      this.#slabs.give(slab)
      this.#handedOn--
    }
    this.#lent = []
    if (this.#socket.isPaused()) this.#socket.resume()
  }

  /** Until there is enough, or until bytes have waited long enough. One timer for all waits: one each was most of the garbage. */
  #something(): Promise<void> {
    return new Promise(resolve => {
      this.#wake = resolve
      if (this.#patience) this.#patience.refresh()
      else this.#patience = setTimeout(() => this.#wake?.(), patienceMs)
    })
  }

  #receive(count: number): boolean {
    this.#end += count
    if (this.#onHead) this.#takeHead()
    else this.#takeBody(count)
    return true
  }

  #takeHead(): void {
    const seen = this.#slab.subarray(this.#start, this.#end)
    const at = seen.indexOf(endOfHead)
    if (at < 0 && seen.length < headLimit) return
    const head = at < 0 ? undefined : parseHead(seen.subarray(0, at).toString('latin1'))
    const length = head && lengthOf(head)
    const answer = this.#onHead
    this.#onHead = undefined
    if (length === undefined) {
      answer?.(undefined)
      return
    }
    this.#isClosing = head?.headers.get('connection')?.toLowerCase() === 'close'
    this.#left = length
    this.#start += at + endOfHead.length
    answer?.(head)
    this.#takeBody(this.#end - this.#start)
  }

  #takeBody(count: number): void {
    if (this.#left === undefined || count > this.#left) {
      this.#left = undefined
      this.#fail(new Error('more bytes came than were announced'))
      return
    }
    this.#left -= count
    if (this.#left === 0 || this.#slab.length - this.#end < leastRoom) this.#handOn()
  }

  /** The reader gets what has come. The slab stays: the socket holds its rest already and writes there next. */
  #show(): void {
    if (this.#end === this.#start) return
    this.#full.push({ slab: this.#slab, start: this.#start, end: this.#end, isLast: false })
    this.#start = this.#end
  }

  /** The slab is full: the reader gets it, another takes its place. MUST be called while the socket asks for a buffer. */
  #handOn(): void {
    this.#full.push({ slab: this.#slab, start: this.#start, end: this.#end, isLast: true })
    this.#handedOn++
    this.#slab = this.#slabs.take()
    this.#start = 0
    this.#end = 0
    if (this.#handedOn >= mostFull) this.#socket.pause()
    this.#wake?.()
  }

  /** What was lent may still be written: it is left to the collector. */
  #close(): void {
    this.#fail(new Error('the connection was closed'))
    if (this.#full.length === 0 && this.#lent.length === 0 && this.#start === this.#end)
      this.#slabs.give(this.#slab)
  }

  #fail(error: Error): void {
    this.#error ??= error
    this.#onHead?.(undefined)
    this.#onHead = undefined
    clearTimeout(this.#patience)
    this.#wake?.()
    this.#socket.destroy()
  }
}
