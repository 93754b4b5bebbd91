// Read your writes, for every kind that is written for a Runtime: its key is behind until the cache of that kind shows it.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type ClusterWrites,
  type Target,
  type WrittenKind,
  writtenKinds,
} from '../../../src/platform/kubernetes/cluster-port.ts'
import { createClusterWrites } from '../../../src/platform/kubernetes/cluster-writes.ts'
import { Freshness } from '../../../src/platform/kubernetes/kernel/freshness.ts'
import { type Caches, createCaches } from '../../../src/platform/kubernetes/kubernetes-caches.ts'
import { ApiServerStandIn } from './kernel/api-server.ts'
import { openWire, type Wire } from './kernel/wire.ts'

const key = 'Runtime/n/gpu-a'
const target = (kind: WrittenKind): Target => ({ kind, namespace: 'n', name: 'engine', for: key })

let server: ApiServerStandIn
let wire: Wire
let caches: Caches
let freshness: Freshness
let writes: ClusterWrites

const untilSeen = async (): Promise<void> => {
  for (const endsAt = performance.now() + 5_000; freshness.isBehind(key); await sleep(2))
    if (performance.now() > endsAt) throw new Error('the cache never showed the write')
}

beforeEach(async () => {
  server = new ApiServerStandIn()
  server.put('n', 'engine', { spec: {} })
  wire = await openWire(server.answer)
  caches = createCaches(wire.client, { isNamespaced: true, namespace: 'n' })
  freshness = new Freshness()
  writes = createClusterWrites({ client: wire.client, caches, freshness })
  caches.start()
  await caches.synced()
  server.isLate = true
})
afterEach(async () => {
  await caches.stop()
  await wire.close()
})

describe.each(writtenKinds)('The Runtime for which a %s is written', kind => {
  it.each([
    ['a merge patch', () => writes.patch(target(kind), 'merge', { spec: { a: 1 } })],
    ['a strategic patch', () => writes.patch(target(kind), 'strategic', { spec: { a: 1 } })],
    [
      'an apply',
      () => writes.apply(target(kind), { metadata: { namespace: 'n', name: 'engine' }, spec: {} }),
    ],
    ['a removal', () => writes.remove(target(kind), server.things.get('n/engine')?.metadata.uid ?? '')],
  ])('after %s is not looked at again before the cache shows it', async (_what, write) => {
    await write()
    expect(freshness.isBehind(key)).toBe(true)
    server.catchUp()
    await untilSeen()
  })

  it('after a dry run waits for nothing', async () => {
    await writes.apply(target(kind), { metadata: { namespace: 'n', name: 'engine' } }, true)
    expect(freshness.isBehind(key)).toBe(false)
  })
})
