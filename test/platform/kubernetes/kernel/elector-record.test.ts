// What the record of a Lease means, and since when: no clock but our own, no duration but within bounds, no mark that an edit leaves.
import { describe, expect, it } from 'vitest'
import {
  freeAt,
  freeLease,
  isReleased,
  type Lease,
  type LeaseSpec,
  sight,
  takeLease,
} from '../../../../src/platform/kubernetes/kernel/lease-record.ts'

const metadata = { name: 'switchyard', namespace: 'n', uid: 'u', resourceVersion: '1' }
const early = '2026-01-01T00:00:00.000000Z'
const late = '2026-01-01T00:00:02.000000Z'
const held: LeaseSpec = {
  holderIdentity: 'other',
  leaseDurationSeconds: 15,
  acquireTime: early,
  renewTime: late,
  leaseTransitions: 3,
}
const aLease = (edit: Partial<LeaseSpec> = {}): Lease => ({ metadata, spec: { ...held, ...edit } })
const date = new Date(early)
const us = { identity: 'us', durationMs: 15_000, date }

describe('A Lease that was seen to change at 100', () => {
  it.each([
    ['held', {}, 15_100],
    ['held, with times long ago', { renewTime: '2001-01-01T00:00:00.000000Z' }, 15_100],
    ['held, with times to come', { renewTime: '2999-01-01T00:00:00.000000Z' }, 15_100],
    ['held for a second only, says an edit', { leaseDurationSeconds: 1 }, 15_100],
    ['held for 20 s, by settings of another version', { leaseDurationSeconds: 20 }, 20_100],
    ['held for a day, says an edit', { leaseDurationSeconds: 86_400 }, 30_100],
    ['emptied by hand', { holderIdentity: '' }, 15_100],
    ['emptied by hand, as null', { holderIdentity: null }, 15_100],
    ['emptied and shortened by hand', { holderIdentity: '', leaseDurationSeconds: 1 }, 15_100],
    ['laid down', { holderIdentity: '', leaseDurationSeconds: 1, acquireTime: late }, 100],
  ])('%s, may be taken at the right time', (_, edit, moment) => {
    expect(freeAt(aLease(edit), 100, 15_000)).toBe(moment)
  })

  it('is seen as the same until its record changes, or its absence', () => {
    const first = sight(aLease(), undefined, 100)
    expect(sight(aLease(), first, 200)).toBe(first)
    expect(sight(aLease({ renewTime: early }), first, 200).at).toBe(200)
    const gone = sight(undefined, first, 300)
    expect(gone.at).toBe(300)
    expect(sight(undefined, gone, 400)).toBe(gone)
    expect(sight({ ...aLease(), metadata: { ...metadata, uid: 'v' } }, first, 200).at).toBe(200)
  })
})

describe('Our own record', () => {
  it('over another one counts a change; over ours it keeps when we acquired it', () => {
    const taken = takeLease(aLease(), us)
    expect(taken).toMatchObject({ holderIdentity: 'us', acquireTime: early, leaseTransitions: 4 })
    const renewed = takeLease({ metadata, spec: taken }, { ...us, date: new Date(late) })
    expect(renewed).toEqual({ ...taken, renewTime: late })
  })

  it('never looks laid down, not even before its first renewal and with its holder wiped out', () => {
    const taken = takeLease(undefined, us)
    const wiped = { ...taken, holderIdentity: '', leaseDurationSeconds: 1 }
    expect(isReleased({ metadata, spec: wiped })).toBe(false)
  })

  it('is another one at each renewal, also under a wall clock that stands still', () => {
    let spec = takeLease(undefined, us)
    const times = new Set([spec.renewTime])
    for (let n = 0; n < 20; n++) {
      spec = takeLease({ metadata, spec }, us)
      times.add(spec.renewTime)
    }
    expect(times.size).toBe(21)
    expect([...times].every(time => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/.test(time ?? ''))).toBe(true)
  })

  it('looks laid down when it is', () => {
    const spec = freeLease(aLease(), date)
    expect(isReleased({ metadata, spec })).toBe(true)
    expect(spec.leaseTransitions).toBe(3)
  })
})
