// Read your own writes: whether a cache has seen what this process wrote, and what it took away.
import type { Ref } from './resources.ts'

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

/** A cache that can also be asked for one object. */
export interface Shows extends SeenTo {
  get(at: Ref): { readonly metadata: { readonly uid: string } } | undefined
}

interface Pending {
  readonly cache: SeenTo
  readonly at: number
  /** of a write */
  readonly version?: string
  isSeen(): boolean
}

export interface FreshnessOptions {
  /** milliseconds, monotonic */
  readonly now?: () => number
  /** after this a live list is asked for and the key is no longer held back */
  readonly patienceMs?: number
  readonly onGiveUp?: (key: string) => void
}

export class Freshness {
  /** by key; then by the cache for writes, of which the newest counts, and by uid for removals */
  readonly #pending = new Map<string, Map<SeenTo | string, Pending>>()
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
    const before = this.#pending.get(key)?.get(cache)?.version
    if (before !== undefined && (compareVersions(before, version) ?? 0) >= 0) return
    const isSeen = () => hasReached(cache.resourceVersion, version)
    this.#wait(key, cache, { cache, version, at: this.#now(), isSeen })
  }

  /** An object was deleted for `key`; it is seen when the cache shows it no more, or as being deleted. */
  recordRemoval(key: string, cache: Shows, removed: Ref & { readonly uid: string }): void {
    const isSeen = () => !isStanding(cache.get(removed), removed.uid)
    this.#wait(key, removed.uid, { cache, at: this.#now(), isSeen })
  }

  /** True while a cache does not show something that was done for the key. */
  isBehind(key: string): boolean {
    const ofKey = this.#pending.get(key)
    if (!ofKey) return false
    for (const [what, pending] of ofKey) if (this.#isSettled(key, pending)) ofKey.delete(what)
    if (ofKey.size === 0) this.#pending.delete(key)
    return ofKey.size > 0
  }

  #wait(key: string, what: SeenTo | string, pending: Pending): void {
    const ofKey = this.#pending.get(key) ?? new Map<SeenTo | string, Pending>()
    this.#pending.set(key, ofKey.set(what, pending))
  }

  #isSettled(key: string, { cache, at, isSeen }: Pending): boolean {
    if (isSeen()) return true
    if (this.#now() - at < this.#patienceMs) return false
    cache.refill()
    this.#onGiveUp(key)
    return true
  }
}

const hasReached = (seen: string | undefined, version: string): boolean =>
  seen !== undefined && (compareVersions(seen, version) ?? 0) >= 0

const isStanding = (
  object: { readonly metadata: { readonly uid: string; readonly deletionTimestamp?: string } } | undefined,
  uid: string,
): boolean => object?.metadata.uid === uid && object.metadata.deletionTimestamp === undefined
