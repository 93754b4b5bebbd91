// The reflector on a loopback API server: it fills, follows, and survives every way in which a watch can end.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  Reflector,
  type ReflectorEvent,
  type ReflectorOptions,
} from '../../../../src/platform/kubernetes/kernel/reflector.ts'
import { CONFIG_MAP } from '../../../../src/platform/kubernetes/kernel/resources.ts'
import { ApiServerStandIn, type Thing } from './api-server.ts'
import { versionOf } from './told.ts'
import { openWire, type Wire } from './wire.ts'

const quick: ReflectorOptions = {
  backoff: { firstMs: 5, longestMs: 20, healthyAfterMs: 1000 },
  isFrozen: true,
  random: () => 0.5,
}

let server: ApiServerStandIn
let wire: Wire
let reflector: Reflector<Thing>
let told: string[]

const describeEvent = ({ type, object, isInitial }: ReflectorEvent<Thing>) =>
  `${type} ${object.metadata.name}${isInitial ? ' initially' : ''}`

const until = async (isSo: () => boolean, what = 'it'): Promise<void> => {
  for (const endsAt = performance.now() + 5_000; !isSo(); await sleep(2))
    if (performance.now() > endsAt) throw new Error(`${what} did not come about; told: ${told.join(', ')}`)
}
const isAtRest = () =>
  JSON.stringify(reflector.list().map(versionOf).sort()) ===
  JSON.stringify([...server.things.values()].map(versionOf).sort())

const start = async (options: ReflectorOptions = {}) => {
  reflector = new Reflector<Thing>(
    wire.client,
    {
      resource: CONFIG_MAP,
      transform: thing => ({ ...thing, data: { color: thing.data?.['color'] ?? '' } }),
      indexes: { color: thing => (thing.data?.['color'] ? [thing.data['color']] : []) },
    },
    { ...quick, ...options },
  )
  reflector.subscribe(event => told.push(describeEvent(event)))
  reflector.start()
  await reflector.synced(5_000)
  await until(() => server.watches === 1 && server.asked.at(-1)?.startsWith('watch') === true, 'its watch')
}

beforeEach(async () => {
  server = new ApiServerStandIn()
  told = []
  wire = await openWire(server.answer)
})
afterEach(async () => {
  await reflector?.stop()
  await wire.close()
})

describe('A reflector', () => {
  it('fills by a streaming list, then follows what happens', async () => {
    server.put('n', 'a', { data: { color: 'red', big: 'x' } })
    await start()
    server.put('n', 'b', { data: { color: 'red' } })
    server.put('n', 'a', { data: { color: 'blue' } })
    server.remove('n', 'b')
    await until(isAtRest)
    expect(told).toEqual(['added a initially', 'added b', 'modified a', 'deleted b'])
    expect(server.asked).toEqual(['streaming list', 'watch 11'])
    expect(reflector.get({ namespace: 'n', name: 'a' })?.data).toEqual({ color: 'blue' })
    expect(reflector.byIndex('color', 'red')).toEqual([])
    expect(reflector.byIndex('color', 'blue')).toHaveLength(1)
    expect(reflector.list('other')).toEqual([])
    expect(reflector.resourceVersion).toBe(server.version)
  })

  it('reads pages where lists cannot be streamed, and remembers that', async () => {
    server.canStreamLists = false
    for (const name of ['a', 'b', 'c', 'd', 'e']) server.put('n', name)
    await start({ pageSize: 2 })
    await until(() => server.watches === 1)
    expect(reflector.list()).toHaveLength(5)
    server.compact()
    server.advance()
    server.cut('gone')
    await until(() => server.watches === 1)
    expect(server.asked.filter(each => each === 'streaming list')).toHaveLength(1)
  })

  it('holds nothing twice when it reads everything afresh: what did not change is the object of before', async () => {
    for (const name of ['a', 'b']) server.put('n', name)
    await start()
    const before = reflector.get({ namespace: 'n', name: 'a' })
    server.put('n', 'b', { data: { color: 'blue' } })
    await until(isAtRest)
    reflector.refill()
    await until(() => server.asked.filter(each => each === 'streaming list').length === 2 && isAtRest())
    expect(reflector.get({ namespace: 'n', name: 'a' })).toBe(before)
    expect(reflector.get({ namespace: 'n', name: 'b' })?.data).toEqual({ color: 'blue' })
  })

  it('goes on from the last version after a reset, without reading all again', async () => {
    server.put('n', 'a')
    await start()
    const version = server.version
    server.cut('reset')
    server.put('n', 'b')
    await until(isAtRest)
    expect(server.asked).toEqual(['streaming list', `watch ${version}`, `watch ${version}`])
  })

  it('goes on from the version of a bookmark', async () => {
    await start()
    server.advance()
    server.bookmark()
    await until(() => reflector.resourceVersion === server.version)
    server.cut('end')
    await until(() => server.asked.length > 2)
    expect(server.asked[2]).toBe(`watch ${server.version}`)
  })

  it('reads afresh after an expired version and tells what it missed, another uid as deleted and added', async () => {
    server.put('n', 'same')
    server.put('n', 'goes')
    server.put('n', 'again')
    await start()
    told = []
    server.cut('reset')
    server.remove('n', 'goes')
    server.remove('n', 'again')
    server.put('n', 'again')
    server.put('n', 'new')
    server.compact()
    await until(isAtRest)
    expect(told.sort()).toEqual(['added again', 'added new', 'deleted again', 'deleted goes'])
  })

  it('survives an event cut in the middle, 429, 500 and a refused token', async () => {
    await start()
    server.refusals.push(
      { code: 429, reason: 'TooManyRequests' },
      { code: 500, reason: 'InternalError' },
      { code: 401, reason: 'Unauthorized' },
      { code: 401, reason: 'Unauthorized' },
    )
    server.cut('torn')
    server.put('n', 'a')
    await until(isAtRest)
    expect(server.asked.filter(each => each === 'streaming list')).toHaveLength(1)
  })

  it('opens a silent watch again, and reads afresh when that stays silent too', async () => {
    await start({ idleMs: 300 })
    await until(() => server.asked.length >= 4)
    const watch = `watch ${server.version}`
    expect(server.asked.slice(0, 4)).toEqual(['streaming list', watch, watch, 'streaming list'])
  })

  it('that is refused with 504 again and again goes on from its version: a refusal is no silence', async () => {
    await start()
    server.refusals.push({ code: 504, reason: 'Timeout' }, { code: 504, reason: 'Timeout' })
    server.cut('end')
    server.put('n', 'a')
    await until(isAtRest)
    expect(server.refusals).toEqual([])
    expect(server.asked.filter(each => each === 'streaming list')).toHaveLength(1)
  })

  it('after a time of health begins its patience anew, however short its watches are', async () => {
    let chance = 0
    const backoff = { firstMs: 1, longestMs: 1e9, healthyAfterMs: 100 }
    await start({ backoff, random: () => chance })
    server.refusals.push(...Array.from({ length: 20 }, () => ({ code: 503, reason: 'ServiceUnavailable' })))
    server.cut('end')
    await until(() => server.refusals.length === 0 && server.watches === 1)
    for (const endsAt = performance.now() + 150; performance.now() < endsAt; await sleep(10)) {
      server.put('n', 'a')
      await until(isAtRest)
      server.cut('end')
      await until(() => server.watches === 1)
    }
    chance = 1
    server.cut('reset')
    server.put('n', 'b')
    await until(isAtRest)
    expect(reflector.list()).toHaveLength(2)
  })

  it('does not ask in a tight loop when every watch ends at once', async () => {
    await start({ backoff: { firstMs: 200, longestMs: 200, healthyAfterMs: 1000 } })
    const ending = setInterval(() => server.cut('end'), 1)
    await sleep(450)
    clearInterval(ending)
    expect(server.asked.length).toBeLessThan(8)
  })

  it('keeps other listeners safe from one that throws, and tells late ones what is known', async () => {
    server.put('n', 'a')
    await start()
    const late: string[] = []
    reflector.subscribe(() => {
      throw new Error('a bad listener')
    })
    const leave = reflector.subscribe(event => late.push(describeEvent(event)))
    server.put('n', 'b')
    await until(() => late.length === 2)
    leave()
    server.put('n', 'c')
    await until(isAtRest)
    expect(late).toEqual(['added a initially', 'added b'])
  })

  it('that is asked to refill keeps what it knows until the new whole is there', async () => {
    server.put('n', 'a')
    await start()
    reflector.refill()
    expect(reflector.list()).toHaveLength(1)
    const watch = `watch ${server.version}`
    await until(() => server.asked.length === 4)
    expect(server.asked).toEqual(['streaming list', watch, 'streaming list', watch])
    await until(isAtRest)
    expect(told).toEqual(['added a initially'])
  })

  it('that cannot read within the time says what went wrong', async () => {
    server.refusals.push(...Array.from({ length: 500 }, () => ({ code: 403, reason: 'Forbidden' })))
    reflector = new Reflector<Thing>(wire.client, { resource: CONFIG_MAP, transform: thing => thing }, quick)
    reflector.start()
    await expect(reflector.synced(200)).rejects.toThrow(/configmaps could not be read.*403 Forbidden/)
  })

  it('leaves no watch behind after stop', async () => {
    await start()
    await reflector.stop()
    await until(() => server.watches === 0)
  })

  it('hands out objects that a test may not change', async () => {
    server.put('n', 'a', { data: { color: 'red' } })
    await start()
    const [thing] = reflector.list()
    expect(() => Object.assign((thing as Thing).data as object, { color: 'x' })).toThrow(TypeError)
  })
})
