// The speed limit of one work, over all its connections: bytes are taken from a bucket that fills evenly.
import { pause } from './wire.ts'

/** Bytes may run ahead of the clock by so much. */
const slackMs = 200
const longestPause = 200

export class Throttle {
  readonly #bytesPerSecond: number
  #dueAt = 0

  /** `bytesPerSecond`: at least 1. */
  constructor(bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond
  }

  /** Resolves when these bytes are due; `touch` is called while it waits, so that the wait is not taken for silence. */
  async take(bytes: number, signal: AbortSignal, touch: () => void): Promise<void> {
    const now = performance.now()
    this.#dueAt = Math.max(this.#dueAt, now - slackMs) + (bytes * 1000) / this.#bytesPerSecond
    const dueAt = this.#dueAt
    for (let wait = dueAt - now; wait > slackMs; wait = dueAt - performance.now()) {
      await pause(Math.min(wait, longestPause), signal)
      touch()
    }
  }
}
