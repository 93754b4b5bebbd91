// How long a key waits after its reconcile failed: doubling, bounded, with jitter, forgotten after a success.

const first = 250
const longest = 300_000

export interface Backoff {
  /** Milliseconds to wait after one more failure of this key. */
  next(key: string): number
  forget(key: string): void
}

export const createBackoff = (random: () => number): Backoff => {
  const failures = new Map<string, number>()
  return {
    next: key => {
      const count = failures.get(key) ?? 0
      failures.set(key, count + 1)
      return Math.min(longest, first * 2 ** count) * (0.8 + 0.4 * random())
    },
    forget: key => void failures.delete(key),
  }
}
