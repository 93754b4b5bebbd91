// Mirrors one selection of objects: fills by a streaming list, follows by watch, survives every way in which a watch can end.
import { type Client, endsInitialEvents, type WatchEvent, type WatchOptions } from './client.ts'
import { deepFreeze } from './deep-freeze.ts'
import { ApiError } from './errors.ts'
import { compareVersions } from './freshness.ts'
import { NoAnswer, reasonOf } from './no-answer.ts'
import { isSameVersion, type KernelObject, storeKey } from './objects.ts'
import type { ReflectorRecorder } from './recorders.ts'
import { ReflectorBackoff } from './reflector-backoff.ts'
import { processClock, secondsOfRound } from './reflector-clock.ts'
import type {
  ReflectorEvent,
  ReflectorListener,
  ReflectorOptions,
  ReflectorSource,
} from './reflector-options.ts'
import { Revival } from './revival.ts'
import { SharedStrings } from './shared-strings.ts'
import { Store, type StoreEvent } from './store.ts'

export type * from './reflector-options.ts'

/** A first fill may take long; only its silence counts. */
const fillSeconds = 600

const standard = {
  random: Math.random,
  clock: processClock,
  backoff: { firstMs: 800, longestMs: 30_000, healthyAfterMs: 120_000 },
  // The server sends a bookmark before it ends a watch, so a live connection is never quiet for so long.
  idleMs: 40_000,
  watchSeconds: 35,
  pageSize: 500,
  isFrozen: false,
}

export class Reflector<T extends KernelObject> {
  readonly #client: Client
  readonly #source: ReflectorSource<T>
  readonly #options: typeof standard & ReflectorOptions
  readonly #recorder: ReflectorRecorder | undefined
  readonly #store: Store<T>
  readonly #strings = new SharedStrings()
  readonly #listeners = new Set<ReflectorListener<T>>()
  readonly #stopping = new AbortController()
  readonly #backoff: ReflectorBackoff
  readonly #filled = Promise.withResolvers<void>()
  #running: Promise<void> | undefined
  #restart = new AbortController()
  #mustRefill = false
  #isSynced = false
  #version: string | undefined
  #canStreamLists = true
  #quietEnds = 0
  #lastError: unknown

  constructor(client: Client, source: ReflectorSource<T>, options: ReflectorOptions = {}) {
    this.#client = client
    this.#source = source
    this.#options = { ...standard, ...options }
    this.#backoff = new ReflectorBackoff({ revival: new Revival(), ...this.#options })
    const { resource, labelSelector } = source
    this.#recorder = options.recorderFor?.([resource.plural, labelSelector].filter(Boolean).join(' '))
    this.#store = new Store(source.indexes)
    this.#filled.promise.catch(() => undefined)
  }

  start(): void {
    this.#running ??= this.#run()
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('stopped'))
    this.#restart.abort()
    this.#filled.reject(new Error(`the ${this.#source.resource.plural} were not read before the stop`))
    await this.#running
  }

  get isSynced(): boolean {
    return this.#isSynced
  }

  /** Everything up to this version of the resource was seen. */
  get resourceVersion(): string | undefined {
    return this.#version
  }

  /** After the first complete fill. Rejects after `withinMs` with the last thing that went wrong. */
  async synced(withinMs = 120_000): Promise<void> {
    const timer = Promise.withResolvers<never>()
    const cancel = this.#options.clock.after(withinMs, () => {
      const text = `the ${this.#source.resource.plural} could not be read within ${withinMs} ms`
      timer.reject(
        new Error(this.#lastError ? `${text}: ${String(this.#lastError)}` : text, { cause: this.#lastError }),
      )
    })
    await Promise.race([this.#filled.promise, timer.promise]).finally(cancel)
  }

  get(at: { readonly namespace?: string | undefined; readonly name: string }): T | undefined {
    return this.#store.get(storeKey(at))
  }

  list(namespace?: string): T[] {
    return this.#store.list(namespace)
  }

  byIndex(name: string, value: string): T[] {
    return this.#store.byIndex(name, value)
  }

  /** Tells what is known already as added, then every change after it stands in the store. A throwing listener harms nobody else. */
  subscribe(listener: ReflectorListener<T>): () => void {
    const own: ReflectorListener<T> = event => listener(event)
    for (const object of this.#store.list()) this.#tell(own, { type: 'added', object, isInitial: true })
    this.#listeners.add(own)
    return () => this.#listeners.delete(own)
  }

  /** Reads everything afresh; what is known stays until then. */
  refill(): void {
    this.#mustRefill = true
    this.#restart.abort()
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      this.#restart = new AbortController()
      if (this.#mustRefill) this.#version = undefined
      this.#mustRefill = false
      const startedAt = this.#options.clock.now()
      try {
        const seen = this.#version === undefined ? await this.#fill() : await this.#follow()
        if (this.#isTooShort(startedAt, seen)) await this.#backOff('short')
      } catch (error) {
        await this.#recover(error)
      }
    }
  }

  /** Returns how many events came. */
  async #fill(): Promise<number> {
    this.#recorder?.listed()
    if (this.#canStreamLists) return this.#streamingFill()
    const fresh = new Map<string, T>()
    let version = ''
    for await (const page of this.#client.list<T>(this.#source.resource, this.#source, {
      pageSize: this.#options.pageSize,
      signal: this.#restart.signal,
    })) {
      for (const item of page.items) this.#keep(fresh, item)
      version = page.resourceVersion
    }
    this.#swap(fresh, version)
    return this.#follow()
  }

  async #streamingFill(): Promise<number> {
    const fresh = new Map<string, T>()
    const stream = this.#open({ sendInitialEvents: true, timeoutSeconds: fillSeconds })
    for await (const event of stream) {
      if (endsInitialEvents(event)) {
        this.#swap(fresh, event.object.metadata.resourceVersion)
        break
      }
      this.#collect(fresh, event)
    }
    if (this.#version === undefined)
      throw new NoAnswer(`the streaming list of ${this.#source.resource.plural}`, 'Torn')
    return this.#follow()
  }

  async #follow(): Promise<number> {
    let seen = 0
    for await (const event of this.#open({ resourceVersion: this.#version as string })) {
      seen++
      this.#take(event)
    }
    return seen
  }

  #open(from: WatchOptions) {
    const { clock, watchSeconds } = this.#options
    return this.#client.watch<T>(this.#source.resource, this.#source, {
      timeoutSeconds: secondsOfRound(clock.now(), watchSeconds),
      ...from,
      signal: this.#restart.signal,
      idleMs: this.#options.idleMs,
      onOpen: () => this.#backoff.answered(),
      onBytes: count => this.#recorder?.received(count),
    })
  }

  #collect(fresh: Map<string, T>, { type, object }: WatchEvent<T>): void {
    if (type === 'DELETED') fresh.delete(storeKey(object.metadata))
    else if (type !== 'BOOKMARK') this.#keep(fresh, object)
  }

  #keep(fresh: Map<string, T>, object: T): void {
    const key = storeKey(object.metadata)
    const known = fresh.get(key)
    if (!known || !isOlder(object, known)) fresh.set(key, this.#knownAs(object) ?? this.#prepare(object))
  }

  /** What stands in the store at this very version: reading everything afresh holds nothing twice. */
  #knownAs(object: T): T | undefined {
    const known = this.#store.get(storeKey(object.metadata))
    return known && isSameVersion(known, object) ? known : undefined
  }

  #swap(fresh: ReadonlyMap<string, T>, version: string): void {
    this.#backoff.answered()
    this.#version = version
    const isInitial = !this.#isSynced
    this.#emit(this.#store.replace(fresh), isInitial)
    this.#isSynced = true
    this.#quietEnds = 0
    this.#filled.resolve()
  }

  #take({ type, object }: WatchEvent<T>): void {
    this.#quietEnds = 0
    this.#version = object.metadata.resourceVersion
    if (type === 'BOOKMARK') return
    const kept = this.#prepare(object)
    this.#emit(type === 'DELETED' ? this.#store.remove(kept) : this.#store.put(kept), false)
  }

  #prepare(object: T): T {
    const kept = this.#strings.share(this.#source.transform(object))
    return this.#options.isFrozen ? deepFreeze(kept) : kept
  }

  #emit(events: readonly StoreEvent<T>[], isInitial: boolean): void {
    this.#recorder?.holds(this.#store.size)
    for (const event of events) for (const each of this.#listeners) this.#tell(each, { ...event, isInitial })
  }

  #tell(listener: ReflectorListener<T>, event: ReflectorEvent<T>): void {
    try {
      listener(event)
    } catch (error) {
      this.#options.log?.error(
        { err: error, resource: this.#source.resource.plural },
        'a listener of a cache failed',
      )
    }
  }

  /** 1 stopped or asked to refill  2 lists cannot be streamed  3 version unusable: read afresh  4 anything else: watch again. */
  async #recover(error: unknown): Promise<void> {
    if (this.#restart.signal.aborted) return
    this.#lastError = error
    if (this.#isRefusalToStream(error)) {
      this.#canStreamLists = false
      return
    }
    const reason = reasonOf(error)
    this.#backoff.failed(error)
    if (error instanceof ApiError && (error.isGone || isTooNew(error))) this.#version = undefined
    // A refusal may have Timeout as its reason too (504), and is a sign of life.
    if (error instanceof NoAnswer && reason === 'Timeout' && this.#isSuspectedStale())
      this.#version = undefined
    this.#options.log?.warn(
      { err: error, resource: this.#source.resource.plural },
      'a watch ended; it is opened again',
    )
    await this.#backOff(reason)
  }

  #isRefusalToStream(error: unknown): boolean {
    const isFilling = this.#version === undefined && this.#canStreamLists
    return isFilling && error instanceof ApiError && (error.isInvalid || error.status === 400)
  }

  /** Not even bookmarks twice in a row: perhaps the server's state was set back behind our version. */
  #isSuspectedStale(): boolean {
    return ++this.#quietEnds >= 2
  }

  /** A server that ends every watch at once must not be asked in a tight loop. */
  #isTooShort(startedAt: number, seen: number): boolean {
    return this.#options.clock.now() - startedAt < 1000 && seen === 0
  }

  async #backOff(reason: string): Promise<void> {
    this.#recorder?.restarted(reason)
    await this.#backoff.wait(this.#restart.signal)
  }
}

/** What stands there initially comes in no order; the newest of one object counts. */
const isOlder = (one: KernelObject, other: KernelObject): boolean =>
  (compareVersions(one.metadata.resourceVersion, other.metadata.resourceVersion) ?? 0) < 0

/** The version lies in the server's future: its state was set back. */
const isTooNew = (error: ApiError): boolean =>
  (error.details.causes ?? []).some(cause => cause.reason === 'ResourceVersionTooLarge')
