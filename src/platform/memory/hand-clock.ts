// A clock that stands still until a test turns it: timers fire in order of their time, and all that they begin ends first.
import type { Clock } from '../../domain/platform.ts'

/** More timers than this in one turn are a loop that never rests. */
const busiest = 20_000

interface Timer {
  readonly at: number
  readonly order: number
  readonly call: () => void
}

export class HandClock implements Clock {
  #now: number
  #order = 0
  readonly #timers = new Set<Timer>()

  constructor(start = Date.parse('2026-01-01T00:00:00Z')) {
    this.#now = start
  }

  now(): Date {
    return new Date(this.#now)
  }

  after(ms: number, call: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, Math.ceil(ms)), order: this.#order++, call }
    this.#timers.add(timer)
    return () => void this.#timers.delete(timer)
  }

  /** Turns the hand forward, timer by timer. */
  async run(ms: number): Promise<void> {
    const end = this.#now + ms
    await this.until(() => false, ms)
    this.#now = end
  }

  /** Turns until it holds between two timers, or the time is over; tells whether it held. */
  async until(holds: () => boolean, ms: number): Promise<boolean> {
    const end = this.#now + ms
    for (let fired = 0; fired < busiest; fired++) {
      await settle()
      if (holds()) return true
      const next = this.#first()
      if (!next || next.at > end) return false
      this.#timers.delete(next)
      this.#now = next.at
      next.call()
    }
    throw new Error(`${busiest} timers fired before ${ms} ms were over: something never rests`)
  }

  #first(): Timer | undefined {
    let first: Timer | undefined
    for (const timer of this.#timers)
      if (!first || timer.at < first.at || (timer.at === first.at && timer.order < first.order)) first = timer
    return first
  }
}

/** Everything that waits only for promises has run when this resolves. */
const settle = (): Promise<void> => new Promise(resolve => void setImmediate(resolve))
