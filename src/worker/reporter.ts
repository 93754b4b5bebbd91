// Counts bytes and prints progress lines, at most one a second; what is shown never goes down.
import { type Progress, printProgressLine } from '../domain/progress.ts'

/** All moments are of a clock that nobody sets. */
const interval = 1000
const rateWindow = 10_000
/** What is left is told from a longer time than the speed: bursts of some seconds are no change of it. */
const etaWindow = 30_000
/** Moments nearer to each other than this are one. */
const sampleEvery = 100
/** Silence that is worth a word, and how often it is looked for. */
const quietAfter = 10_000
const lookEvery = 2_500

interface Sample {
  readonly at: number
  readonly bytes: number
}

export class Reporter {
  readonly #print: (line: string) => void
  #state: Progress = { phase: 'Planning' }
  #samples: Sample[] = []
  #firstByteAt: number | undefined
  #printedAt = Number.NEGATIVE_INFINITY
  #timer: NodeJS.Timeout | undefined
  #lastByteAt = 0
  #mostBytes = 0
  #trouble = ''
  #watch: NodeJS.Timeout | undefined

  constructor(print: (line: string) => void) {
    this.#print = print
  }

  /** From now on silence is told, with the last trouble as its cause. `host` is who does not send. */
  watchFor(host: string): void {
    this.#lastByteAt = performance.now()
    this.#watch = setInterval(() => this.#lookForSilence(host), lookEvery)
    this.#watch.unref()
  }

  unwatch(): void {
    clearInterval(this.#watch)
    this.#setStalled(undefined)
  }

  /** Something went wrong that is tried again. */
  blame(trouble: string): void {
    this.#trouble = trouble
  }

  #lookForSilence(host: string): void {
    const seconds = Math.round((performance.now() - this.#lastByteAt) / 1000)
    if (seconds * 1000 < quietAfter) return
    const cause = this.#trouble || `${host} sends nothing`
    this.#setStalled(`no byte for ${seconds} s: ${cause}`.slice(0, 200))
  }

  #setStalled(stalled: string | undefined): void {
    const { stalled: before, ...state } = this.#state
    if (before === stalled) return
    this.#state = stalled ? { ...state, stalled } : state
    this.#wake()
  }

  enter(phase: Progress['phase'], more: Partial<Progress> = {}): void {
    this.#state = { ...this.#state, ...more, phase }
    this.#wake()
  }

  /** `done` may go down when a stream starts again: what is shown then stays. */
  count(done: number, filesDone?: number): void {
    const now = performance.now()
    this.#firstByteAt ??= now
    if (done > this.#mostBytes) this.#moved(now)
    this.#mostBytes = Math.max(this.#mostBytes, done)
    this.#sample({ at: now, bytes: done })
    const files = filesDone === undefined ? {} : { filesDone }
    this.#state = { ...this.#state, ...files, bytesDone: Math.max(done, this.#state.bytesDone ?? 0) }
    this.#wake()
  }

  /** Few of them, however often bytes come. */
  #sample(sample: Sample): void {
    const [before, last] = this.#samples.slice(-2)
    if (before && last && last.at - before.at < sampleEvery) this.#samples.pop()
    this.#samples.push(sample)
  }

  #moved(now: number): void {
    this.#lastByteAt = now
    this.#trouble = ''
    this.#setStalled(undefined)
  }

  /** Starts counting from nothing, for a phase that reads the same bytes again. */
  restart(): void {
    const { bytesDone: _, ...state } = this.#state
    this.#state = state
    this.#samples = []
    this.#firstByteAt = undefined
    this.#mostBytes = 0
  }

  /** Prints what is pending and stops. */
  end(): void {
    clearInterval(this.#watch)
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (performance.now() - this.#printedAt < interval) return
    this.#flush()
  }

  #wake(): void {
    if (this.#timer) return
    const wait = this.#printedAt + interval - performance.now()
    if (wait <= 0) {
      this.#flush()
      return
    }
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#flush()
    }, wait)
    this.#timer.unref()
  }

  #flush(): void {
    this.#printedAt = performance.now()
    this.#print(printProgressLine({ ...this.#shown(), ...this.#speed() }))
  }

  /** The last byte is shown only when everything is published. */
  #shown(): Progress {
    const { bytesTotal, bytesDone, phase } = this.#state
    if (phase === 'Done' || bytesTotal === undefined || bytesDone === undefined) return this.#state
    return { ...this.#state, bytesDone: Math.min(bytesDone, Math.max(0, bytesTotal - 1)) }
  }

  #speed(): Partial<Progress> {
    const now = performance.now()
    this.#samples = this.#samples.filter(sample => now - sample.at <= etaWindow)
    const bytesPerSecond = speedOf(this.#samples.filter(sample => now - sample.at <= rateWindow))
    const { bytesTotal } = this.#state
    const [speed, last] = [speedOf(this.#samples), this.#samples.at(-1)]
    const isEarly = now - (this.#firstByteAt ?? now) < rateWindow
    if (bytesPerSecond === undefined) return {}
    if (bytesTotal === undefined || isEarly || !speed || !last) return { bytesPerSecond }
    return { bytesPerSecond, etaSeconds: Math.ceil(Math.max(0, bytesTotal - last.bytes) / speed) }
  }
}

/** Bytes a second, at least one; undefined when nothing came. */
const speedOf = (samples: readonly Sample[]): number | undefined => {
  const [first, last] = [samples.at(0), samples.at(-1)]
  if (!first || !last || last.at <= first.at || last.bytes <= first.bytes) return undefined
  return Math.max(1, Math.round(((last.bytes - first.bytes) * 1000) / (last.at - first.at)))
}
