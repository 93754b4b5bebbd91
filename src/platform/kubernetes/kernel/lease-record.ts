// What a Lease says, and how a record of ours is written: pure.

export interface LeaseSpec {
  readonly holderIdentity?: string | null
  readonly leaseDurationSeconds?: number
  readonly acquireTime?: string
  readonly renewTime?: string
  readonly leaseTransitions?: number
}

export interface Lease {
  readonly metadata: {
    readonly name: string
    readonly namespace: string
    readonly uid: string
    readonly resourceVersion: string
  }
  readonly spec?: LeaseSpec
}

/** A record, and when we ourselves saw it change: the only time that counts. */
export interface Sighting {
  readonly record: string
  readonly at: number
}

/** Kubernetes wants six digits; a clock of ours gives three. */
export const toMicroTime = (date: Date): string => date.toISOString().replace('Z', '000Z')

export const holderOf = (lease: Lease): string => lease.spec?.holderIdentity ?? ''

export const transitionsOf = (lease: Lease): number => lease.spec?.leaseTransitions ?? 0

/** The same sighting when the record, or its absence, did not change since. */
export const sight = (lease: Lease | undefined, before: Sighting | undefined, now: number): Sighting => {
  const record = JSON.stringify(lease ? [lease.metadata.uid, lease.spec] : [])
  return before?.record === record ? before : { record, at: now }
}

/** Its holder laid it down: the mark of `freeLease`, which an edit by hand does not leave. */
export const isReleased = ({ spec = {} }: Lease): boolean =>
  !spec.holderIdentity &&
  spec.leaseDurationSeconds === 1 &&
  spec.renewTime !== undefined &&
  spec.renewTime === spec.acquireTime

const longestPatience = 2

/**
 * When the Lease may be taken, on the clock of the sighting. One that somebody holds or emptied by hand tells nothing about the process
 * that led: that one is waited out, by our own lease time, which no edit can shorten, or lengthen without bound.
 */
export const freeAt = (lease: Lease, seenAt: number, leaseMs: number): number => {
  if (isReleased(lease)) return seenAt
  const asked = (lease.spec?.leaseDurationSeconds ?? 0) * 1000
  return seenAt + Math.min(Math.max(leaseMs, asked), leaseMs * longestPatience)
}

export interface OwnRecord {
  readonly identity: string
  readonly durationMs: number
  readonly date: Date
}

/** Never the text of before: a renewal under a clock that stands still must be seen as one. */
const toOtherTime = (date: Date, before = ''): string => {
  const time = toMicroTime(date)
  if (time.slice(0, 23) !== before.slice(0, 23)) return time
  const micros = (Number(before.slice(23, 26)) + 1) % 1000
  return `${before.slice(0, 23)}${String(micros).padStart(3, '0')}Z`
}

/** Our record over what stands there: a takeover counts one transition, a renewal keeps the time of acquisition. */
export const takeLease = (lease: Lease | undefined, own: OwnRecord): LeaseSpec => {
  const before = lease && holderOf(lease) === own.identity ? lease.spec : undefined
  const acquireTime = before?.acquireTime ?? toMicroTime(own.date)
  return {
    holderIdentity: own.identity,
    leaseDurationSeconds: Math.max(1, Math.round(own.durationMs / 1000)),
    acquireTime,
    // Never equal: that is the mark of a release.
    renewTime: toOtherTime(own.date, before?.renewTime ?? acquireTime),
    leaseTransitions: lease ? transitionsOf(lease) + (before ? 0 : 1) : 0,
  }
}

/** Nobody holds it and it lasts a second, and both times are one: the next one need not wait. */
export const freeLease = (lease: Lease, date: Date): LeaseSpec => ({
  holderIdentity: '',
  leaseDurationSeconds: 1,
  acquireTime: toMicroTime(date),
  renewTime: toMicroTime(date),
  leaseTransitions: transitionsOf(lease),
})
