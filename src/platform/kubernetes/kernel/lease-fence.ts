// Whether this process may write at this moment, and whether the API server has answered all that it wrote.
import type { Fence } from './client-options.ts'
import type { ElectionClock } from './election-clock.ts'

export interface FenceTimes {
  /** a renewal older than this no longer allows a write */
  readonly writeDeadlineMs: number
  /** a write without an answer may still arrive for so long */
  readonly doubtMs: number
}

export class LeaseFence implements Fence {
  /** given when leadership is lost: writes under way end */
  readonly signal: AbortSignal
  readonly #clock: ElectionClock
  readonly #times: FenceTimes
  #renewedAt: number | undefined
  #isShut = false
  #notBefore = Number.NEGATIVE_INFINITY
  #underWay = 0
  #unansweredAt = Number.NEGATIVE_INFINITY
  #becameIdle = Promise.withResolvers<void>()

  constructor(clock: ElectionClock, times: FenceTimes, lost: AbortSignal) {
    this.#clock = clock
    this.#times = times
    this.signal = lost
  }

  /** `sentAt`: when the renewal that succeeded was sent. */
  open(sentAt: number): void {
    if (!this.#isShut) this.#renewedAt = sentAt
  }

  /** Closed until then, whatever is renewed: who led before may still write. */
  waitUntil(moment: number): void {
    this.#notBefore = moment
  }

  /** For good. */
  shut(): void {
    this.#isShut = true
    this.#renewedAt = undefined
  }

  /** since the last renewal; undefined before the first, and once shut */
  get ageMs(): number | undefined {
    return this.#renewedAt === undefined ? undefined : this.#clock.now() - this.#renewedAt
  }

  mutationsAllowed(): boolean {
    if (this.signal.aborted || this.#clock.now() < this.#notBefore) return false
    return (this.ageMs ?? Number.POSITIVE_INFINITY) < this.#times.writeDeadlineMs
  }

  began(): (isAnswered: boolean) => void {
    this.#underWay++
    return isAnswered => {
      if (!isAnswered) this.#unansweredAt = this.#clock.now()
      if (--this.#underWay > 0) return
      this.#becameIdle.resolve()
      this.#becameIdle = Promise.withResolvers()
    }
  }

  /** Resolves when no write is under way; never rejects. */
  async idle(): Promise<void> {
    if (this.#underWay > 0) await this.#becameIdle.promise
  }

  /** Nothing that this process wrote can still reach the API server. */
  get isSettled(): boolean {
    return this.#underWay === 0 && this.#clock.now() - this.#unansweredAt >= this.#times.doubtMs
  }
}
