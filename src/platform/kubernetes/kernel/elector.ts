// One leader at a time by a Lease, judged by our own clock: acquire, renew, know at once when it may be lost, release.
import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../../../telemetry/log.ts'
import type { Client, Fence } from './client.ts'
import { ApiError } from './errors.ts'
import {
  freeLease,
  holderOf,
  isTakenByOther,
  type Lease,
  type LeaseSpec,
  type Sighting,
  sight,
  takeLease,
  transitionsOf,
} from './lease-record.ts'
import type { LeaderRecorder } from './recorders.ts'
import { LEASE } from './resources.ts'

export interface ElectorSettings {
  readonly namespace: string
  readonly name: string
  /** of this process, never used again: see `newIdentity` */
  readonly identity: string
  readonly leaseMs?: number
  readonly renewDeadlineMs?: number
  readonly retryMs?: number
  readonly random?: () => number
  readonly log?: Log
  readonly recorder?: LeaderRecorder
}

/** Ours until `signal` is given, which means that it was lost: its owner ends the process then, nothing here tries to lead
 *  again. A release does not give the signal. */
export interface Leadership extends Fence {
  readonly signal: AbortSignal
  /** grows with every change of leader: outside systems may refuse lower ones */
  readonly epoch: number
  /** false as soon as the last renewal is older than the renew deadline, also after a pause of the whole machine */
  mutationsAllowed(): boolean
  /** Hands the Lease on without anybody waiting; never throws. Only after everything that writes has stopped. */
  release(): Promise<void>
}

const standard = { leaseMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000, random: Math.random }
const jitter = 1.2
const releaseTries = 5

export const newIdentity = (podName: string): string => `${podName}_${randomUUID()}`

export class Elector implements Fence {
  readonly #client: Client
  readonly #settings: typeof standard & ElectorSettings
  readonly #lost = new AbortController()
  readonly #ending = new AbortController()
  #known: Lease | undefined
  #sighting: Sighting | undefined
  #lastRenew: number | undefined
  #renewing: Promise<void> | undefined
  #fenceTimer: NodeJS.Timeout | undefined

  /** The client must not be fenced: its writes are what opens the fence. */
  constructor(client: Client, settings: ElectorSettings) {
    this.#client = client
    this.#settings = { ...standard, ...settings }
    settings.recorder?.leads(false)
  }

  /** Given once leadership is lost; usable as a fence before it was won. */
  get signal(): AbortSignal {
    return this.#lost.signal
  }

  /** Who holds the Lease, as far as we have seen. */
  get holder(): string {
    return this.#known ? holderOf(this.#known) : ''
  }

  mutationsAllowed(): boolean {
    if (this.#lost.signal.aborted || this.#lastRenew === undefined) return false
    return performance.now() - this.#lastRenew < this.#settings.renewDeadlineMs
  }

  /** False when we still believe to lead long after the Lease ran out: liveness should fail then. */
  get isSane(): boolean {
    if (this.#lastRenew === undefined || this.#lost.signal.aborted) return true
    return performance.now() - this.#lastRenew < this.#settings.leaseMs + 20_000
  }

  /** Waits until we lead, however long; rejects only when `signal` is given. */
  async acquire(signal?: AbortSignal): Promise<Leadership> {
    while (!(await this.#attempt(signal))) {
      signal?.throwIfAborted()
      const { retryMs, random } = this.#settings
      await sleep(retryMs * (1 + jitter * random()), undefined, signal ? { signal } : {})
    }
    this.#settings.log?.info({ lease: this.#settings.name }, 'leading')
    this.#settings.recorder?.leads(true)
    this.#renewing = this.#renewUntilLost()
    return {
      signal: this.#lost.signal,
      epoch: this.#known ? transitionsOf(this.#known) : 0,
      mutationsAllowed: () => this.mutationsAllowed(),
      release: () => this.#release(),
    }
  }

  async #renewUntilLost(): Promise<void> {
    const { retryMs } = this.#settings
    while (!this.#lost.signal.aborted && !this.#ending.signal.aborted) {
      await sleep(retryMs, undefined, { signal: this.#ending.signal }).catch(() => undefined)
      if (this.#ending.signal.aborted) return
      await this.#attempt(AbortSignal.any([this.#ending.signal, this.#lost.signal]))
      if (this.#known && holderOf(this.#known) !== this.#settings.identity)
        this.#lose('another one holds the Lease')
    }
  }

  /** One try to take or renew. Never throws: what went wrong is logged, and time decides what it means. */
  async #attempt(signal?: AbortSignal): Promise<boolean> {
    const sentAt = performance.now()
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
    if (this.#known && holderOf(this.#known) === this.#settings.identity) {
      if (await this.#write(this.#known, signal)) return true
    }
    const lease = await this.#client.find<Lease>(LEASE, this.#settings, this.#call(signal))
    if (!lease) return this.#create(signal)
    this.#see(lease)
    const us = { identity: this.#settings.identity, now: performance.now() }
    // Once lost it stays lost: another one may have acted in between.
    if (this.#renewing && holderOf(lease) !== us.identity) return false
    if (isTakenByOther(lease, this.#sighting as Sighting, us)) return false
    return this.#write(lease, signal)
  }

  async #create(signal?: AbortSignal): Promise<boolean> {
    const { namespace, name } = this.#settings
    const object = { metadata: { namespace, name }, spec: takeLease(undefined, this.#own()) }
    if (this.#known) object.spec = { ...object.spec, leaseTransitions: transitionsOf(this.#known) }
    return this.#unlessConflict(() => this.#client.create<Lease>(LEASE, object, this.#call(signal)))
  }

  async #write(lease: Lease, signal?: AbortSignal): Promise<boolean> {
    return this.#unlessConflict(() => this.#put(lease, takeLease(lease, this.#own()), signal))
  }

  #put(lease: Lease, spec: LeaseSpec, signal?: AbortSignal): Promise<Lease> {
    const { uid, resourceVersion } = lease.metadata
    const patch = { metadata: { uid, resourceVersion }, spec }
    return this.#client.mergePatch<Lease>(LEASE, { ...this.#address(), patch }, this.#call(signal))
  }

  async #unlessConflict(write: () => Promise<Lease>): Promise<boolean> {
    try {
      this.#see(await write())
      return true
    } catch (error) {
      if (error instanceof ApiError && (error.status === 409 || error.isNotFound)) return false
      throw error
    }
  }

  #see(lease: Lease): void {
    this.#known = lease
    this.#sighting = sight(lease, this.#sighting, performance.now())
  }

  /** Counted from the moment of sending: the server cannot have counted earlier. */
  #renewedAt(sentAt: number): void {
    this.#lastRenew = sentAt
    clearTimeout(this.#fenceTimer)
    const leftMs = sentAt + this.#settings.renewDeadlineMs - performance.now()
    this.#fenceTimer = setTimeout(() => this.#lose('the Lease could not be renewed in time'), leftMs)
  }

  #lose(why: string): void {
    clearTimeout(this.#fenceTimer)
    if (this.#lost.signal.aborted) return
    this.#settings.recorder?.leads(false)
    this.#settings.log?.error(
      { lease: this.#settings.name, holder: this.holder },
      `no longer leading: ${why}`,
    )
    this.#lost.abort(new Error(why))
  }

  async #release(): Promise<void> {
    this.#ending.abort()
    await this.#renewing
    clearTimeout(this.#fenceTimer)
    this.#lastRenew = undefined
    this.#settings.recorder?.leads(false)
    try {
      await this.#free()
    } catch (error) {
      this.#settings.log?.warn({ err: error }, 'the Lease could not be freed; it runs out by itself')
    }
  }

  async #free(): Promise<void> {
    for (let n = 0; n < releaseTries && (await this.#isStillOurs()); n++) {
      const lease = this.#known as Lease
      if (await this.#unlessConflict(() => this.#put(lease, freeLease(lease, new Date())))) return
    }
  }

  async #isStillOurs(): Promise<boolean> {
    const lease = await this.#client.find<Lease>(LEASE, this.#settings, this.#call())
    if (lease) this.#see(lease)
    return lease !== undefined && holderOf(lease) === this.#settings.identity
  }

  #own() {
    return { identity: this.#settings.identity, durationMs: this.#settings.leaseMs, date: new Date() }
  }

  #address() {
    return { namespace: this.#settings.namespace, name: this.#settings.name }
  }

  /** Two tries fit into the renew deadline, also when a connection says nothing. */
  #call(signal?: AbortSignal) {
    return { signal, deadlineMs: this.#settings.renewDeadlineMs / 2 }
  }
}
