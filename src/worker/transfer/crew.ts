// The connections of one blob: parts are claimed in ascending order inside a window before the front; more connections while they
// bring more bytes, half of them when the server pushes back.
import { isDiskError, WorkError } from '../outcome.ts'
import { NoRanges, streamPart } from './part-stream.ts'
import type { Partial } from './partial.ts'
import type { Part } from './parts.ts'
import type { RangeSockets } from './range-sockets.ts'
import type { Throttle } from './throttle.ts'
import { longestPatience, pause, toNetworkError, Watchdog, type Wire, withRetries } from './wire.ts'

/** Connections that one work may have open, over all its blobs. */
export class Connections {
  #free: number
  #quietUntil = 0

  constructor(most: number) {
    this.#free = most
  }

  tryTake(): boolean {
    if (this.#free === 0) return false
    this.#free--
    return true
  }

  give(): void {
    this.#free++
  }

  /** The server asked for quiet: no connection of this work asks before that. */
  hold(seconds: number): void {
    this.#quietUntil = Math.max(this.#quietUntil, Date.now() + seconds * 1000)
  }

  async untilAllowed(signal: AbortSignal): Promise<void> {
    const wait = this.#quietUntil - Date.now()
    if (wait > 0) await pause(wait, signal)
  }
}

const firstConnections = 4
const mostConnections = 16
const beatMs = 1_000
/** Another connection is worth it while the sum grows by this much. */
const growth = 1.05
const poorBeats = 10

export interface CrewOrder {
  readonly url: string
  readonly path: string
  readonly partial: Partial
  readonly connections: Connections
  readonly sockets?: RangeSockets
  readonly throttle?: Throttle
  /** called whenever bytes were written */
  readonly onBytes: () => void
  /** called after each part; what it throws ends the crew */
  readonly onPart: () => Promise<void>
}

type Claim = Part | 'Wait' | undefined

export class Crew {
  readonly #wire: Wire
  readonly #order: CrewOrder
  readonly #taken = new Set<number>()
  readonly #stop = new AbortController()
  readonly #running = new Set<Promise<void>>()
  #limit = firstConnections
  /** the address that answers with ranges, redirected or not; its first answer opens the other connections */
  #known: string | undefined
  #error: unknown

  constructor(wire: Wire, order: CrewOrder) {
    this.#wire = { ...wire, signal: AbortSignal.any([wire.signal, this.#stop.signal]) }
    this.#order = order
  }

  /** Resolves when every part is whole and synced. Throws NoRanges when the server cannot send parts. */
  async run(): Promise<void> {
    const beat = setInterval(this.#beater(), beatMs)
    try {
      this.#fillUp()
      while (this.#running.size > 0) await Promise.race(this.#running)
    } finally {
      clearInterval(beat)
    }
    if (this.#error) throw this.#error
  }

  /** Opens connections up to the limit; the first of a blob waits for nobody. */
  #fillUp(): void {
    const limit = this.#known ? this.#limit : 1
    while (this.#running.size < limit && !this.#stop.signal.aborted) {
      const isFirst = this.#running.size === 0
      const isShared = this.#order.connections.tryTake()
      if (!isShared && !isFirst) return
      const one = this.#connection().finally(() => {
        this.#running.delete(one)
        if (isShared) this.#order.connections.give()
      })
      this.#running.add(one)
      if (this.#order.partial.parts <= this.#running.size) return
    }
  }

  async #connection(): Promise<void> {
    try {
      while (this.#running.size <= this.#limit) {
        const claim = this.#claim()
        if (claim === undefined) return
        if (claim === 'Wait') await pause(20, this.#wire.signal)
        else await this.#fetch(claim).then(this.#order.onPart)
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#error = error
      this.#stop.abort()
    }
  }

  #claim(): Claim {
    const { partial } = this.#order
    const last = Math.min(partial.parts, partial.firstOpen + 2 * Math.max(this.#limit, firstConnections))
    for (let index = partial.firstOpen; index < last; index++) {
      if (this.#taken.has(index) || partial.isWhole(index)) continue
      this.#taken.add(index)
      return partial.part(index)
    }
    return last < partial.parts ? 'Wait' : undefined
  }

  async #fetch(part: Part): Promise<void> {
    const { partial } = this.#order
    try {
      await withRetries(
        this.#wire,
        () => this.#attempt(part),
        () => partial.received(part.index),
      )
    } finally {
      this.#taken.delete(part.index)
    }
  }

  /** An address that has answered is used until it is refused. */
  async #attempt(part: Part): Promise<void> {
    const { partial, connections } = this.#order
    await connections.untilAllowed(this.#wire.signal)
    const dog = new Watchdog(this.#wire)
    const order = this.#partOrder()
    try {
      await streamPart(this.#wire, dog, { order, partial, part })
    } catch (error) {
      this.#known = undefined
      this.#ease(error)
      if (isOurs(error)) throw error
      throw toNetworkError(error, this.#wire, dog, new URL(order.url).host)
    } finally {
      dog.end()
    }
  }

  #partOrder() {
    const { path, onBytes, sockets, throttle } = this.#order
    const url = this.#known ?? this.#order.url
    const onAnswer = (answered: string): void => {
      this.#known = answered
      this.#fillUp()
    }
    const isSigned = url !== this.#order.url
    return {
      url,
      isSigned,
      path,
      onBytes,
      onAnswer,
      ...(this.#known && sockets ? { sockets } : {}),
      ...(throttle ? { throttle } : {}),
    }
  }

  /** Fewer connections, and quiet for as long as the server asks. */
  #ease(error: unknown): void {
    if (!(error instanceof WorkError)) return
    const { reason, retryAfterSeconds } = error.failure
    if (reason !== 'RateLimited' && retryAfterSeconds === undefined) return
    this.#limit = Math.max(1, Math.floor(this.#limit / 2))
    this.#order.connections.hold(Math.min(retryAfterSeconds ?? 0, longestPatience))
  }

  #beater(): () => void {
    const { partial } = this.#order
    let [before, last, best, poor] = [partial.bytes, 0, 0, 0]
    return () => {
      const rate = partial.bytes - before
      before = partial.bytes
      best = Math.max(best, rate)
      poor = rate < best / 2 ? poor + 1 : 0
      if (poor >= poorBeats) {
        this.#limit = Math.max(1, Math.floor(this.#limit / 2))
        ;[best, poor] = [rate, 0]
      } else if (rate >= last * growth && this.#running.size >= this.#limit) {
        this.#limit = Math.min(mostConnections, this.#limit + 1)
        last = rate
      }
      this.#fillUp()
    }
  }
}

const isOurs = (error: unknown): boolean => error instanceof NoRanges || isDiskError(error)
