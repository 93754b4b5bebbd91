// What `worker discover` says of a volume with everything on it.
import { execFileSync } from 'node:child_process'
import { cpSync, linkSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { discover } from '../../src/worker/discover.ts'
import { sha256 } from '../../src/worker/transfer/digest.ts'
import { type Hub, startHub } from '../stand-ins/hub.ts'
import { toSafetensors } from '../stand-ins/weights.ts'
import { openWorkplace, type Workplace } from './workplace.ts'

const weights = toSafetensors(Buffer.alloc(100_000, 7))
const files = { 'model.safetensors': weights, 'config.json': '{"a":1}' }
const source = { huggingFace: { repo: 'acme/tiny', revision: 'main' } }
let hub: Hub
let place: Workplace

beforeEach(async () => {
  hub = await startHub({ repos: [{ id: 'acme/tiny', files }] })
  place = openWorkplace('HubCache', hub.url)
})
afterEach(async () => {
  await hub.close()
  place.close()
})

const write = (path: string, bytes: string | Uint8Array) => {
  const whole = join(place.root, path)
  mkdirSync(join(whole, '..'), { recursive: true })
  writeFileSync(whole, bytes)
}
const snapshotAt = (repo: string) => `hub/models--${repo.replace('/', '--')}/snapshots/${'c'.repeat(40)}`
const found = async () => (await discover(place.root)).copies
const only = async () => {
  const [copy, ...more] = await found()
  expect(more).toEqual([])
  return copy
}

describe('discovering a volume', () => {
  it('tells what a Model fetched: model, revision, bytes, complete, ours', async () => {
    await place.fetch(source)
    expect(await only()).toEqual({
      layout: 'HubCache',
      path: 'hub',
      model: 'acme/tiny',
      revision: hub.commitOf('acme/tiny'),
      bytes: weights.length + 7,
      isComplete: true,
      receipt: 'Fetched',
    })
  })

  it('tells what was adopted from what no receipt speaks of', async () => {
    await place.fetch(source)
    rmSync(join(place.root, '.switchyard'), { recursive: true })
    expect(await only()).toMatchObject({ isComplete: true, receipt: 'None' })
    await place.fetch(source)
    expect(await only()).toMatchObject({ isComplete: true, receipt: 'Adopted' })
  })

  it.each([
    [
      'a link whose blob is not there',
      () => symlinkSync('../../blobs/none', join(place.root, snapshotAt('a/b'), 'x.safetensors')),
    ],
    [
      'an index that names a shard which is not there',
      () =>
        write(
          `${snapshotAt('a/b')}/model.safetensors.index.json`,
          '{"weight_map":{"w":"model-2.safetensors"}}',
        ),
    ],
    [
      'a list that names a file which is not there',
      () => write(`hub/models--a--b/trees/${'c'.repeat(40)}.json`, '{"files":{"more.json":{}}}'),
    ],
  ])('calls a snapshot with %s incomplete', async (_, spoil) => {
    write(`${snapshotAt('a/b')}/model.safetensors`, weights)
    expect(await only()).toMatchObject({ model: 'a/b', isComplete: true })
    spoil()
    expect(await only()).toMatchObject({ isComplete: false })
  })

  it('calls a snapshot without weights incomplete', async () => {
    write(`${snapshotAt('a/b')}/config.json`, '{}')
    expect(await only()).toMatchObject({ isComplete: false, bytes: 2 })
  })

  it('tells of an Ollama store by its manifests, whole or not, readable or not', async () => {
    const layer = { mediaType: 'm', digest: `sha256:${sha256('weights')}`, size: 7 }
    const manifest = JSON.stringify({ config: layer, layers: [layer] })
    const name = 'registry.ollama.ai/library/tiny'
    write(`.ollama/models/manifests/${name}/latest`, manifest)
    write(`.ollama/models/manifests/${name}/broken`, '{')
    write(`.ollama/models/blobs/${layer.digest.replace(':', '-')}`, 'weights')
    const common = { layout: 'OllamaStore', path: '.ollama/models', receipt: 'None' }
    const copies = await found()
    expect(copies).toMatchObject([
      { ...common, model: `${name}:broken`, bytes: 0, isComplete: false },
      {
        ...common,
        model: `${name}:latest`,
        revision: `sha256:${sha256(manifest)}`,
        bytes: 7,
        isComplete: true,
      },
    ])
    write(`.ollama/models/blobs/${layer.digest.replace(':', '-')}`, 'weigh')
    expect((await found())[1]).toMatchObject({ isComplete: false })
  })

  it('tells of folders of weights, and which of them is a Model', async () => {
    for (const [name, bytes] of Object.entries(files)) write(`in-house/mine/${name}`, bytes)
    cpSync(join(place.root, 'in-house/mine'), join(place.root, 'in-house/other'), { recursive: true })
    const local = { local: { path: 'in-house/mine' } }
    const { result } = await place.fetch(local, { layout: place.layout })
    expect(result.failure).toBeUndefined()
    expect(await found()).toMatchObject([
      { layout: 'Folder', path: 'in-house/mine', model: 'mine', isComplete: true, receipt: 'Adopted' },
      { layout: 'Folder', path: 'in-house/other', model: 'other', isComplete: true, receipt: 'None' },
    ])
  })

  it('counts a file of several names once', async () => {
    write('one/model.safetensors', weights)
    mkdirSync(join(place.root, 'two'))
    linkSync(join(place.root, 'one/model.safetensors'), join(place.root, 'two/model.safetensors'))
    const { bytes, copies } = await discover(place.root)
    expect(copies.map(copy => copy.bytes)).toEqual([weights.length, weights.length])
    expect(bytes).toBe(weights.length)
  })

  it('writes nothing, and says so of a root that is none', async () => {
    await discover(place.root)
    expect(readdirSync(place.root)).toEqual([])
    await expect(discover('somewhere')).rejects.toThrow('--root must be the absolute path')
  })

  it('is a command that prints one JSON document', async () => {
    await place.fetch(source)
    const entry = join(import.meta.dirname, '../../src/worker/entry.ts')
    const script = `import { workerMain } from ${JSON.stringify(entry)}; process.exit(await workerMain(process.argv.slice(1)))`
    const words = ['--input-type=module', '-e', script, '--', 'discover', '--root', place.root]
    const printed = execFileSync(process.execPath, words, { encoding: 'utf8' })
    expect(JSON.parse(printed)).toEqual(await discover(place.root))
  })
})
