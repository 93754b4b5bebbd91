// Hosts that are asked for nothing until a while is over: they said so in a refusal, or their limit is used up and their answers tell.
import { WorkError } from '../outcome.ts'
import type { Allowance } from './allowance.ts'
import { longestPatience, pause } from './wire.ts'

/** Longer than a work waits: nobody tries it again. */
const leaves = { retryAfterSeconds: longestPatience + 1 }

interface Window {
  left: number
  readonly endsAt: number
}

/** By a clock that nobody sets. */
export class QuietHosts {
  readonly #quietUntil = new Map<string, number>()
  readonly #windows = new Map<string, Window>()

  /** The host asked for quiet: nobody asks it before that. */
  hold(host: string, seconds: number): void {
    const until = performance.now() + seconds * 1000
    this.#quietUntil.set(host, Math.max(this.#quietUntil.get(host) ?? 0, until))
  }

  /** An answer told what is left. One that was given earlier and comes later must not give back what was used since. */
  note(host: string, { left, seconds }: Allowance): void {
    const endsAt = performance.now() + seconds * 1000
    const before = this.#windowOf(host)
    const window = {
      left: Math.min(before?.left ?? left, left),
      endsAt: Math.min(before?.endsAt ?? endsAt, endsAt),
    }
    this.#windows.set(host, window)
  }

  /** MUST be called before each request; it counts. Throws RateLimited when the wait is longer than a work waits. */
  async untilAllowed(host: string, signal: AbortSignal): Promise<void> {
    for (let wait = this.#waitOf(host); wait > 0; wait = this.#waitOf(host)) {
      if (wait > longestPatience * 1000) throw usedUp(host, wait)
      await pause(wait, signal)
    }
    const window = this.#windowOf(host)
    if (window) window.left--
  }

  /** For a host that can be done without. */
  throwIfQuiet(host: string): void {
    if (this.#waitOf(host) > 0) throw new WorkError('RateLimited', `${host} asked for quiet`, leaves)
  }

  #waitOf(host: string): number {
    const window = this.#windowOf(host)
    const until = window && window.left <= 0 ? window.endsAt : 0
    return Math.max(until, this.#quietUntil.get(host) ?? 0) - performance.now()
  }

  #windowOf(host: string): Window | undefined {
    const window = this.#windows.get(host)
    return window && window.endsAt > performance.now() ? window : undefined
  }
}

const usedUp = (host: string, wait: number): WorkError =>
  new WorkError('RateLimited', `${host} allows no more requests now: its limit is used up`, {
    retryAfterSeconds: Math.ceil(wait / 1000),
  })
