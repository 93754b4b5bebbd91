// Which events become one series and which are too many: pure bookkeeping with the time handed in.

export interface ObjectReference {
  readonly apiVersion: string
  readonly kind: string
  readonly namespace?: string
  readonly name: string
  readonly uid: string
}

export interface EventNote {
  readonly regarding: ObjectReference
  /** the other object of the story, e.g. the Runtime of a Model's copy */
  readonly related?: ObjectReference
  readonly type: 'Normal' | 'Warning'
  /** one CamelCase word: why */
  readonly reason: string
  /** one CamelCase word: what was done */
  readonly action: string
  readonly note: string
}

export interface Series {
  readonly name: string
  readonly first: EventNote
  readonly firstAt: number
  count: number
  lastAt: number
  /** when the server was told last; the count it knows */
  toldAt: number
  toldCount: number
}

export const limits = {
  quietMs: 6 * 60_000,
  refreshMs: 30 * 60_000,
  burst: 25,
  refillMs: 5 * 60_000,
  keys: 4096,
  noteBytes: 1024,
} as const

/** Same object, same words: the same event. */
export const seriesKey = (event: EventNote): string =>
  JSON.stringify([
    event.regarding.uid,
    event.related?.uid,
    event.type,
    event.reason,
    event.action,
    event.note,
  ])

/** At most 1 kB, never inside a character. */
export const cutNote = (note: string): string => {
  const bytes = Buffer.from(note, 'utf8')
  if (bytes.length <= limits.noteBytes) return note
  let end = limits.noteBytes - 3
  while (((bytes[end] ?? 0) & 0xc0) === 0x80) end--
  return `${bytes.subarray(0, end).toString('utf8')}…`
}

/** Keeps the keys used last. */
export class Recent<V> {
  readonly #entries = new Map<string, V>()

  get(key: string): V | undefined {
    const value = this.#entries.get(key)
    if (value === undefined) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, value)
    return value
  }

  /** Returns what had to go. */
  set(key: string, value: V): V | undefined {
    this.#entries.delete(key)
    this.#entries.set(key, value)
    if (this.#entries.size <= limits.keys) return undefined
    const [oldest, gone] = this.#entries.entries().next().value as [string, V]
    this.#entries.delete(oldest)
    return gone
  }

  delete(key: string): void {
    this.#entries.delete(key)
  }

  entries(): [string, V][] {
    return [...this.#entries]
  }
}

/** 25 events per object, then one per five minutes. */
export class EventAllowance {
  readonly #buckets = new Recent<{ tokens: number; at: number }>()

  take(key: string, now: number): boolean {
    const bucket = this.#buckets.get(key) ?? { tokens: limits.burst, at: now }
    const tokens = Math.min(limits.burst, bucket.tokens + (now - bucket.at) / limits.refillMs)
    const isAllowed = tokens >= 1
    this.#buckets.set(key, { tokens: isAllowed ? tokens - 1 : tokens, at: now })
    return isAllowed
  }
}
