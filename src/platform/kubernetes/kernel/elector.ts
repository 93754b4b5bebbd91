// One leader at a time by a Lease, judged by our own clock: acquire, renew, know at once when it may be lost, release.
import { randomUUID } from 'node:crypto'
import type { Log } from '../../../telemetry/log.ts'
import type { Client, Fence } from './client.ts'
import { bootClock, type ElectionClock, pause } from './election-clock.ts'
import { LeaseFence } from './lease-fence.ts'
import { holderOf } from './lease-record.ts'
import { LeaseView } from './lease-view.ts'
import { type LeaseWatch, watchLease } from './lease-watch.ts'
import type { LeaderRecorder } from './recorders.ts'

export interface ElectorSettings {
  readonly namespace: string
  readonly name: string
  /** of this process, never used again: see `newIdentity` */
  readonly identity: string
  readonly leaseMs?: number
  /** Half of the Lease and less: so nobody else may lead yet, even if their clock runs twice as fast as ours. */
  readonly writeDeadlineMs?: number
  readonly renewDeadlineMs?: number
  readonly retryMs?: number
  readonly random?: () => number
  readonly clock?: ElectionClock
  /** True when no leader has ever written anything here: then a missing Lease was not deleted, and nobody is waited out. */
  readonly isNew?: () => boolean
  readonly log?: Log
  readonly recorder?: LeaderRecorder
}

/** Ours until `signal` is given, which means that it was lost: its owner ends the process then, nothing here tries to lead
 *  again. A release does not give the signal. */
export interface Leadership extends Fence {
  readonly signal: AbortSignal
  /** grows with every change of leader: outside systems may refuse lower ones */
  readonly epoch: number
  /** false as soon as the last renewal is older than the write deadline, also after a pause of the whole machine */
  mutationsAllowed(): boolean
  /** Hands the Lease on without anybody waiting, unless a write of ours may still arrive; never throws. Nothing is written after it. */
  release(): Promise<void>
}

const standard = {
  leaseMs: 15_000,
  writeDeadlineMs: 7_000,
  renewDeadlineMs: 10_000,
  retryMs: 2_000,
  random: Math.random,
  clock: bootClock,
}
const jitter = 1.2
const releaseTries = 5
const settleMs = 2_000

export const newIdentity = (podName: string): string => `${podName}_${randomUUID()}`

export class Elector implements Fence {
  readonly #client: Client
  readonly #settings: typeof standard & ElectorSettings
  readonly #clock: ElectionClock
  readonly #lost = new AbortController()
  readonly #ending = new AbortController()
  readonly #acquiring = new AbortController()
  #observing: Promise<void> | undefined
  readonly #fence: LeaseFence
  readonly #view: LeaseView
  #isWatching = false
  /** the Lease was made by us, and not because nothing was ever there */
  #isUnproven = false
  #renewing: Promise<void> | undefined
  #cancelEnd = () => {}
  /** given when waiting longer makes no sense */
  #hope = new AbortController()

  /** The client must not be fenced: its writes are what opens the fence. */
  constructor(client: Client, settings: ElectorSettings) {
    this.#client = client
    this.#settings = { ...standard, ...settings }
    this.#clock = this.#settings.clock
    const { writeDeadlineMs, leaseMs } = this.#settings
    this.#fence = new LeaseFence(this.#clock, { writeDeadlineMs, doubtMs: leaseMs }, this.#lost.signal)
    this.#view = new LeaseView(client, this.#settings)
    settings.recorder?.leads(false)
  }

  /** Given once leadership is lost; usable as a fence before it was won. */
  get signal(): AbortSignal {
    return this.#lost.signal
  }

  /** Who holds the Lease, as far as we have seen. */
  get holder(): string {
    return this.#view.lease ? holderOf(this.#view.lease) : ''
  }

  mutationsAllowed(): boolean {
    return this.#fence.mutationsAllowed()
  }

  began(): (isAnswered: boolean) => void {
    return this.#fence.began()
  }

  /** False when we still believe to lead long after the Lease ran out: liveness should fail then. */
  get isSane(): boolean {
    if (this.#lost.signal.aborted) return true
    return (this.#fence.ageMs ?? 0) < this.#settings.leaseMs + 20_000
  }

  /** From now on: a Lease that nobody renews runs out while its next holder still fills its caches. `acquire` ends it. */
  observe(): void {
    this.#observing ??= this.#observe()
  }

  async #observe(): Promise<void> {
    const { signal } = this.#acquiring
    while (!signal.aborted) {
      if (await this.#hasLooked(signal)) return
      await pause(this.#clock, this.#settings.retryMs, signal)
    }
  }

  async #hasLooked(signal: AbortSignal): Promise<boolean> {
    try {
      await this.#view.look(this.#call(signal))
      return true
    } catch {
      return false
    }
  }

  /** Waits until we lead, however long; rejects when `signal` is given, or when the Lease is lost before a write was allowed. */
  async acquire(signal?: AbortSignal): Promise<Leadership> {
    this.#acquiring.abort()
    await this.#observing
    const waiting = new AbortController()
    try {
      while (!(await this.#attempt(signal))) {
        if (signal?.aborted && !this.#isUnproven) await this.#freeQuietly()
        signal?.throwIfAborted()
        this.#watch(waiting.signal)
        await this.#untilHope(signal)
        signal?.throwIfAborted()
      }
    } finally {
      waiting.abort()
    }
    this.#renewing = this.#renewUntilLost()
    if (this.#isUnproven) await this.#waitOut(signal)
    return this.#lead()
  }

  /** Nothing tells who led before a Lease that we had to make: they have a whole lease time to notice, and renewals to see ours. */
  async #waitOut(signal?: AbortSignal): Promise<void> {
    await pause(this.#clock, this.#settings.leaseMs, signal, this.#lost.signal)
    if (signal?.aborted) this.#ending.abort()
    signal?.throwIfAborted()
    this.#lost.signal.throwIfAborted()
  }

  #lead(): Leadership {
    this.#settings.log?.info({ lease: this.#settings.name }, 'leading')
    this.#settings.recorder?.leads(true)
    return {
      signal: this.#lost.signal,
      epoch: this.#view.epoch,
      mutationsAllowed: () => this.mutationsAllowed(),
      began: () => this.began(),
      release: () => this.#release(),
    }
  }

  #watch(signal: AbortSignal): void {
    if (this.#isWatching) return
    this.#isWatching = true
    const { namespace, name, leaseMs, retryMs } = this.#settings
    const how = { signal, clock: this.#clock, idleMs: 2 * leaseMs, againMs: retryMs }
    const onEvent: LeaseWatch['onEvent'] = event => {
      if (this.#view.hear(event)) this.#hope.abort()
    }
    void watchLease(this.#client, { namespace, name, ...how, onEvent })
  }

  /** Until the Lease may be free or somebody laid it down, but not longer than one ordinary wait. */
  async #untilHope(signal?: AbortSignal): Promise<void> {
    const { retryMs, random } = this.#settings
    const toFreeMs = this.#view.freeAt - this.#clock.now()
    const ordinaryMs = retryMs * (1 + jitter * random())
    const ms = toFreeMs > 0 ? Math.min(ordinaryMs, toFreeMs) : ordinaryMs
    await pause(this.#clock, ms, signal, this.#hope.signal)
    this.#hope = new AbortController()
  }

  async #renewUntilLost(): Promise<void> {
    const { retryMs } = this.#settings
    while (!this.#lost.signal.aborted && !this.#ending.signal.aborted) {
      await pause(this.#clock, retryMs, this.#ending.signal)
      if (this.#ending.signal.aborted) return
      await this.#attempt(AbortSignal.any([this.#ending.signal, this.#lost.signal]))
      if (this.#view.lease && !this.#view.isOurs) this.#lose('the Lease is no longer ours')
    }
  }

  /** One try to take or renew. Never throws: what went wrong is logged, and time decides what it means. */
  async #attempt(signal?: AbortSignal): Promise<boolean> {
    const sentAt = this.#clock.now()
    try {
      const taken = await this.#takeOrRenew(signal)
      if (taken && !this.#lost.signal.aborted) this.#renewedAt(sentAt)
      return taken
    } catch (error) {
      if (!signal?.aborted)
        this.#settings.log?.warn({ err: error }, 'the Lease could not be taken or renewed')
      return false
    }
  }

  /** Fast path: a renewal with the version that we remember. Otherwise the Lease is read again and judged. */
  async #takeOrRenew(signal?: AbortSignal): Promise<boolean> {
    if (this.#view.isOurs && (await this.#view.write(this.#call(signal)))) return true
    const isFirstLook = !this.#view.hasSeenOne
    await this.#view.look(this.#call(signal))
    const may = this.#renewing ? this.#mayKeep() : this.#mayTake(isFirstLook)
    return may && this.#view.write(this.#call(signal))
  }

  /** Once another one's, or nobody's, it stays lost. A deleted one is made again while nobody else may have led since. */
  #mayKeep(): boolean {
    return this.#view.lease ? this.#view.isOurs : this.mutationsAllowed()
  }

  /** It is ours already when the answer to our own taking was lost. */
  #mayTake(isFirstLook: boolean): boolean {
    if (this.#view.isOurs) return true
    const isNew = !this.#view.lease && isFirstLook && this.#settings.isNew?.() === true
    this.#isUnproven = !this.#view.lease && !isNew
    return isNew || this.#view.freeAt <= this.#clock.now()
  }

  /** Counted from the moment of sending: the server cannot have counted earlier. */
  #renewedAt(sentAt: number): void {
    if (this.#isUnproven && !this.#renewing) this.#fence.waitUntil(this.#clock.now() + this.#settings.leaseMs)
    this.#fence.open(sentAt)
    this.#cancelEnd()
    const leftMs = sentAt + this.#settings.renewDeadlineMs - this.#clock.now()
    this.#cancelEnd = this.#clock.after(leftMs, () => this.#lose('the Lease could not be renewed in time'))
  }

  #lose(why: string): void {
    this.#cancelEnd()
    if (this.#lost.signal.aborted) return
    this.#settings.recorder?.leads(false)
    this.#settings.log?.error(
      { lease: this.#settings.name, holder: this.holder },
      `no longer leading: ${why}`,
    )
    this.#lost.abort(new Error(why))
  }

  async #release(): Promise<void> {
    this.#fence.shut()
    this.#ending.abort()
    await this.#renewing
    this.#cancelEnd()
    this.#settings.recorder?.leads(false)
    const tooLate = new AbortController()
    await Promise.race([this.#fence.idle(), pause(this.#clock, settleMs, tooLate.signal)])
    tooLate.abort()
    if (this.#fence.isSettled) await this.#freeQuietly()
    else this.#settings.log?.warn('a write was not answered: the Lease is left to run out')
  }

  async #freeQuietly(): Promise<void> {
    try {
      await this.#free()
    } catch (error) {
      this.#settings.log?.warn({ err: error }, 'the Lease could not be freed; it runs out by itself')
    }
  }

  async #free(): Promise<void> {
    for (let n = 0; n < releaseTries; n++) {
      await this.#view.look(this.#call())
      if (!this.#view.isOurs || (await this.#view.free(this.#call()))) return
    }
  }

  /** Two tries fit into the renew deadline, also when a connection says nothing. */
  #call(signal?: AbortSignal) {
    return { signal, deadlineMs: this.#settings.renewDeadlineMs / 2 }
  }
}
