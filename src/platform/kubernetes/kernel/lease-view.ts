// The one Lease as this process saw it last, and its writes to it: each is refused when somebody else wrote in between.
import type { Client, WatchEvent } from './client.ts'
import type { CallOptions } from './client-options.ts'
import type { ElectionClock } from './election-clock.ts'
import { ApiError } from './errors.ts'
import { compareVersions } from './freshness.ts'
import {
  freeAt,
  freeLease,
  holderOf,
  isReleased,
  type Lease,
  type LeaseSpec,
  type Sighting,
  sight,
  takeLease,
  transitionsOf,
} from './lease-record.ts'
import { LEASE } from './resources.ts'

export interface LeaseIdentity {
  readonly namespace: string
  readonly name: string
  readonly identity: string
  readonly leaseMs: number
  readonly retryMs: number
  readonly clock: ElectionClock
}

export class LeaseView {
  readonly #client: Client
  readonly #us: LeaseIdentity
  #lease: Lease | undefined
  #last: Lease | undefined
  #sighting: Sighting | undefined

  constructor(client: Client, us: LeaseIdentity) {
    this.#client = client
    this.#us = us
  }

  /** undefined = it was not there, or nobody looked yet */
  get lease(): Lease | undefined {
    return this.#lease
  }

  get hasSeenOne(): boolean {
    return this.#last !== undefined
  }

  get isOurs(): boolean {
    return this.#lease !== undefined && this.#belongsToUs(this.#lease)
  }

  get epoch(): number {
    return this.#lease ? transitionsOf(this.#lease) : 0
  }

  /** On the clock of this process. One that is not there is left for a moment to its holder, who makes it again. */
  get freeAt(): number {
    const seenAt = this.#sighting?.at ?? Number.NEGATIVE_INFINITY
    return this.#lease ? freeAt(this.#lease, seenAt, this.#us.leaseMs) : seenAt + 2 * this.#us.retryMs
  }

  async look(how: CallOptions): Promise<void> {
    this.#see(await this.#client.find<Lease>(LEASE, this.#at(), how))
  }

  /** True when it is worth a try now. Late news are none; what stands there is read again before it is taken. */
  hear({ type, object }: WatchEvent<Lease>): boolean {
    const before = this.#last?.metadata.resourceVersion ?? ''
    if ((compareVersions(object.metadata.resourceVersion, before) ?? 1) <= 0) return false
    if (type !== 'DELETED') this.#see(object)
    else if (object.metadata.uid === this.#lease?.metadata.uid) this.#see(undefined)
    return type !== 'DELETED' && (isReleased(object) || this.#belongsToUs(object))
  }

  /** Takes, renews or makes it, on the ground of what was seen last. False when somebody was faster. */
  async write(how: CallOptions): Promise<boolean> {
    const lease = this.#lease
    return this.#unlessConflict(() =>
      lease ? this.#put(lease, takeLease(lease, this.#own()), how) : this.#create(how),
    )
  }

  /** Nobody holds it afterwards; false when somebody wrote in between. */
  async free(how: CallOptions): Promise<boolean> {
    const lease = this.#lease
    if (!lease) return true
    return this.#unlessConflict(() => this.#put(lease, freeLease(lease, this.#us.clock.date()), how))
  }

  #create(how: CallOptions): Promise<Lease> {
    const isTakeover = this.#last !== undefined && !this.#belongsToUs(this.#last)
    const leaseTransitions = (this.#last ? transitionsOf(this.#last) : 0) + (isTakeover ? 1 : 0)
    const spec = { ...takeLease(undefined, this.#own()), leaseTransitions }
    const object = { metadata: this.#at(), spec }
    return this.#client.create<Lease>(LEASE, object, how)
  }

  #put(lease: Lease, spec: LeaseSpec, how: CallOptions): Promise<Lease> {
    const { uid, resourceVersion } = lease.metadata
    const patch = { metadata: { uid, resourceVersion }, spec }
    return this.#client.mergePatch<Lease>(LEASE, { ...this.#at(), patch }, how)
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

  #see(lease: Lease | undefined): void {
    this.#lease = lease
    this.#last = lease ?? this.#last
    this.#sighting = sight(lease, this.#sighting, this.#us.clock.now())
  }

  #belongsToUs(lease: Lease): boolean {
    return holderOf(lease) === this.#us.identity
  }

  #own() {
    return { identity: this.#us.identity, durationMs: this.#us.leaseMs, date: this.#us.clock.date() }
  }

  #at() {
    return { namespace: this.#us.namespace, name: this.#us.name }
  }
}
