// How long a reflector waits before it asks again: longer each time, but not when another one of the process was answered meanwhile.
import { pause } from './election-clock.ts'
import { ApiError } from './errors.ts'
import { isTransient } from './no-answer.ts'
import type { ReflectorClock } from './reflector-clock.ts'
import type { Revival } from './revival.ts'

export interface BackoffOptions {
  readonly clock: ReflectorClock
  readonly random: () => number
  readonly revival: Revival
  readonly backoff: { readonly firstMs: number; readonly longestMs: number; readonly healthyAfterMs: number }
}

export class ReflectorBackoff {
  readonly #options: BackoffOptions
  #failures = 0
  /** over any number of watches that ended politely */
  #healthySince = 0
  #isUnanswered = false
  /** Then the next wait is a whole one: a server that answers and fails again is not hurried. */
  #wasCutShort = false

  constructor(options: BackoffOptions) {
    this.#options = options
  }

  failed(error: unknown): void {
    this.#isUnanswered = isAway(error)
  }

  answered(): void {
    if (!this.#isUnanswered) return
    this.#isUnanswered = false
    this.#options.revival.tell()
  }

  async wait(signal: AbortSignal): Promise<void> {
    const { clock, backoff, random } = this.#options
    const { firstMs, longestMs, healthyAfterMs } = backoff
    if (clock.now() - this.#healthySince > healthyAfterMs) this.#failures = 0
    const ceiling = Math.min(longestMs, firstMs * 2 ** Math.min(this.#failures++, 20))
    await this.#pause(ceiling * random(), signal)
    this.#healthySince = clock.now()
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    const { clock, revival } = this.#options
    const isHopeful = this.#isUnanswered && !this.#wasCutShort
    this.#wasCutShort = isHopeful && (await revival.wait(clock, ms, signal))
    if (!isHopeful) await pause(clock, ms, signal)
  }
}

/** Nobody is there, or what is there cannot answer yet. */
const isAway = (error: unknown): boolean =>
  isTransient(error) && !(error instanceof ApiError && error.isTooManyRequests)
