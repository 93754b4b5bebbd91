// An API server as far as an election needs it: versions, conflicts, preconditions, watches; and a judge of every write it accepts.
import type { Call } from '../../src/platform/kubernetes/kernel/call.ts'
import type { Lease } from '../../src/platform/kubernetes/kernel/lease-record.ts'
import type { VirtualTime } from './election-time.ts'

export interface Stored {
  readonly metadata: {
    readonly name: string
    readonly namespace: string
    readonly uid: string
    readonly resourceVersion: string
  }
  readonly [field: string]: unknown
}

export interface Answer {
  readonly status: number
  readonly body: unknown
}

export interface Acquisition {
  readonly at: number
  readonly holder: string
}

type Event = { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: Stored }

const refusal = (status: number, reason: string): Answer => ({ status, body: { kind: 'Status', reason } })

export class ElectionServer {
  readonly things = new Map<string, Stored>()
  readonly acquisitions: Acquisition[] = []
  /** accepted writes that are not about the Lease */
  accepted: { readonly at: number; readonly by: string }[] = []
  readonly violations: string[] = []
  isDown = false
  readonly #time: VirtualTime
  readonly #watchers = new Set<(event: Event) => void>()
  #version = 100
  #uid = 0
  #claims: string[] = []

  constructor(time: VirtualTime) {
    this.#time = time
  }

  get lease(): Lease | undefined {
    return [...this.things.values()].find(thing => 'spec' in thing) as Lease | undefined
  }

  /** Something that leaders write to. */
  put(path: string, name: string): void {
    this.#store(path, { metadata: { name, namespace: 'n', uid: `uid-${this.#uid++}`, resourceVersion: '' } })
  }

  handle(call: Call, by: string): Answer {
    if (this.isDown) return refusal(503, 'ServiceUnavailable')
    if (call.method === 'POST') return this.#create(call, by)
    const thing = this.things.get(call.path)
    if (!thing) return refusal(404, 'NotFound')
    return call.method === 'GET' ? { status: 200, body: thing } : this.#patch(call, thing, by)
  }

  /** What stands there comes first, as from an API server that is given no version. */
  watch(tell: (event: Event) => void): () => void {
    this.#watchers.add(tell)
    const { lease } = this
    if (lease) tell({ type: 'ADDED', object: lease as unknown as Stored })
    return () => this.#watchers.delete(tell)
  }

  /** By a person's hand. */
  deleteLease(): void {
    for (const [path, thing] of this.things) {
      if (!('spec' in thing)) continue
      this.things.delete(path)
      this.#tell({ type: 'DELETED', object: this.#withNextVersion(thing) })
    }
  }

  /** By a person's hand. */
  editLease(edit: Readonly<Record<string, unknown>>): void {
    for (const [path, thing] of this.things) {
      if ('spec' in thing) this.#store(path, { ...thing, spec: { ...(thing['spec'] as object), ...edit } })
    }
  }

  #create(call: Call, by: string): Answer {
    const given = call.body as Stored
    const path = `${call.path}/${given.metadata.name}`
    if (this.things.has(path)) return refusal(409, 'AlreadyExists')
    // Who makes the Lease only claims to lead: until the claim shows by a write, the one before may not have noticed.
    if ('spec' in given && this.acquisitions.at(-1)?.holder !== by) this.#claims.push(by)
    const metadata = { ...given.metadata, uid: `uid-${this.#uid++}`, resourceVersion: '' }
    return this.#accept(path, { ...given, metadata }, by)
  }

  #patch(call: Call, thing: Stored, by: string): Answer {
    const patch = call.body as Partial<Stored>
    const { uid, resourceVersion } = patch.metadata ?? {}
    const isStale = resourceVersion !== undefined && resourceVersion !== thing.metadata.resourceVersion
    if (isStale || (uid !== undefined && uid !== thing.metadata.uid)) return refusal(409, 'Conflict')
    const { metadata: _, spec, ...fields } = patch
    const whole = spec ? { spec: { ...(thing['spec'] as object), ...(spec as object) } } : {}
    return this.#accept(call.path, { ...thing, ...fields, ...whole }, by)
  }

  #accept(path: string, thing: Stored, by: string): Answer {
    this.#judge(thing, by)
    return { status: 200, body: this.#store(path, thing) }
  }

  /** From the moment that somebody acquired the Lease, nothing of anybody else may be accepted. */
  #judge(thing: Stored, by: string): void {
    const leader = this.acquisitions.at(-1)
    if ('spec' in thing) {
      if (by !== leader?.holder && !this.#claims.includes(by)) this.#acquire(by)
      return
    }
    if (by !== leader?.holder && this.#claims.includes(by)) this.#acquire(by)
    else if (by !== leader?.holder)
      this.violations.push(
        `${Math.round(this.#time.now)} ms: a write of ${by} was accepted; ${leader?.holder} acquired the Lease at ${Math.round(leader?.at ?? 0)} ms`,
      )
    this.accepted.push({ at: this.#time.now, by })
  }

  #acquire(holder: string): void {
    this.#claims = this.#claims.slice(this.#claims.indexOf(holder) + 1)
    this.acquisitions.push({ at: this.#time.now, holder })
  }

  #store(path: string, thing: Stored): Stored {
    const type = this.things.has(path) ? 'MODIFIED' : 'ADDED'
    const before = this.things.get(path)
    const stored = this.#withNextVersion(thing)
    // A write that changes nothing makes no version.
    if (before && JSON.stringify({ ...stored, metadata: 0 }) === JSON.stringify({ ...before, metadata: 0 }))
      return before
    this.things.set(path, stored)
    if ('spec' in stored) this.#tell({ type, object: stored })
    return stored
  }

  #withNextVersion(thing: Stored): Stored {
    return { ...thing, metadata: { ...thing.metadata, resourceVersion: String(++this.#version) } }
  }

  #tell(event: Event): void {
    for (const tell of [...this.#watchers]) tell(event)
  }
}
