// How many connections one blob deserves: doubled while that brings more bytes, then one more at a time, half of them when the server
// pushes back. It has no clock: it is told what has come until when.

const first = 4
const most = 16
/** Doubling is worth it while the speed grows by this much, one more connection while it grows by that. */
const worthDoubling = 1.25
const worthOne = 1.05
/** Speed is measured for as long as connections need to get going, within these bounds; one by one it is measured by the second. */
const [shortestMs, longestMs] = [100, 1_000]
const setupsPerWindow = 4
/** Above this share of its time the receiving thread is the bound: so few connections keep it busy, the others cost their buffers. */
const busiest = 0.8
const enoughWhenBusy = 3
/** Connections that are not answered by then are not waited for. */
const patienceMs = 3_000
/** So many seconds at less than half of the best speed are a collapse. */
const poorSeconds = 10

export interface Sight {
  /** milliseconds of a clock that never goes back */
  readonly now: number
  /** bytes of the blob that are there */
  readonly bytes: number
  /** connections that were answered */
  readonly flowing: number
  /** milliseconds that the receiving thread was busy, since it began */
  readonly busyMs: number
}

export class Ramp {
  #limit = first
  #isDoubling = true
  #window: Sight | undefined
  #stageAt: number | undefined
  #setupMs = Number.POSITIVE_INFINITY
  #last = 0
  #best = 0
  #poor = 0

  /** Connections that may be open. */
  get limit(): number {
    return this.#limit
  }

  /** A connection was answered after so long. */
  noteSetup(ms: number): void {
    this.#setupMs = Math.min(this.#setupMs, ms)
  }

  /** The server pushes back. */
  ease(): void {
    this.#limit = Math.max(1, Math.floor(this.#limit / 2))
    this.#isDoubling = false
    this.#window = undefined
  }

  look(sight: Sight): void {
    const { now, bytes, flowing, busyMs } = sight
    this.#stageAt ??= now
    if (now - this.#stageAt > patienceMs) this.#isDoubling = false
    if (this.#isDoubling && flowing < this.#limit) return
    this.#window ??= { ...sight }
    const ms = now - this.#window.now
    if (ms < this.#windowMs) return
    const rate = Math.max(0, bytes - this.#window.bytes) / ms
    const isBusy = busyMs - this.#window.busyMs > ms * busiest
    this.#window = undefined
    this.#stageAt = now
    if (isBusy) this.#takeOne()
    else if (this.#isDoubling) this.#double(rate)
    else this.#addOne(rate, flowing)
  }

  get #windowMs(): number {
    if (!this.#isDoubling) return longestMs
    return Math.min(longestMs, Math.max(shortestMs, setupsPerWindow * this.#setupMs))
  }

  #takeOne(): void {
    this.#isDoubling = false
    this.#limit = Math.min(this.#limit, Math.max(enoughWhenBusy, this.#limit - 1))
    ;[this.#last, this.#poor] = [0, 0]
  }

  #double(rate: number): void {
    const isWorth = rate >= this.#last * worthDoubling
    this.#isDoubling = isWorth && this.#limit < most
    if (this.#isDoubling) this.#limit = Math.min(most, this.#limit * 2)
    else if (!isWorth) this.#limit = Math.max(first, this.#limit / 2)
    this.#last = this.#isDoubling ? rate : 0
  }

  #addOne(rate: number, flowing: number): void {
    this.#best = Math.max(this.#best, rate)
    this.#poor = rate < this.#best / 2 ? this.#poor + 1 : 0
    if (this.#poor >= poorSeconds) {
      this.ease()
      ;[this.#best, this.#poor] = [rate, 0]
    } else if (rate >= this.#last * worthOne && flowing >= this.#limit) {
      this.#limit = Math.min(most, this.#limit + 1)
      this.#last = rate
    }
  }
}
