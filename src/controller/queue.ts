// Keys that want a look: each sits once, is never handed out twice at the same time, and none is lost.
import type { Clock } from '../domain/platform.ts'
import type { QueueRecorder, QueueSight } from '../telemetry/queue-metrics.ts'

export interface Queue<K extends string> {
  /** Look at the key after `delayMs`. The earlier time and the higher priority win. */
  add(key: K, options?: { readonly delayMs?: number; readonly priority?: number }): void
  /** The next ready key; waits for one. Undefined when the queue was closed. */
  take(): Promise<K | undefined>
  /** Gives a taken key back; a key that was added meanwhile is ready again. */
  done(key: K): void
  close(): void
  readonly size: number
}

interface Item {
  priority: number
  readyAt: number
  order: number
}

export const normalPriority = 0
/** Keys of the first list and of nothing new: they never delay an edit. */
export const startupPriority = -100

export const createQueue = <K extends string>(clock: Clock, recorder?: QueueRecorder): Queue<K> =>
  new KeyQueue<K>(clock, recorder)

class KeyQueue<K extends string> implements Queue<K> {
  readonly #clock: Clock
  readonly #recorder: QueueRecorder | undefined
  /** Invariant: a key is in `waiting` at most once; a key in `held` is handed out by nobody else. */
  readonly #waiting = new Map<K, Item>()
  /** with the time when it was handed out */
  readonly #held = new Map<K, number>()
  readonly #takers: ((key: K | undefined) => void)[] = []
  #order = 0
  #isClosed = false
  #cancelTimer = (): void => {}

  constructor(clock: Clock, recorder: QueueRecorder | undefined) {
    this.#clock = clock
    this.#recorder = recorder
    recorder?.watch(() => this.#sight())
  }

  get size(): number {
    return this.#waiting.size
  }

  add(
    key: K,
    { delayMs = 0, priority = normalPriority }: { delayMs?: number; priority?: number } = {},
  ): void {
    if (this.#isClosed) return
    this.#recorder?.added()
    const now = this.#now()
    const wish = { priority, readyAt: now + delayMs }
    this.#waiting.set(key, this.#merge(this.#waiting.get(key), wish, now))
    this.#hand()
  }

  take(): Promise<K | undefined> {
    if (this.#isClosed) return Promise.resolve(undefined)
    return new Promise(resolve => {
      this.#takers.push(resolve)
      this.#hand()
    })
  }

  done(key: K): void {
    const since = this.#held.get(key)
    if (since === undefined) return
    this.#held.delete(key)
    this.#recorder?.worked((this.#now() - since) / 1000)
    this.#hand()
  }

  close(): void {
    this.#isClosed = true
    this.#cancelTimer()
    for (const taker of this.#takers.splice(0)) taker(undefined)
  }

  #now(): number {
    return this.#clock.now().getTime()
  }

  #merge(old: Item | undefined, { priority, readyAt }: Omit<Item, 'order'>, now: number): Item {
    if (!old) return { priority, readyAt, order: this.#order++ }
    const earlier = Math.min(readyAt, old.readyAt)
    if (priority <= old.priority) return { ...old, readyAt: earlier }
    // A raised key goes to the end of its new class: it counts from now, not from when it became ready below.
    return { priority, readyAt: Math.max(now, earlier), order: this.#order++ }
  }

  #hand(): void {
    if (this.#isClosed) return
    this.#cancelTimer()
    this.#cancelTimer = () => {}
    const now = this.#now()
    while (this.#takers.length > 0) {
      const key = this.#findReady(now)
      if (key === undefined) {
        this.#setTimer(now)
        return
      }
      this.#recorder?.waited((now - (this.#waiting.get(key)?.readyAt ?? now)) / 1000)
      this.#waiting.delete(key)
      this.#held.set(key, now)
      this.#takers.shift()?.(key)
    }
  }

  #setTimer(now: number): void {
    const delay = this.#untilNext(now)
    if (delay !== undefined) this.#cancelTimer = this.#clock.after(delay, () => this.#hand())
  }

  #findReady(now: number): K | undefined {
    let best: [K, Item] | undefined
    for (const [key, item] of this.#waiting) {
      if (this.#held.has(key) || item.readyAt > now) continue
      if (!best || isBefore(item, best[1])) best = [key, item]
    }
    return best?.[0]
  }

  #untilNext(now: number): number | undefined {
    let least: number | undefined
    for (const [key, item] of this.#waiting) {
      if (!this.#held.has(key)) least = Math.min(least ?? Number.POSITIVE_INFINITY, item.readyAt - now)
    }
    return least === undefined ? undefined : Math.max(0, least)
  }

  #sight(): QueueSight {
    const now = this.#now()
    const ready = new Map<number, number>()
    for (const { priority, readyAt } of this.#waiting.values())
      if (readyAt <= now) ready.set(priority, (ready.get(priority) ?? 0) + 1)
    return { ready, heldSeconds: [...this.#held.values()].map(since => (now - since) / 1000) }
  }
}

const isBefore = (a: Item, b: Item): boolean => {
  if (a.priority !== b.priority) return a.priority > b.priority
  return a.readyAt !== b.readyAt ? a.readyAt < b.readyAt : a.order < b.order
}
