// The caches of one operator are one party to the API server: what one of them learns of it, all know.
import { expect, it } from 'vitest'
import { createCaches } from '../../../src/platform/kubernetes/kubernetes-caches.ts'
import { ApiServerStandIn } from './kernel/api-server.ts'
import { openWire } from './kernel/wire.ts'

const kinds = 14
/** No test waits for so long. */
const endless = 1e9

it('the first cache that a server answers again ends the waiting of all others', async () => {
  const server = new ApiServerStandIn()
  const wire = await openWire(server.answer)
  let waits = 0
  const caches = createCaches(wire.client, {
    backoff: { firstMs: endless, longestMs: endless, healthyAfterMs: endless },
    // The last one that is refused asks again at once.
    random: () => (++waits === kinds ? 0 : 1),
  })
  server.refusals.push(...Array.from({ length: kinds }, () => ({ code: 503, reason: 'ServiceUnavailable' })))
  caches.start()
  await caches.synced()
  expect([waits, server.refusals]).toEqual([kinds, []])
  await caches.stop()
  await wire.close()
})
