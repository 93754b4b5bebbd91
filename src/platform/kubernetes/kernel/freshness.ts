// Read your own writes: whether a cache has seen what this process wrote.

/** Versions of one resource are whole numbers of any length. Undefined when they cannot be compared. */
export const compareVersions = (one: string, other: string): number | undefined => {
  if (!/^[1-9]\d*$/.test(one) || !/^[1-9]\d*$/.test(other)) return undefined
  if (one.length !== other.length) return one.length - other.length
  return one < other ? -1 : one > other ? 1 : 0
}

/** A cache that tells how far it has seen, and can be asked to read everything afresh. */
export interface SeenTo {
  readonly resourceVersion: string | undefined
  refill(): void
}

interface Write {
  readonly cache: SeenTo
  readonly version: string
  readonly at: number
}

export interface FreshnessOptions {
  /** milliseconds, monotonic */
  readonly now?: () => number
  /** after this a live list is asked for and the key is no longer held back */
  readonly patienceMs?: number
  readonly onGiveUp?: (key: string) => void
}

export class Freshness {
  readonly #writes = new Map<string, Map<SeenTo, Write>>()
  readonly #now: () => number
  readonly #patienceMs: number
  readonly #onGiveUp: (key: string) => void

  constructor(options: FreshnessOptions = {}) {
    this.#now = options.now ?? (() => performance.now())
    this.#patienceMs = options.patienceMs ?? 30_000
    this.#onGiveUp = options.onGiveUp ?? (() => undefined)
  }

  /** `written` is what the API server answered to a write done for `key`; `cache` holds objects of that kind. */
  recordWrite(
    key: string,
    cache: SeenTo,
    written: { readonly metadata: { readonly resourceVersion: string } },
  ): void {
    const version = written.metadata.resourceVersion
    const ofKey = this.#writes.get(key) ?? new Map<SeenTo, Write>()
    const before = ofKey.get(cache)
    if (before && (compareVersions(before.version, version) ?? 0) >= 0) return
    ofKey.set(cache, { cache, version, at: this.#now() })
    this.#writes.set(key, ofKey)
  }

  /** True while a cache is older than a write that was done for the key. */
  isBehind(key: string): boolean {
    const ofKey = this.#writes.get(key)
    if (!ofKey) return false
    for (const write of ofKey.values()) if (this.#isSettled(key, write)) ofKey.delete(write.cache)
    if (ofKey.size === 0) this.#writes.delete(key)
    return ofKey.size > 0
  }

  #isSettled(key: string, { cache, version, at }: Write): boolean {
    const seen = cache.resourceVersion
    if (seen !== undefined && (compareVersions(seen, version) ?? 0) >= 0) return true
    if (this.#now() - at < this.#patienceMs) return false
    cache.refill()
    this.#onGiveUp(key)
    return true
  }
}
