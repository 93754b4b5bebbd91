// The operator's way to engines: as much of `fetch` as a small request needs, at a part of its cost. What is asked of one address goes
// one after the other over one connection, for opening it costs more than several requests; nobody waits long for a slow answer.
import { EngineWire } from './engine-wire.ts'
import { type Asking, bodyLimit, type Fetch, type Sent } from './http.ts'
import type { Limit } from './limit.ts'

/** longer than an engine needs for a list or counters, and little beside anybody's time limit */
const patienceMs = 100
/** We leave before an engine does (vLLM after 5 s): no request meets a connection that is just being closed. */
const idleMs = 1_000

export const createEngineFetch = (patience = patienceMs): Fetch => {
  const turnAt = createTurns(patience)
  const wires = new Wires()
  return async (url, asking) => {
    const { host, path } = targetOf(url)
    const done = await turnAt(host)
    try {
      if (asking.limit.isOver) throw tooLate()
      return await wires.ask(host, toText({ host, path }, asking), asking.limit)
    } finally {
      done()
    }
  }
}

interface Target {
  readonly host: string
  readonly path: string
}

const plainUrl = /^http:\/\/([\w.:[\]-]+)(\/[!-"$-~]*)$/

/** What needs no normal form is not given one: a URL costs a good part of what the request does. */
const targetOf = (url: string): Target => {
  const [, plainHost, plainPath] = plainUrl.exec(url) ?? []
  if (plainHost && plainPath) return { host: plainHost, path: plainPath }
  const { protocol, host, pathname, search } = new URL(url)
  if (protocol !== 'http:') throw new Error('an engine is asked by http:// only')
  return { host, path: `${pathname}${search}` }
}

const tooLate = (): Error => new Error('there was no answer in time')

/** Sent in one piece, with its length told beforehand. */
const toText = ({ host, path }: Target, { method, headers, body }: Asking): string => {
  const length = body === undefined ? '' : `content-length: ${Buffer.byteLength(body)}\r\n`
  return `${method ?? 'GET'} ${path} HTTP/1.1\r\nhost: ${host}\r\n${toLines(headers)}${length}\r\n${body ?? ''}`
}

const linesOf = new WeakMap<Asking['headers'], string>()

const toLines = (headers: Asking['headers']): string => {
  const known = linesOf.get(headers)
  if (known !== undefined) return known
  const told = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const lines = told.join('')
  linesOf.set(headers, lines)
  return lines
}

/** The connections that are open. Those that are free are used again, or closed by one timer for all. */
class Wires {
  readonly #free = new Map<string, EngineWire[]>()
  #timer: NodeJS.Timeout | undefined

  async ask(host: string, request: string, limit: Limit): Promise<Sent> {
    const wire = this.#take(host) ?? new EngineWire(host, bodyLimit)
    limit.onEnd(() => wire.end(tooLate()))
    try {
      return await wire.ask(request)
    } finally {
      limit.onEnd()
      this.#keep(host, wire)
    }
  }

  /** One that was closed meanwhile is passed over. */
  #take(host: string): EngineWire | undefined {
    const free = this.#free.get(host) ?? []
    let wire = free.pop()
    while (wire && !wire.isFree) wire = free.pop()
    return wire
  }

  #keep(host: string, wire: EngineWire): void {
    if (!wire.isFree) return
    const free = this.#free.get(host)
    if (free) free.push(wire)
    else this.#free.set(host, [wire])
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
  return async (host: string): Promise<Done> => {
    const before = last.get(host)
    const { promise, resolve } = Promise.withResolvers<void>()
    last.set(host, promise)
    if (before) await soon(before, patience)
    return () => {
      resolve()
      if (last.get(host) === promise) last.delete(host)
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
