// A hub that counts requests and tells in each answer how many are left: it never has to refuse one.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'
import type { WorkerTask } from '../../src/domain/worker-task.ts'
import type { RateLimits } from '../stand-ins/hub/rate-limit.ts'
import { type Hub, startHub } from '../stand-ins/hub.ts'
import { toSafetensors } from '../stand-ins/weights.ts'
import { openWorkplace, quick, run, type Workplace } from './workplace.ts'

const repo = 'acme/limited'
const source = { huggingFace: { repo, revision: 'main' } }
const small = Array.from({ length: 9 }, (_, n) => [`part-${n}.json`, `{"n":${n}}`] as const)
const files = { 'model.safetensors': toSafetensors('w'), ...Object.fromEntries(small) }

let hub: Hub
let place: Workplace
const open = async (limits: RateLimits): Promise<void> => {
  const rateLimits = { api: 1e6, resolvers: 1e6, ...limits }
  hub = await startHub({ repos: [{ id: repo, files }], rateLimits })
  place = openWorkplace('HubCache', hub.url, { retry: quick, partSize: () => 64 << 10 })
}
afterEach(async () => {
  await hub.close()
  place.close()
})
const refusals = () => hub.requests.filter(({ status }) => status === 429)

it('files wait for the next window before they would be refused', async () => {
  await open({ resolvers: 8, windowSeconds: 2 })
  expect((await place.fetch(source)).result.failure).toBeUndefined()
  expect(refusals()).toEqual([])
}, 60_000)

it('lists do too, by a limit of their own', async () => {
  await open({ api: 1, windowSeconds: 2 })
  expect((await place.resolve(source)).result.failure).toBeUndefined()
  expect(hub.requests.filter(({ path }) => path.includes('/tree/')).length).toBe(1)
  expect(refusals()).toEqual([])
}, 60_000)

it('a limit that a resolve has used up is told with its result, and a download that waits for its end is refused nothing', async () => {
  await open({ api: 2, windowSeconds: 3 })
  // once more where this machine was so slow that its window ended in between
  let { result } = await place.resolve(source)
  while (!result.quietSeconds) ({ result } = await place.resolve(source))
  expect(result.quietSeconds).toBeLessThanOrEqual(3)
  const { revision, listDigest } = result.resolution!
  const before = refusals().length
  await sleep(result.quietSeconds * 1000)
  const task = { command: 'download', owner: 'owner-1', sourceHash: 'hash', hubEndpoint: hub.url, source }
  const done = await run({ ...task, revision, listDigest, layout: place.layout } as WorkerTask, {})
  expect(done.result.failure).toBeUndefined()
  expect(refusals().length).toBe(before)
}, 60_000)

it('a limit that leaves something is nothing to tell', async () => {
  await open({ api: 3, windowSeconds: 100 })
  const { result } = await place.resolve(source)
  expect(result.resolution).toBeDefined()
  expect(result).not.toHaveProperty('quietSeconds')
})

it('a window that is longer than a work waits ends it with the time to come back, and nothing is asked in vain', async () => {
  await open({ resolvers: 8, windowSeconds: 200 })
  const { result } = await place.fetch(source)
  expect(result.failure).toMatchObject({ reason: 'RateLimited', retry: 'Later' })
  expect(result.failure?.retryAfterSeconds).toBeGreaterThan(150)
  expect(refusals()).toEqual([])
}, 60_000)
