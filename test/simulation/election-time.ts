// Virtual time for an election: events in the order of their moment, and a clock per process that may run fast, slow or wrong.
import { setImmediate as turn } from 'node:timers/promises'
import type { ElectionClock } from '../../src/platform/kubernetes/kernel/election-clock.ts'

interface Planned {
  readonly at: number
  readonly number: number
  readonly call: () => void
}

/** Real milliseconds of the simulated world; no process sees them. */
export class VirtualTime {
  now = 0
  #planned: Planned[] = []
  #number = 0

  /** The returned function takes it back. */
  after(ms: number, call: () => void): () => void {
    const planned = { at: this.now + Math.max(0, ms), number: this.#number++, call }
    this.#insert(planned)
    return () => {
      const index = this.#planned.indexOf(planned)
      if (index >= 0) this.#planned.splice(index, 1)
    }
  }

  async runUntil(moment: number): Promise<void> {
    await turn()
    for (let next = this.#planned[0]; next && next.at <= moment; next = this.#planned[0]) {
      this.#planned.shift()
      this.now = next.at
      next.call()
      // All that follows from it happens before the next event.
      await turn()
    }
    this.now = moment
  }

  #insert(planned: Planned): void {
    let low = 0
    let high = this.#planned.length
    while (low < high) {
      const middle = (low + high) >> 1
      const other = this.#planned[middle]!
      if (other.at <= planned.at) low = middle + 1
      else high = middle
    }
    this.#planned.splice(low, 0, planned)
  }
}

export interface ClockFault {
  /** of its own seconds per real second */
  readonly rate: number
  /** of the wall clock, which people set */
  wallOffsetMs: number
  isWallFrozen: boolean
}

/** `deliver` runs a call in the process: later when it is stopped, never when it is dead. */
export const clockOf = (
  time: VirtualTime,
  fault: ClockFault,
  deliver: (call: () => void) => void,
): ElectionClock => ({
  now: () => 1_000_000 + time.now * fault.rate,
  date: () =>
    new Date(1_800_000_000_000 + fault.wallOffsetMs + (fault.isWallFrozen ? 0 : time.now * fault.rate)),
  after: (ms, call) => {
    let isCancelled = false
    const cancel = time.after(ms / fault.rate, () => deliver(() => isCancelled || call()))
    return () => {
      isCancelled = true
      cancel()
    }
  },
})

export type Random = () => number

export const between = (random: Random, low: number, high: number): number => low + random() * (high - low)

export const oneOf = <T>(random: Random, choices: readonly T[]): T =>
  choices[Math.floor(random() * choices.length)] as T
