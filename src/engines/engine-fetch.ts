// The operator's way to engines: as much of `fetch` as a small request needs, at a part of its cost. What is asked of one address goes
// one after the other over one connection, for opening it costs more than several requests; nobody waits long for a slow answer.
import { EngineWire } from './engine-wire.ts'
import { type Asking, bodyLimit, type Fetch, type Sent } from './http.ts'

/** longer than an engine needs for a list or counters, and little beside anybody's time limit */
const patienceMs = 100
/** We leave before an engine does (vLLM after 5 s): no request meets a connection that is just being closed. */
const idleMs = 1_000

export const createEngineFetch = (patience = patienceMs): Fetch => {
  const turnAt = createTurns(patience)
  const wires = new Wires()
  return async (url, asking) => {
    const target = new URL(url)
    if (target.protocol !== 'http:') throw new Error('an engine is asked by http:// only')
    const done = await turnAt(target.origin)
    try {
      asking.signal.throwIfAborted()
      return await wires.ask(target, toText(target, asking), asking.signal)
    } finally {
      done()
    }
  }
}

/** Sent in one piece, with its length told beforehand. */
const toText = ({ host, pathname, search }: URL, { method, headers, body }: Asking): string => {
  const told = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const length = body === undefined ? '' : `content-length: ${Buffer.byteLength(body)}\r\n`
  return `${method ?? 'GET'} ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\n${told.join('')}${length}\r\n${body ?? ''}`
}

/** The connections that are open. Those that are free are used again, or closed by one timer for all. */
class Wires {
  readonly #free = new Map<string, EngineWire[]>()
  #timer: NodeJS.Timeout | undefined

  async ask(target: URL, request: string, signal: AbortSignal): Promise<Sent> {
    const wire = this.#take(target.origin) ?? new EngineWire(target, bodyLimit)
    const abort = (): void => wire.end(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    try {
      return await wire.ask(request)
    } finally {
      signal.removeEventListener('abort', abort)
      this.#keep(target.origin, wire)
    }
  }

  /** One that was closed meanwhile is passed over. */
  #take(origin: string): EngineWire | undefined {
    const free = this.#free.get(origin) ?? []
    let wire = free.pop()
    while (wire && !wire.isFree) wire = free.pop()
    return wire
  }

  #keep(origin: string, wire: EngineWire): void {
    if (!wire.isFree) return
    const free = this.#free.get(origin)
    if (free) free.push(wire)
    else this.#free.set(origin, [wire])
    this.#timer ??= setTimeout(() => this.#leave(), idleMs)
  }

  #leave(): void {
    this.#timer = undefined
    for (const wire of [...this.#free.values()].flat()) wire.end()
    this.#free.clear()
  }
}

type Done = () => void

/** Waits until what was asked there just before is answered, or takes too long. */
const createTurns = (patience: number) => {
  const last = new Map<string, Promise<void>>()
  return async (origin: string): Promise<Done> => {
    const before = last.get(origin)
    const { promise, resolve } = Promise.withResolvers<void>()
    last.set(origin, promise)
    if (before) await soon(before, patience)
    return () => {
      resolve()
      if (last.get(origin) === promise) last.delete(origin)
    }
  }
}

const soon = (before: Promise<void>, patience: number): Promise<void> =>
  new Promise(resolve => {
    const end = setTimeout(resolve, patience)
    void before.then(() => {
      clearTimeout(end)
      resolve()
    })
  })
