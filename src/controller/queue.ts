// Keys that want a look: each sits once, is never handed out twice at the same time, and none is lost.
import type { Clock } from '../domain/platform.ts'

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

export const createQueue = <K extends string>(clock: Clock): Queue<K> => new KeyQueue<K>(clock)

class KeyQueue<K extends string> implements Queue<K> {
  readonly #clock: Clock
  /** Invariant: a key is in `waiting` at most once; a key in `held` is handed out by nobody else. */
  readonly #waiting = new Map<K, Item>()
  readonly #held = new Set<K>()
  readonly #takers: ((key: K | undefined) => void)[] = []
  #order = 0
  #isClosed = false
  #cancelTimer = (): void => {}

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#waiting.size
  }

  add(
    key: K,
    { delayMs = 0, priority = normalPriority }: { delayMs?: number; priority?: number } = {},
  ): void {
    if (this.#isClosed) return
    const readyAt = this.#clock.now().getTime() + delayMs
    const old = this.#waiting.get(key)
    const item = {
      priority: Math.max(priority, old?.priority ?? priority),
      readyAt: Math.min(readyAt, old?.readyAt ?? readyAt),
    }
    const order = old && old.priority === item.priority ? old.order : this.#order++
    this.#waiting.set(key, { ...item, order })
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
    this.#held.delete(key)
    this.#hand()
  }

  close(): void {
    this.#isClosed = true
    this.#cancelTimer()
    for (const taker of this.#takers.splice(0)) taker(undefined)
  }

  #hand(): void {
    this.#cancelTimer()
    const now = this.#clock.now().getTime()
    for (
      let key = this.#findReady(now);
      key !== undefined && this.#takers.length > 0;
      key = this.#findReady(now)
    ) {
      this.#waiting.delete(key)
      this.#held.add(key)
      this.#takers.shift()?.(key)
    }
    const delay = this.#takers.length > 0 ? this.#untilNext(now) : undefined
    this.#cancelTimer = delay === undefined ? () => {} : this.#clock.after(delay, () => this.#hand())
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
}

const isBefore = (a: Item, b: Item): boolean => {
  if (a.priority !== b.priority) return a.priority > b.priority
  return a.readyAt !== b.readyAt ? a.readyAt < b.readyAt : a.order < b.order
}
