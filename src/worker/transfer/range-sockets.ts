// The idle range sockets of one work, by origin. Behind a proxy a work has none: the portable way knows how to go through it.
import { RangeSocket } from './range-socket.ts'
import { Slabs } from './slabs.ts'

/** Answers of another kind that an origin may give before it is asked in the portable way only. */
const mostMisses = 3
/** A connection that nobody wanted for so long is closed: the work has fewer now. */
const idleMs = 1_000

interface Idle {
  readonly socket: RangeSocket
  readonly since: number
}

export class RangeSockets {
  readonly #misses = new Map<string, number>()
  /** the one that was given last is taken first */
  readonly #idle = new Map<string, Idle[]>()
  readonly #slabs = new Slabs()

  /** An idle connection to the origin or a new one; undefined where none may be used. Throws when it cannot be made. */
  async take(url: URL, signal: AbortSignal): Promise<RangeSocket | undefined> {
    if ((this.#misses.get(url.origin) ?? 0) >= mostMisses) return undefined
    const idle = this.#idle.get(url.origin) ?? []
    for (let one = idle.pop(); one; one = idle.pop()) if (one.socket.isUsable) return one.socket
    return RangeSocket.open(url, signal, this.#slabs)
  }

  give(url: URL, socket: RangeSocket): void {
    if (!socket.isUsable) {
      socket.destroy()
      return
    }
    const now = performance.now()
    const [kept, unwanted]: [Idle[], Idle[]] = [[], []]
    for (const one of this.#idle.get(url.origin) ?? []) (now - one.since < idleMs ? kept : unwanted).push(one)
    for (const one of unwanted) one.socket.destroy()
    this.#idle.set(url.origin, [...kept, { socket, since: now }])
  }

  /** The origin gave an answer that only fetch understands. */
  doubt(url: URL): void {
    this.#misses.set(url.origin, (this.#misses.get(url.origin) ?? 0) + 1)
  }

  close(): void {
    for (const sockets of this.#idle.values()) for (const { socket } of sockets) socket.destroy()
    this.#idle.clear()
  }
}
