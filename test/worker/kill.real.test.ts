// kill −9 in the middle of a download, in a real process: nothing looks finished, and the next run completes.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { exitCodes } from '../../src/domain/exit-codes.ts'
import { parseWorkerResult } from '../../src/domain/worker-task.ts'
import { type Hub, startHub } from '../stand-ins/hub.ts'
import { toSafetensors } from '../stand-ins/weights.ts'
import { openWorkplace, type Workplace } from './workplace.ts'

const repo = 'acme/tiny'
const source = { huggingFace: { repo, revision: 'main' } }
const files = {
  'model.safetensors': toSafetensors(Buffer.alloc(4_000_000, 7)),
  'config.json': '{}',
  'small.safetensors': toSafetensors('x'),
}
let hub: Hub
let place: Workplace

beforeEach(async () => {
  hub = await startHub({ repos: [{ id: repo, files }] })
  place = openWorkplace('HubCache', hub.url)
})
afterEach(async () => {
  await hub.close()
  place.close()
})

const sizes: Record<string, number> = Object.fromEntries(
  Object.entries(files).map(([name, bytes]) => [name, bytes.length]),
)
const listLinks = () => {
  const commit = join(place.layout.path, 'models--acme--tiny/snapshots', hub.commitOf(repo))
  return existsSync(commit) ? readdirSync(commit).map(name => join(commit, name)) : []
}

const script = `
  import { workerMain } from ${JSON.stringify(join(import.meta.dirname, '../../src/worker/entry.ts'))}
  process.exit(await workerMain(process.argv.slice(1)))
`

const startDownload = async () => {
  const { result } = await place.resolve(source)
  const { revision, listDigest } = result.resolution!
  const task = { command: 'download', owner: 'owner-1', sourceHash: 'hash', source, revision, listDigest }
  const text = JSON.stringify({ ...task, layout: place.layout, hubEndpoint: hub.url })
  const resultFile = join(place.root, 'result')
  const words = [
    '--input-type=module',
    '-e',
    script,
    '--',
    'run',
    '--task',
    text,
    '--result-file',
    resultFile,
  ]
  return { child: spawn(process.execPath, words, { stdio: ['ignore', 'pipe', 'inherit'] }), resultFile }
}

const untilBytesFlow = async () => {
  while (!hub.requests.some(request => request.origin === 'cdn' && request.bytesSent > 200_000))
    await sleep(10)
}

const visible = () =>
  ['snapshots', 'refs', 'trees'].filter(name =>
    existsSync(join(place.layout.path, 'models--acme--tiny', name)),
  )

describe('a download', () => {
  it('that is killed leaves nothing that looks finished; the next one completes and owns every byte', async () => {
    hub.setFault('model.safetensors', { kind: 'slow', bytesPerSecond: 1_000_000, times: 1 })
    const { child } = await startDownload()
    await untilBytesFlow()
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(visible()).toEqual([])
    expect(existsSync(join(place.root, '.switchyard/receipts'))).toBe(false)
    const again = await place.fetch(source)
    expect(again.code).toBe(0)
    const revision = hub.commitOf(repo)
    expect((await place.verify(source, { revision })).code).toBe(0)
    const removed = await place.remove(source, { revision })
    expect(removed.result.removed?.bytesFreed).toBe(again.result.copy?.bytes)
  })

  it('that is killed and then removed leaves no byte', async () => {
    hub.setFault('model.safetensors', { kind: 'slow', bytesPerSecond: 1_000_000 })
    const { child } = await startDownload()
    await untilBytesFlow()
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect((await place.remove(source, { revision: hub.commitOf(repo) })).code).toBe(0)
    expect(readdirSync(place.layout.path)).toEqual([])
  })

  it('that is asked to stop ends with 143 and says Interrupted in the result file', async () => {
    hub.setFault('model.safetensors', { kind: 'slow', bytesPerSecond: 1_000_000 })
    const { child, resultFile } = await startDownload()
    await untilBytesFlow()
    child.kill('SIGTERM')
    const [code] = await once(child, 'exit')
    expect(code).toBe(exitCodes.terminated)
    expect(parseWorkerResult(readFileSync(resultFile, 'utf8'))?.failure).toMatchObject({
      reason: 'Interrupted',
      retry: 'Later',
    })
    expect(visible()).toEqual([])
  })

  it.each([
    '.switchyard/intents/owner-1.json',
    'hub/models--acme--tiny/blobs',
    'hub/models--acme--tiny/snapshots',
    'hub/models--acme--tiny/trees',
    'hub/models--acme--tiny/refs/main',
    '.switchyard/receipts/owner-1.json',
  ])(
    'that is killed as soon as %s is there leaves names only over whole bytes, and completes',
    async path => {
      const { child } = await startDownload()
      const exited = once(child, 'exit')
      while (!existsSync(join(place.root, path)) && child.exitCode === null) await new Promise(setImmediate)
      child.kill('SIGKILL')
      await exited
      for (const link of listLinks()) expect(statSync(link).size, link).toBe(sizes[basename(link)])
      const names = visible()
      if (names.includes('refs')) expect(names).toEqual(['snapshots', 'refs', 'trees'])
      const revision = hub.commitOf(repo)
      if (existsSync(join(place.root, '.switchyard/receipts/owner-1.json'))) {
        expect((await place.verify(source, { revision })).code).toBe(0)
      }
      const again = await place.fetch(source)
      expect(again.code).toBe(0)
      const removed = await place.remove(source, { revision })
      expect(removed.result.removed?.bytesFreed).toBe(again.result.copy?.bytes)
      expect(readdirSync(place.layout.path)).toEqual([])
    },
  )
})
