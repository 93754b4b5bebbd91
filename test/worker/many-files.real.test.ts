// A repository of very many files: hardly more requests than files, memory that does not grow with them, every file there.
// SWITCHYARD_FILES=100000 for the largest that is taken.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { parseWorkerResult } from '../../src/domain/worker-task.ts'
import { type Hub, startHub } from '../stand-ins/hub.ts'
import { toSafetensors } from '../stand-ins/weights.ts'
import { openWorkplace, quick, type Workplace } from './workplace.ts'

const count = Number(process.env['SWITCHYARD_FILES'] ?? 200)
const repo = 'acme/many'
const source = { huggingFace: { repo, revision: 'main' } }
const pageSize = 1_000
/** The heap that the largest repository has to do with. All of the process may be larger by so much, and by the text of one receipt. */
const heapMebibytes = 256
const otherMebibytes = 150 + (count * 256) / 2 ** 20

let hub: Hub
let place: Workplace
beforeEach(async () => {
  const small = Array.from({ length: count - 1 }, (_, n) => [`${n % 97}/${n}.json`, `{"n":${n}}`] as const)
  const files = { 'model.safetensors': toSafetensors('w'), ...Object.fromEntries(small) }
  hub = await startHub({ repos: [{ id: repo, files }], pageSize })
  place = openWorkplace('HubCache', hub.url, { retry: { ...quick, idleMs: 300_000 } })
}, 300_000)
afterEach(async () => {
  await hub.close()
  place.close()
}, 300_000)

const program = new URL('./power-cut/one-work.ts', import.meta.url).href
const script = `
  process.on('exit', () => process.stderr.write(String(process.resourceUsage().maxRSS)))
  await import(${JSON.stringify(program)})
`

it(`${count} files are fetched in hardly more requests, and in bounded memory`, async () => {
  const { result } = await place.resolve(source)
  expect(result.failure).toBeUndefined()
  const { revision, listDigest, files } = result.resolution!
  expect(files).toBe(count)
  const from = hub.requests.length
  const start = { command: 'download', owner: 'owner-1', sourceHash: 'hash', hubEndpoint: hub.url }
  const task = JSON.stringify({ ...start, source, revision, listDigest, layout: place.layout })
  const words = [
    `--max-old-space-size=${heapMebibytes}`,
    '--input-type=module',
    '-e',
    script,
    '--',
    'one-work',
    task,
  ]
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'pipe'] })
  const said = { out: '', err: '' }
  child.stdout.on('data', chunk => {
    said.out = (said.out + chunk).slice(-20_000)
  })
  child.stderr.on('data', chunk => {
    said.err += chunk
  })
  const begun = performance.now()
  await once(child, 'close')
  const asked = hub.requests.slice(from).filter(one => one.origin === 'hub').length
  const pages = Math.ceil(count / pageSize)
  const mebibytes = Number(/\d+$/.exec(said.err)?.[0]) / 1024
  const seconds = Math.round((performance.now() - begun) / 1000)
  console.log(`${count} files: ${asked} requests, ${Math.round(mebibytes)} MiB, ${seconds} s`)
  expect(parseWorkerResult(said.out)?.failure).toBeUndefined()
  expect(asked).toBeLessThanOrEqual(count + pages + 3)
  expect(mebibytes).toBeLessThan(heapMebibytes + otherMebibytes)
  const verified = await place.verify(source, { revision })
  expect(verified.result.failure).toBeUndefined()
}, 3_600_000)
