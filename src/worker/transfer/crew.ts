// The connections of one blob: parts are claimed in ascending order inside a window before the front.
import { isDiskError, WorkError } from '../outcome.ts'
import { NoRanges, streamPart } from './part-stream.ts'
import type { Partial } from './partial.ts'
import type { Part } from './parts.ts'
import { QuietHosts } from './quiet-hosts.ts'
import { Ramp } from './ramp.ts'
import type { RangeSockets } from './range-sockets.ts'
import type { Throttle } from './throttle.ts'
import { longestPatience, pause, toNetworkError, Watchdog, type Wire, withRetries } from './wire.ts'

/** Connections that one work may have open, over all its blobs. */
export class Connections {
  readonly quiet = new QuietHosts()
  #free: number

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
}

const beatMs = 50
/** Asked for by fetch to learn where the bytes are: what follows comes over sockets, in a fraction of the memory. */
const firstBytes = 64 << 10
/** Parts before the first gap that are worked on, for each connection; at least for so many connections. */
const partsEach = 2
const leastConnections = 4

export interface CrewOrder {
  readonly url: string
  /** another place has the bytes too: one that asks for quiet is left, not waited for */
  readonly isMirror?: boolean
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

/** One connection of the crew; it flows once it was answered. */
interface Member {
  isFlowing: boolean
}

export class Crew {
  readonly #wire: Wire
  readonly #order: CrewOrder
  readonly #taken = new Set<number>()
  readonly #stop = new AbortController()
  readonly #running = new Set<Promise<void>>()
  /** of those that run, how many have not decided to leave */
  #staying = 0
  readonly #ramp = new Ramp()
  #flowing = 0
  /** the address that answers with ranges, redirected or not; its first answer opens the other connections */
  #known: string | undefined
  #error: unknown

  constructor(wire: Wire, order: CrewOrder) {
    const { quiet } = order.connections
    this.#wire = {
      ...wire,
      signal: AbortSignal.any([wire.signal, this.#stop.signal]),
      onAllowance: (host, allowance) => quiet.note(host, allowance),
    }
    this.#order = order
  }

  /** Resolves when every part is whole and synced. Throws NoRanges when the server cannot send parts. */
  async run(): Promise<void> {
    const beat = setInterval(() => this.#beat(), beatMs)
    try {
      do {
        this.#fillUp()
        while (this.#running.size > 0) await Promise.race(this.#running)
      } while (!this.#stop.signal.aborted && this.#order.partial.firstOpen < this.#order.partial.parts)
    } finally {
      clearInterval(beat)
    }
    if (this.#error) throw this.#error
    await this.#order.partial.settle()
  }

  /** Opens connections up to the limit; the first of a blob waits for nobody. */
  #fillUp(): void {
    const limit = this.#known ? this.#ramp.limit : 1
    while (this.#running.size < limit && !this.#stop.signal.aborted) {
      const isFirst = this.#running.size === 0
      const isShared = this.#order.connections.tryTake()
      if (!isShared && !isFirst) return
      this.#staying++
      const one = this.#connection().finally(() => {
        this.#running.delete(one)
        if (isShared) this.#order.connections.give()
      })
      this.#running.add(one)
      if (this.#order.partial.parts <= this.#running.size) return
    }
  }

  async #connection(): Promise<void> {
    const member: Member = { isFlowing: false }
    try {
      while (this.#staying <= this.#ramp.limit) {
        const claim = this.#claim()
        if (claim === undefined) return
        if (claim === 'Wait') await pause(20, this.#wire.signal)
        else await this.#fetch(claim, member).then(this.#order.onPart)
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#error = error
      this.#stop.abort()
    } finally {
      this.#staying--
      if (member.isFlowing) this.#flowing--
    }
  }

  #claim(): Claim {
    const { partial } = this.#order
    const last = Math.min(
      partial.parts,
      partial.firstOpen + partsEach * Math.max(this.#ramp.limit, leastConnections),
    )
    for (let index = partial.firstOpen; index < last; index++) {
      if (this.#taken.has(index) || partial.isWhole(index)) continue
      this.#taken.add(index)
      return partial.part(index)
    }
    return last < partial.parts ? 'Wait' : undefined
  }

  async #fetch(part: Part, member: Member): Promise<void> {
    const { partial } = this.#order
    try {
      await withRetries(
        this.#wire,
        () => this.#attempt(part, member),
        () => partial.received(part.index),
      )
    } finally {
      this.#taken.delete(part.index)
    }
  }

  /** An address that has answered is used until it is refused. */
  async #attempt(part: Part, member: Member): Promise<void> {
    const { partial } = this.#order
    const { quiet } = this.#order.connections
    const { host } = new URL(this.#known ?? this.#order.url)
    if (this.#order.isMirror) quiet.throwIfQuiet(host)
    await quiet.untilAllowed(host, this.#wire.signal)
    const dog = new Watchdog(this.#wire)
    const order = this.#partOrder(member)
    try {
      await streamPart(this.#wire, dog, { order, partial, part })
    } catch (error) {
      this.#known = undefined
      this.#ease(error, host)
      if (isOurs(error)) throw error
      throw toNetworkError(error, this.#wire, dog, host)
    } finally {
      dog.end()
    }
  }

  #partOrder(member: Member) {
    const { path, onBytes, throttle } = this.#order
    const url = this.#known ?? this.#order.url
    const askedAt = performance.now()
    const onAnswer = (answered: string): void => {
      this.#known = answered
      this.#noteFlow(member, performance.now() - askedAt)
      this.#fillUp()
    }
    const isSigned = url !== this.#order.url
    return {
      url,
      isSigned,
      path,
      onBytes,
      onAnswer,
      ...this.#way(),
      ...(throttle ? { throttle } : {}),
    }
  }

  /** Sockets for an address that is known; until then little is asked for. A blob of one part is asked for at once. */
  #way(): { readonly sockets?: RangeSockets; readonly most?: number } {
    const { sockets, partial } = this.#order
    if (!sockets || partial.parts <= 1) return {}
    return this.#known ? { sockets } : { most: firstBytes }
  }

  #noteFlow(member: Member, setupMs: number): void {
    if (member.isFlowing) return
    member.isFlowing = true
    this.#flowing++
    this.#ramp.noteSetup(setupMs)
  }

  /** Fewer connections, and quiet for as long as the server asks. */
  #ease(error: unknown, host: string): void {
    if (!(error instanceof WorkError)) return
    const { reason, retryAfterSeconds } = error.failure
    if (reason !== 'RateLimited' && retryAfterSeconds === undefined) return
    this.#ramp.ease()
    this.#order.connections.quiet.hold(host, Math.min(retryAfterSeconds ?? 0, longestPatience))
  }

  #beat(): void {
    const { bytes } = this.#order.partial
    const busyMs = performance.eventLoopUtilization().active
    this.#ramp.look({ now: performance.now(), bytes, flowing: this.#flowing, busyMs })
    this.#fillUp()
  }
}

const isOurs = (error: unknown): boolean => error instanceof NoRanges || isDiskError(error)
