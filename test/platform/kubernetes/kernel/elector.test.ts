// Elections on a Lease that stands on a loopback API server: never two leaders, whatever clocks and connections do.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { bootClock } from '../../../../src/platform/kubernetes/kernel/election-clock.ts'
import {
  Elector,
  type ElectorSettings,
  type Leadership,
  newIdentity,
} from '../../../../src/platform/kubernetes/kernel/elector.ts'
import { MutationRefused } from '../../../../src/platform/kubernetes/kernel/errors.ts'
import type { LeaseSpec } from '../../../../src/platform/kubernetes/kernel/lease-record.ts'
import { POD } from '../../../../src/platform/kubernetes/kernel/resources.ts'
import { ApiServerStandIn } from './api-server.ts'
import { openWire, type Wire } from './wire.ts'

// Times that a loaded machine does not break; a test about an end of leadership shortens what it is about.
const calm = {
  namespace: 'n',
  name: 'switchyard',
  leaseMs: 15_000,
  renewDeadlineMs: 10_000,
  retryMs: 50,
  isNew: () => true,
}
const shortDeadline = { leaseMs: 4000, renewDeadlineMs: 600, writeDeadlineMs: 400 }
const shortLease = { leaseMs: 1000 }
/** Nobody asks by themselves before the test is over. */
const onlyByWatch = { retryMs: 120_000 }

let server: ApiServerStandIn
let wire: Wire
let held: Leadership[]
beforeEach(async () => {
  server = new ApiServerStandIn()
  wire = await openWire(server.answer)
  held = []
})
afterEach(async () => {
  server.silentTo = ''
  for (const each of held) await each.release().catch(() => undefined)
  await wire.close()
})

const candidate = (identity: string, settings: Partial<ElectorSettings> = {}) =>
  new Elector(wire.client, { ...calm, identity, random: () => 0, ...settings })

async function lead(elector: Elector): Promise<Leadership> {
  const leadership = await elector.acquire()
  held.push(leadership)
  return leadership
}

const lease = (): LeaseSpec => (server.things.get('n/switchyard')?.spec ?? {}) as LeaseSpec
const until = (signal: AbortSignal) =>
  signal.aborted
    ? undefined
    : new Promise(resolve => signal.addEventListener('abort', resolve, { once: true }))

/** Somebody else's record, as it would stand there. */
function heldByOther(more: Partial<LeaseSpec> = {}): void {
  const spec = { holderIdentity: 'other', leaseDurationSeconds: 1, leaseTransitions: 3, ...more }
  server.put('n', 'switchyard', { spec })
}

/** Who has seen another one's Lease and does not ask for it yet; its clock is set forward by hand. */
async function observing() {
  let passedMs = 0
  const clock = { ...bootClock, now: () => bootClock.now() + passedMs }
  heldByOther({ leaseDurationSeconds: 15 })
  const elector = candidate('us', { ...onlyByWatch, clock })
  elector.observe()
  await vi.waitFor(() => expect(elector.holder).toBe('other'), 5000)
  const pass = (ms: number): void => {
    passedMs += ms
  }
  return { elector, pass }
}

/** As another one lays it down. */
function releasedByOther(): void {
  const time = '2026-01-01T00:00:00.000000Z'
  heldByOther({ holderIdentity: '', acquireTime: time, renewTime: time })
}

describe('winning a Lease', () => {
  it('without a Lease the first one makes it and leads', async () => {
    const leadership = await lead(candidate('us'))
    expect(leadership.mutationsAllowed()).toBe(true)
    expect(leadership.epoch).toBe(0)
    expect(lease()).toMatchObject({ holderIdentity: 'us', leaseDurationSeconds: 15, leaseTransitions: 0 })
    expect(lease().renewTime).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
  })

  it('of two that begin at once, one leads', async () => {
    const [one, two] = [candidate('one'), candidate('two')]
    const stop = new AbortController()
    const wins = await Promise.race([one.acquire(stop.signal), two.acquire(stop.signal)])
    held.push(wins)
    await sleep(250)
    expect([one, two].filter(each => each.mutationsAllowed())).toHaveLength(1)
    stop.abort()
  })

  it('a holder whose times lie in the past is given its whole lease time on our own clock', async () => {
    heldByOther({ renewTime: '2001-01-01T00:00:00.000000Z', acquireTime: '2001-01-01T00:00:00.000000Z' })
    const began = performance.now()
    const leadership = await lead(candidate('us', shortLease))
    expect(performance.now() - began).toBeGreaterThanOrEqual(900)
    expect(leadership.epoch).toBe(4)
  })

  it('a Lease that is only observed runs out too: who asks for it after that leads at once', async () => {
    const { elector, pass } = await observing()
    pass(15_100)
    expect((await lead(elector)).epoch).toBe(4)
  })

  it('one that was renewed since it was observed is given its whole time', async () => {
    const { elector, pass } = await observing()
    heldByOther({ leaseDurationSeconds: 15, renewTime: '2026-01-01T00:00:00.000000Z' })
    pass(15_100)
    const waiting = lead(elector)
    await vi.waitFor(() => expect(server.watches).toBe(1), 5000)
    expect(lease().holderIdentity).toBe('other')
    releasedByOther()
    await waiting
  })

  it('a server that does not answer yet is asked again, and a look under way ends when the Lease is asked for', async () => {
    releasedByOther()
    server.silentTo = 'GET'
    const elector = candidate('us')
    elector.observe()
    await vi.waitFor(() => expect(server.asked.length).toBeGreaterThan(0), 5000)
    const leading = lead(elector)
    server.silentTo = ''
    expect((await leading).epoch).toBe(4)
  })

  it('a holder whose times lie in the future is replaced when its record stands still', async () => {
    heldByOther({ renewTime: '2999-01-01T00:00:00.000000Z' })
    expect((await lead(candidate('us', shortLease))).mutationsAllowed()).toBe(true)
  })

  it('a holder that renews keeps the Lease', async () => {
    const stop = new AbortController()
    heldByOther()
    const renewing = setInterval(() => heldByOther({ renewTime: new Date().toISOString() }), 200)
    const waiting = candidate('us', shortLease).acquire(stop.signal)
    waiting.catch(() => undefined)
    await sleep(1800)
    clearInterval(renewing)
    expect(lease().holderIdentity).toBe('other')
    stop.abort()
    await expect(waiting).rejects.toThrow()
  })

  it('a released Lease is taken without a wait, and counts one change', async () => {
    releasedByOther()
    const leadership = await lead(candidate('us', onlyByWatch))
    expect(leadership.epoch).toBe(4)
  })

  it('who waits hears at once that the Lease was laid down', async () => {
    heldByOther()
    const waiting = lead(candidate('us', onlyByWatch))
    await vi.waitFor(() => expect(server.watches).toBe(1), 5000)
    releasedByOther()
    expect((await waiting).epoch).toBe(4)
    await vi.waitFor(() => expect(server.watches).toBe(0), 5000)
  })

  it('who finds no Lease where leaders have been makes one, and writes only when the one before must have noticed', async () => {
    const elector = candidate('us', { leaseMs: 1500, isNew: () => false })
    const leading = lead(elector)
    await vi.waitFor(() => expect(lease().holderIdentity).toBe('us'), 1400)
    expect(elector.mutationsAllowed()).toBe(false)
    expect((await leading).mutationsAllowed()).toBe(true)
  })

  it('who begins while the Lease is missing leaves it to its holder, who makes it again', async () => {
    const stop = new AbortController()
    const waiting = candidate('us', { retryMs: 60_000, isNew: () => false }).acquire(stop.signal)
    waiting.catch(() => undefined)
    await vi.waitFor(() => expect(server.watches).toBe(1), 5000)
    heldByOther()
    stop.abort()
    await expect(waiting).rejects.toThrow()
    expect(lease().holderIdentity).toBe('other')
  })

  it('who loses a Lease that it just made never begins to lead', async () => {
    const leading = candidate('us', { isNew: () => false }).acquire()
    leading.catch(() => undefined)
    await vi.waitFor(() => expect(lease().holderIdentity).toBe('us'), 5000)
    heldByOther()
    await expect(leading).rejects.toThrow('no longer ours')
  })

  it('an API server that refuses for a while is asked again', async () => {
    for (let n = 0; n < 6; n++) server.refusals.push({ code: 503, reason: 'ServiceUnavailable' })
    expect((await lead(candidate('us'))).mutationsAllowed()).toBe(true)
  })

  it('two processes of one pod have two identities', () => {
    expect(newIdentity('pod-1')).not.toBe(newIdentity('pod-1'))
  })
})

describe('holding a Lease', () => {
  it('while it leads it renews, and keeps the time of acquisition', async () => {
    const leadership = await lead(candidate('us'))
    const { acquireTime, renewTime } = lease()
    await vi.waitFor(() => expect(lease().renewTime).not.toBe(renewTime), 5000)
    expect(leadership.mutationsAllowed()).toBe(true)
    expect(lease()).toMatchObject({ acquireTime, leaseTransitions: 0 })
  })

  it('a conflict in between is repaired by reading again', async () => {
    const leadership = await lead(candidate('us'))
    server.refusals.push({ code: 409, reason: 'Conflict', method: 'PATCH' })
    await vi.waitFor(() => expect(server.refusals).toEqual([]), 5000)
    const { renewTime } = lease()
    await vi.waitFor(() => expect(lease().renewTime).not.toBe(renewTime), 5000)
    expect(leadership.mutationsAllowed()).toBe(true)
  })

  it('a server that says nothing any more: the fence closes before the Lease ends', async () => {
    const leadership = await lead(candidate('us', shortDeadline))
    const fenced = wire.client.fencedBy(leadership)
    const began = performance.now()
    server.silentTo = 'PATCH'
    await until(leadership.signal)
    expect(performance.now() - began).toBeLessThan(4000)
    expect(leadership.mutationsAllowed()).toBe(false)
    const refused = fenced.create(POD, { metadata: { namespace: 'n' } })
    await expect(refused).rejects.toBeInstanceOf(MutationRefused)
  })

  it('a loop that stood still longer than the deadline may not write when it wakes', async () => {
    const leadership = await lead(candidate('us', shortDeadline))
    const wakes = performance.now() + 700
    while (performance.now() < wakes);
    expect(leadership.mutationsAllowed()).toBe(false)
  })

  it('a Lease that was deleted is made again, and nothing was lost', async () => {
    const leadership = await lead(candidate('us'))
    server.remove('n', 'switchyard')
    await vi.waitFor(() => expect(lease().holderIdentity).toBe('us'), 5000)
    expect(leadership.signal.aborted).toBe(false)
    expect(leadership.mutationsAllowed()).toBe(true)
  })

  it('a Lease whose holder was wiped out by hand is lost: somebody wants another leader', async () => {
    const leadership = await lead(candidate('us'))
    heldByOther({ holderIdentity: '' })
    await until(leadership.signal)
    expect(leadership.mutationsAllowed()).toBe(false)
  })

  it('a Lease that another one took is lost at once and for good', async () => {
    const leadership = await lead(candidate('us'))
    heldByOther({ leaseTransitions: 1 })
    await until(leadership.signal)
    expect(leadership.mutationsAllowed()).toBe(false)
    await sleep(1300)
    expect(lease().holderIdentity).toBe('other')
  })
})

describe('releasing a Lease', () => {
  it('a released Lease has no holder, and the next one leads quickly', async () => {
    const leadership = await candidate('us').acquire()
    await leadership.release()
    expect(lease()).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1 })
    expect(leadership.mutationsAllowed()).toBe(false)
    const began = performance.now()
    expect((await lead(candidate('next'))).epoch).toBe(1)
    expect(performance.now() - began).toBeLessThan(5000)
  })

  it('a conflict while releasing is tried again', async () => {
    const leadership = await candidate('us').acquire()
    server.refusals.push({ code: 409, reason: 'Conflict', method: 'PATCH' })
    await leadership.release()
    expect(lease().holderIdentity).toBe('')
  })

  it('a Lease is left to run out while a write of ours may still arrive', async () => {
    const leadership = await candidate('us').acquire()
    const fenced = wire.client.fencedBy(leadership)
    server.silentTo = 'POST'
    await fenced.create(POD, { metadata: { namespace: 'n' } }, { deadlineMs: 50 }).catch(() => undefined)
    await leadership.release()
    expect(lease().holderIdentity).toBe('us')
    expect(leadership.mutationsAllowed()).toBe(false)
  })

  it("another one's Lease is not released", async () => {
    const leadership = await candidate('us').acquire()
    heldByOther()
    await leadership.release()
    expect(lease().holderIdentity).toBe('other')
  })

  it('a release is no loss: its signal is not given', async () => {
    const leadership = await candidate('us').acquire()
    await leadership.release()
    expect(leadership.signal.aborted).toBe(false)
  })

  it('a server that is gone does not make the release fail', async () => {
    const leadership = await candidate('us').acquire()
    await wire.close()
    await leadership.release()
    expect(leadership.mutationsAllowed()).toBe(false)
  })
})
