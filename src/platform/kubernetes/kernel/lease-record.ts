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

/** The same sighting when the record did not change since. */
export const sight = (lease: Lease, before: Sighting | undefined, now: number): Sighting => {
  const record = JSON.stringify([lease.metadata.uid, lease.spec])
  return before?.record === record ? before : { record, at: now }
}

/** Somebody else holds it, and too little time passed since we saw a sign of them. */
export const isTakenByOther = (
  lease: Lease,
  seen: Sighting,
  us: { identity: string; now: number },
): boolean => {
  const holder = holderOf(lease)
  if (holder === '' || holder === us.identity) return false
  return us.now < seen.at + (lease.spec?.leaseDurationSeconds ?? 0) * 1000
}

export interface OwnRecord {
  readonly identity: string
  readonly durationMs: number
  readonly date: Date
}

/** Our record over what stands there: a takeover counts one transition, a renewal keeps the time of acquisition. */
export const takeLease = (lease: Lease | undefined, own: OwnRecord): LeaseSpec => {
  const isRenewal = lease !== undefined && holderOf(lease) === own.identity
  const renewTime = toMicroTime(own.date)
  return {
    holderIdentity: own.identity,
    leaseDurationSeconds: Math.max(1, Math.round(own.durationMs / 1000)),
    acquireTime: (isRenewal ? lease.spec?.acquireTime : undefined) ?? renewTime,
    renewTime,
    leaseTransitions: lease ? transitionsOf(lease) + (isRenewal ? 0 : 1) : 0,
  }
}

/** Nobody holds it and it lasts a second: the next one need not wait. */
export const freeLease = (lease: Lease, date: Date): LeaseSpec => ({
  holderIdentity: '',
  leaseDurationSeconds: 1,
  acquireTime: toMicroTime(date),
  renewTime: toMicroTime(date),
  leaseTransitions: transitionsOf(lease),
})
