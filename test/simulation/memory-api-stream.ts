// One watch on the memory API server: its lines come in order, each in its own time, until the stream ends in one way or another.
import type { Call } from '../../src/platform/kubernetes/kernel/call.ts'
import { NoAnswer } from '../../src/platform/kubernetes/kernel/no-answer.ts'
import type { ReflectorClock } from '../../src/platform/kubernetes/kernel/reflector-clock.ts'
import type { ApiWeather } from './memory-api-network.ts'
import { bookmarkLine, errorLine, type ServedTable } from './memory-api-server.ts'

/**
 * Reset: at once, with all that was on its way. Torn: inside an event. Gone: by an ERROR event. Silent: nothing comes any more, not even
 * an end. OnlyBookmarks: a server that is stuck tells again and again the version up to which it came, and ends politely.
 */
export interface StreamFate {
  readonly how: 'Reset' | 'Torn' | 'Gone' | 'Silent' | 'OnlyBookmarks'
  readonly afterMs: number
}

interface Parts {
  readonly clock: ReflectorClock
  readonly weather: ApiWeather
  readonly table: ServedTable
  readonly call: Call
  readonly fate: StreamFate | undefined
}

const encoder = new TextEncoder()
const bookmarkMs = 10_000
/** before a watch ends */
const lastBookmarkMs = 2_000

export class WatchStream {
  readonly #parts: Parts
  readonly #arrived: Uint8Array[] = []
  readonly #closing: (() => void)[] = []
  #wake = Promise.withResolvers<void>()
  #arrivesAt = 0
  #end: { readonly error?: unknown } | undefined
  #isSilent = false
  /** the version at which the server is stuck */
  #stuckAt: number | undefined

  constructor(parts: Parts, past: readonly string[]) {
    this.#parts = parts
    const { table, call, fate } = parts
    const abort = (): void => this.#finish({ error: call.signal?.reason })
    call.signal?.addEventListener('abort', abort, { once: true })
    this.#closing.push(() => call.signal?.removeEventListener('abort', abort))
    for (const line of past) this.#tell(line)
    this.#closing.push(table.watch(line => this.#follow(line)))
    this.#planEnd(Number(call.query?.['timeoutSeconds'] ?? 600) * 1000)
    if (fate) this.#after(fate.afterMs, () => this.#meet(fate))
  }

  /** Each chunk as it arrives; what is not read any more is closed. */
  async *read(): AsyncGenerator<Uint8Array> {
    try {
      for (;;) {
        for (let chunk = this.#arrived.shift(); chunk; chunk = this.#arrived.shift()) yield chunk
        if (this.#end && 'error' in this.#end) throw this.#end.error
        if (this.#end) return
        await this.#news()
      }
    } finally {
      this.#finish({})
    }
  }

  async #news(): Promise<void> {
    const { clock, call } = this.#parts
    this.#wake = Promise.withResolvers()
    const late = (): void => this.#finish({ error: new NoAnswer(call.path, 'Timeout') })
    const cancel = clock.after(call.idleMs || 600_000, late)
    await this.#wake.promise
    cancel()
  }

  #finish(end: { readonly error?: unknown }): void {
    if (this.#end) return
    this.#end = end
    if ('error' in end) this.#arrived.length = 0
    for (const close of this.#closing) close()
    this.#wake.resolve()
  }

  #after(ms: number, call: () => void): void {
    this.#closing.push(this.#parts.clock.after(ms, call))
  }

  #planEnd(endMs: number): void {
    const { table } = this.#parts
    const bookmark = (): void => this.#tell(bookmarkLine(this.#stuckAt ?? table.version))
    for (let ms = bookmarkMs; ms < endMs - lastBookmarkMs; ms += bookmarkMs) this.#after(ms, bookmark)
    this.#after(endMs - lastBookmarkMs, bookmark)
    this.#after(endMs, () => this.#last())
  }

  #meet({ how }: StreamFate): void {
    const { table, call } = this.#parts
    if (how === 'Reset') this.#finish({ error: new NoAnswer(call.path, 'Network') })
    else if (how === 'Silent') this.#isSilent = true
    else if (how === 'OnlyBookmarks') this.#stuckAt = table.version
    else {
      this.#last(
        how === 'Gone' ? errorLine({ status: 410, reason: 'Expired' }) : '{"type":"ADDED","object":{"meta',
      )
    }
  }

  #follow(line: string): void {
    const { losesEvents, random } = this.#parts.weather
    const isLost = losesEvents && random() < 0.2
    if (this.#stuckAt === undefined && !isLost) this.#tell(line)
  }

  /** The end comes after all that was told. */
  #last(line?: string): void {
    if (line) this.#tell(line)
    this.#stuckAt ??= this.#parts.table.version
    this.#arrive(() => this.#finish({}))
  }

  /** Late, sometimes twice, sometimes cut where no character ends. */
  #tell(line: string): void {
    const { random, isBad } = this.#parts.weather
    const bytes = encoder.encode(line)
    const cut = isBad() && random() < 0.2 ? Math.floor(random() * bytes.length) : bytes.length
    this.#arrive(() => this.#arrived.push(bytes.subarray(0, cut)))
    if (cut < bytes.length) this.#arrive(() => this.#arrived.push(bytes.subarray(cut)))
    if (isBad() && random() < 0.05) this.#arrive(() => this.#arrived.push(bytes))
  }

  #arrive(comes: () => void): void {
    const { clock, weather } = this.#parts
    const now = clock.now()
    const lagMs = weather.isBad() && weather.random() < 0.3 ? weather.random() * 800 : 1
    this.#arrivesAt = Math.max(this.#arrivesAt, now + lagMs)
    clock.after(this.#arrivesAt - now, () => {
      if (this.#end || this.#isSilent) return
      comes()
      this.#wake.resolve()
    })
  }
}
