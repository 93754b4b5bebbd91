// The idle range sockets of one work, by origin. Behind a proxy a work has none: the portable way knows how to go through it.
import { RangeSocket } from './range-socket.ts'

/** Answers of another kind that an origin may give before it is asked in the portable way only. */
const mostMisses = 3

export class RangeSockets {
  readonly #misses = new Map<string, number>()
  readonly #idle = new Map<string, RangeSocket[]>()

  /** An idle connection to the origin or a new one; undefined where none may be used. Throws when it cannot be made. */
  async take(url: URL, signal: AbortSignal): Promise<RangeSocket | undefined> {
    if ((this.#misses.get(url.origin) ?? 0) >= mostMisses) return undefined
    const idle = this.#idle.get(url.origin) ?? []
    for (let socket = idle.pop(); socket; socket = idle.pop()) if (socket.isUsable) return socket
    return RangeSocket.open(url, signal)
  }

  give(url: URL, socket: RangeSocket): void {
    if (!socket.isUsable) {
      socket.destroy()
      return
    }
    this.#idle.set(url.origin, [...(this.#idle.get(url.origin) ?? []), socket])
  }

  /** The origin gave an answer that only fetch understands. */
  doubt(url: URL): void {
    this.#misses.set(url.origin, (this.#misses.get(url.origin) ?? 0) + 1)
  }

  close(): void {
    for (const sockets of this.#idle.values()) for (const socket of sockets) socket.destroy()
    this.#idle.clear()
  }
}
