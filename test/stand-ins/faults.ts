// What can go wrong with one served file or route, and the book that says when it does.

interface When {
  /** How many requests it happens to; default: all. */
  readonly times?: number
  /** How many requests pass unharmed before. */
  readonly skip?: number
}

/** Happens instead of an answer. `origin` is where: at the front (default) or at the CDN that the front points to. */
export type RefusalFault = When & { readonly origin?: 'front' | 'cdn' } & (
    | {
        readonly kind: 'status'
        readonly status: number
        readonly headers?: Record<string, string>
        readonly body?: string
      }
    | { readonly kind: 'redirectLoop' }
    | { readonly kind: 'redirectTo'; readonly url: string }
    | { readonly kind: 'reset' }
    | { readonly kind: 'silence' }
  )

/** Happens to the bytes of an answer, wherever they are sent from. Offsets of `flipBit` are the file's own. */
export type ByteFault = When &
  (
    | { readonly kind: 'cut'; readonly after: number }
    /** A chunked body that ends cleanly, too early. */
    | { readonly kind: 'chunkedCut'; readonly after: number }
    | { readonly kind: 'flipBit'; readonly at: number }
    /** No byte for `forMilliseconds` (default: for ever), then the rest. */
    | { readonly kind: 'stall'; readonly after: number; readonly forMilliseconds?: number }
    /** `until` it is aborted: what is left then comes at once. */
    | { readonly kind: 'slow'; readonly bytesPerSecond: number; readonly until?: AbortSignal }
    | { readonly kind: 'noRange' }
    /** A 206 whose Content-Range starts `by` bytes off. */
    | { readonly kind: 'wrongRange'; readonly by: number }
    /** Content-Length is off by so many bytes. */
    | { readonly kind: 'wrongLength'; readonly by: number }
    /** So many bytes follow that the listing never told of. */
    | { readonly kind: 'tooLong'; readonly by: number }
    /** Another ETag at each request. */
    | { readonly kind: 'changedEtag' }
  )

export type Fault = RefusalFault | ByteFault

const REFUSALS: readonly string[] = ['status', 'redirectLoop', 'redirectTo', 'reset', 'silence']
const isRefusal = (fault: Fault): fault is RefusalFault => REFUSALS.includes(fault.kind)

export interface FaultBook {
  /** A key is a file's path, `repo/path`, a digest, a URL path (starts with a slash), or `*`. undefined clears. */
  readonly set: (key: string, fault: Fault | readonly Fault[] | undefined) => void
  readonly takeRefusal: (keys: readonly string[], origin: 'front' | 'cdn') => RefusalFault | undefined
  readonly takeByteFaults: (keys: readonly string[]) => ByteFault[]
}

interface Entry {
  readonly fault: Fault
  skip: number
  left: number
}

function isDue(entry: Entry): boolean {
  if (entry.skip > 0) {
    entry.skip--
    return false
  }
  if (entry.left <= 0) return false
  entry.left--
  return true
}

export function openFaultBook(): FaultBook {
  const entries = new Map<string, Entry[]>()
  const under = (keys: readonly string[]) => ['*', ...keys].flatMap(key => entries.get(key) ?? [])
  return {
    set(key, fault) {
      if (fault === undefined) {
        entries.delete(key)
        return
      }
      const list = Array.isArray(fault) ? (fault as readonly Fault[]) : [fault as Fault]
      entries.set(
        key,
        list.map(one => ({ fault: one, skip: one.skip ?? 0, left: one.times ?? Number.POSITIVE_INFINITY })),
      )
    },
    takeRefusal(keys, origin) {
      const due = under(keys).find(
        entry => isRefusal(entry.fault) && (entry.fault.origin ?? 'front') === origin && isDue(entry),
      )
      return due?.fault as RefusalFault | undefined
    },
    takeByteFaults(keys) {
      return under(keys)
        .filter(entry => !isRefusal(entry.fault) && isDue(entry))
        .map(entry => entry.fault as ByteFault)
    },
  }
}
