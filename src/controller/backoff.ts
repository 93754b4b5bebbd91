// How long a key waits after its reconcile failed: doubling, bounded, with jitter, forgotten after a success.

const first = 250
const longest = 300_000
/** Retries of all keys together; more than that wait for their turn. */
const perSecond = 10
const burst = 100

export interface Backoff {
  /** Milliseconds to wait after one more failure of this key. */
  next(key: string): number
  forget(key: string): void
}

/** Without `now` (milliseconds) each key is judged alone. */
export const createBackoff = (random: () => number, now?: () => number): Backoff => {
  const failures = new Map<string, number>()
  const untilTurn = now ? createBucket(now) : () => 0
  return {
    next: key => {
      const count = failures.get(key) ?? 0
      failures.set(key, count + 1)
      const own = Math.min(longest, first * 2 ** count * (0.8 + 0.4 * random()))
      return Math.max(own, untilTurn())
    },
    forget: key => void failures.delete(key),
  }
}

/** Takes one token, if need be one of the future: milliseconds until it is there. */
const createBucket = (now: () => number): (() => number) => {
  let tokens = burst
  let filledAt = now()
  return () => {
    const at = now()
    tokens = Math.min(burst, tokens + ((at - filledAt) / 1000) * perSecond) - 1
    filledAt = at
    return tokens >= 0 ? 0 : (-tokens / perSecond) * 1000
  }
}
