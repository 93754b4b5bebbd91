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

export const createQueue = <K extends string>(clock: Clock): Queue<K> => {
  /** Invariant: a key is in `waiting` at most once; a key in `held` is handed out by nobody else. */
  const waiting = new Map<K, Item>()
  const held = new Set<K>()
  const takers: ((key: K | undefined) => void)[] = []
  let order = 0
  let closed = false
  let cancelTimer = (): void => {}

  const isBefore = (a: Item, b: Item): boolean =>
    a.priority !== b.priority
      ? a.priority > b.priority
      : a.readyAt !== b.readyAt
        ? a.readyAt < b.readyAt
        : a.order < b.order

  const findReady = (now: number): K | undefined => {
    let best: [K, Item] | undefined
    for (const [key, item] of waiting) {
      if (held.has(key) || item.readyAt > now) continue
      if (!best || isBefore(item, best[1])) best = [key, item]
    }
    return best?.[0]
  }

  const untilNext = (now: number): number | undefined => {
    const times = [...waiting].filter(([key]) => !held.has(key)).map(([, item]) => item.readyAt - now)
    return times.length > 0
      ? Math.max(
          0,
          times.reduce((a, b) => Math.min(a, b)),
        )
      : undefined
  }

  const hand = (): void => {
    cancelTimer()
    const now = clock.now().getTime()
    while (takers.length > 0) {
      const key = findReady(now)
      if (key === undefined) break
      waiting.delete(key)
      held.add(key)
      takers.shift()?.(key)
    }
    const delay = takers.length > 0 ? untilNext(now) : undefined
    cancelTimer = delay === undefined ? () => {} : clock.after(delay, hand)
  }

  return {
    add: (key, { delayMs = 0, priority = normalPriority } = {}) => {
      if (closed) return
      const readyAt = clock.now().getTime() + delayMs
      const old = waiting.get(key)
      const item = {
        priority: Math.max(priority, old?.priority ?? priority),
        readyAt: Math.min(readyAt, old?.readyAt ?? readyAt),
      }
      waiting.set(key, { ...item, order: old && old.priority === item.priority ? old.order : order++ })
      hand()
    },
    take: () =>
      closed
        ? Promise.resolve(undefined)
        : new Promise(resolve => {
            takers.push(resolve)
            hand()
          }),
    done: key => {
      held.delete(key)
      hand()
    },
    close: () => {
      closed = true
      cancelTimer()
      for (const taker of takers.splice(0)) taker(undefined)
    },
    get size() {
      return waiting.size
    },
  }
}
