// The event recorder on a loopback API server: series, limits, and silence about its own troubles.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { cutNote, type EventNote, Recent } from '../../../../src/platform/kubernetes/kernel/event-series.ts'
import { EventRecorder } from '../../../../src/platform/kubernetes/kernel/events.ts'
import { ApiServerStandIn, type Thing } from './api-server.ts'
import { openWire, type Wire } from './wire.ts'

const minute = 60_000
let server: ApiServerStandIn
let wire: Wire
let recorder: EventRecorder
let now: number

beforeEach(async () => {
  now = Date.UTC(2026, 0, 1)
  server = new ApiServerStandIn()
  wire = await openWire(server.answer)
  recorder = new EventRecorder(wire.client, {
    controller: 'switchyard.dev/operator',
    instance: 'pod-1',
    now: () => now,
    retryMs: 5,
  })
})
afterEach(async () => {
  await recorder.close()
  await wire.close()
})

const about = (name = 'a', more: Partial<EventNote> = {}): EventNote => ({
  regarding: {
    apiVersion: 'switchyard.dev/v1alpha1',
    kind: 'Model',
    namespace: 'n',
    name,
    uid: `uid-${name}`,
  },
  type: 'Normal',
  reason: 'Downloaded',
  action: 'Download',
  note: 'all bytes are there',
  ...more,
})
const events = () => [...server.things.values()] as (Thing & { note: string; series?: { count: number } })[]
const until = async (isSo: () => boolean): Promise<void> => {
  for (const endsAt = performance.now() + 3_000; !isSo(); await sleep(2))
    if (performance.now() > endsAt) throw new Error(`it did not come about: ${JSON.stringify(events())}`)
}

describe('An event', () => {
  it('carries everything that events.k8s.io/v1 wants', async () => {
    const related = { apiVersion: 'v1', kind: 'Pod', namespace: 'n', name: 'p', uid: 'up' }
    recorder.write(about('a', { related }))
    await until(() => events().length === 1)
    expect(events()[0]).toMatchObject({
      eventTime: '2026-01-01T00:00:00.000000Z',
      reportingController: 'switchyard.dev/operator',
      reportingInstance: 'pod-1',
      ...about('a', { related }),
    })
    expect(events()[0]?.metadata.name).toMatch(/^a\.[0-9a-f]+$/)
  })

  it('that repeats becomes one series: told at the second, then counted', async () => {
    for (let n = 0; n < 5; n++) recorder.write(about())
    await until(() => events()[0]?.series !== undefined)
    expect(events()).toHaveLength(1)
    expect(events()[0]?.series?.count).toBe(2)
    now += 7 * minute
    recorder.sweep()
    await until(() => events()[0]?.series?.count === 5)
  })

  it('after six minutes of silence begins anew', async () => {
    recorder.write(about())
    now += 6 * minute
    recorder.write(about())
    await until(() => events().length === 2)
  })

  it('of a long series is refreshed each half hour', async () => {
    for (let n = 0; n < 10; n++) {
      recorder.write(about())
      now += 4 * minute
      recorder.sweep()
    }
    await until(() => (events()[0]?.series?.count ?? 0) > 2)
    expect(events()).toHaveLength(1)
  })

  it('of a series whose event is gone is written again', async () => {
    recorder.write(about())
    await until(() => events().length === 1)
    server.remove('n', events()[0]?.metadata.name ?? '')
    recorder.write(about())
    await until(() => events()[0]?.series?.count === 2)
  })

  it('is one of at most 25 per object, then one per five minutes; other objects are not touched', async () => {
    for (let n = 0; n < 40; n++) recorder.write(about('a', { note: `number ${n}` }))
    recorder.write(about('b'))
    await until(() => events().some(each => each.metadata.name.startsWith('b.')))
    expect(events()).toHaveLength(26)
    now += 5 * minute
    recorder.write(about('a', { note: 'later' }))
    recorder.write(about('a', { note: 'too soon' }))
    await until(() => events().length === 27)
  })

  it('is tried again when the server is busy', async () => {
    server.refusals.push({ code: 503, reason: 'ServiceUnavailable' }, { code: 500, reason: 'InternalError' })
    recorder.write(about())
    await until(() => events().length === 1)
  })

  it('that the server refuses is dropped; the next one is written', async () => {
    server.refusals.push({ code: 403, reason: 'Forbidden' })
    recorder.write(about('a'))
    recorder.write(about('b'))
    await until(() => events().length === 1)
    expect(events()[0]?.metadata.name).toMatch(/^b\./)
  })

  it('that waits is still written at the close', async () => {
    recorder.write(about())
    await recorder.close()
    expect(events()).toHaveLength(1)
  })

  it('does not keep the close waiting when the server says nothing', async () => {
    server.silentTo = 'POST'
    recorder.write(about())
    const startedAt = performance.now()
    await recorder.close(100)
    expect(performance.now() - startedAt).toBeLessThan(10_000)
  })
})

describe('A note', () => {
  it('is cut at one kilobyte, never inside a character', () => {
    const cut = cutNote('ü'.repeat(2000))
    expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(1024)
    expect(cut).toMatch(/^ü+…$/)
    expect(cutNote('short')).toBe('short')
  })
})

describe('What was used last', () => {
  it('stays when there are more than 4,096 keys', () => {
    const recent = new Recent<number>()
    for (let n = 0; n < 4096; n++) recent.set(`k${n}`, n)
    recent.get('k0')
    expect(recent.set('one more', 1)).toBe(1)
    expect(recent.get('k0')).toBe(0)
    expect(recent.get('k1')).toBeUndefined()
  })
})
