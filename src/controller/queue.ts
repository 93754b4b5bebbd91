// Keys that want a look: each sits once, is never handed out twice at the same time, and none is lost.
import type { Clock } from '../domain/platform.ts'
import type { QueueRecorder, QueueSight } from '../telemetry/queue-metrics.ts'
import { Heap, type Placed } from './heap.ts'

export interface Queue<K extends string> {
  /** Look at the key after `delayMs`. The earlier time and the higher priority win. */
  add(key: K, options?: { readonly delayMs?: number; readonly priority?: number }): void
  /** Look at a key in hand once more after `delayMs`; it keeps the priority with which it was handed out. With a leeway it may
   *  be up to so many milliseconds sooner: keys with the same leeway are handed out together then. */
  again(key: K, delayMs: number, leewayMs?: number): void
  /** The next ready key; waits for one. Undefined when the queue was closed. */
  take(): Promise<K | undefined>
  /** Gives a taken key back; a key that was added meanwhile is ready again. */
  done(key: K): void
  close(): void
  readonly size: number
}

interface Item<K> extends Placed {
  readonly key: K
  priority: number
  readyAt: number
  order: number
}

interface Held {
  readonly since: number
  readonly priority: number
}

export const normalPriority = 0
/** Keys of the first list and of nothing new: they never delay an edit. */
export const startupPriority = -100

export const createQueue = <K extends string>(clock: Clock, recorder?: QueueRecorder): Queue<K> =>
  new KeyQueue<K>(clock, recorder)

class KeyQueue<K extends string> implements Queue<K> {
  readonly #clock: Clock
  readonly #recorder: QueueRecorder | undefined
  /** Invariant: a key is in `waiting` at most once; a key in `held` is handed out by nobody else and stands in no heap. */
  readonly #waiting = new Map<K, Item<K>>()
  readonly #held = new Map<K, Held>()
  /** what may be handed out now */
  readonly #ready = new Heap<Item<K>>(isBefore)
  /** what waits for its time */
  readonly #delayed = new Heap<Item<K>>(isEarlier)
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
    const item = this.#merge(key, { priority, readyAt: now + delayMs }, now)
    if (!this.#held.has(key)) this.#place(item, now)
    this.#hand()
  }

  again(key: K, delayMs: number, leewayMs = 0): void {
    const at = this.#now() + delayMs
    const sooner = leewayMs > 0 && leewayMs < delayMs ? at % leewayMs : 0
    const priority = this.#held.get(key)?.priority ?? normalPriority
    this.add(key, { delayMs: delayMs - sooner, priority })
  }

  take(): Promise<K | undefined> {
    if (this.#isClosed) return Promise.resolve(undefined)
    return new Promise(resolve => {
      this.#takers.push(resolve)
      this.#hand()
    })
  }

  done(key: K): void {
    const held = this.#held.get(key)
    if (held === undefined) return
    this.#held.delete(key)
    const now = this.#now()
    this.#recorder?.worked((now - held.since) / 1000)
    const item = this.#waiting.get(key)
    if (item) this.#place(item, now)
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

  /** The key's one item with the wish taken in; it stands in no heap. */
  #merge(key: K, { priority, readyAt }: Pick<Item<K>, 'priority' | 'readyAt'>, now: number): Item<K> {
    const old = this.#waiting.get(key)
    if (!old) {
      const item = { key, priority, readyAt, order: this.#order++, place: -1 }
      this.#waiting.set(key, item)
      return item
    }
    this.#lift(old)
    old.readyAt = Math.min(readyAt, old.readyAt)
    if (priority <= old.priority) return old
    // A raised key goes to the end of its new class: it counts from now, not from when it became ready below.
    return Object.assign(old, {
      priority,
      readyAt: Math.max(now, old.readyAt),
      order: this.#order++,
    })
  }

  #lift(item: Item<K>): void {
    this.#ready.remove(item)
    this.#delayed.remove(item)
  }

  #place(item: Item<K>, now: number): void {
    if (item.readyAt > now) this.#delayed.push(item)
    else this.#ready.push(item)
  }

  #hand(): void {
    if (this.#isClosed) return
    this.#cancelTimer()
    this.#cancelTimer = () => {}
    const now = this.#now()
    while (this.#takers.length > 0) {
      this.#ripen(now)
      const item = this.#ready.first
      if (!item) {
        this.#setTimer(now)
        return
      }
      this.#recorder?.waited((now - item.readyAt) / 1000)
      this.#ready.remove(item)
      this.#waiting.delete(item.key)
      this.#held.set(item.key, { since: now, priority: item.priority })
      this.#takers.shift()?.(item.key)
    }
  }

  #ripen(now: number): void {
    for (let item = this.#delayed.first; item && item.readyAt <= now; item = this.#delayed.first) {
      this.#delayed.remove(item)
      this.#ready.push(item)
    }
  }

  #setTimer(now: number): void {
    const next = this.#delayed.first
    if (next) this.#cancelTimer = this.#clock.after(Math.max(0, next.readyAt - now), () => this.#hand())
  }

  #sight(): QueueSight {
    const now = this.#now()
    const ready = new Map<number, number>()
    for (const { priority, readyAt } of this.#waiting.values())
      if (readyAt <= now) ready.set(priority, (ready.get(priority) ?? 0) + 1)
    return { ready, heldSeconds: [...this.#held.values()].map(({ since }) => (now - since) / 1000) }
  }
}

interface Rank {
  readonly priority: number
  readonly readyAt: number
  readonly order: number
}

const isEarlier = (a: Rank, b: Rank): boolean =>
  a.readyAt !== b.readyAt ? a.readyAt < b.readyAt : a.order < b.order

const isBefore = (a: Rank, b: Rank): boolean =>
  a.priority !== b.priority ? a.priority > b.priority : isEarlier(a, b)
