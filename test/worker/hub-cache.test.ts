// A repository from the hub stand-in: resolved, downloaded into the Hub cache layout, verified, removed.
import {
  existsSync,
  lstatSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Hub } from '../stand-ins/hub.ts'
import { startHub } from '../stand-ins/hub.ts'
import { type TinyModel, writeTinyModel } from '../stand-ins/tiny-model.ts'
import { openWorkplace, progressOf, type Workplace } from './workplace.ts'

const folder = join(tmpdir(), `worker-hub-${process.pid}`)
const repo = 'acme/tiny'
const source = { huggingFace: { repo, revision: 'main' } }
let model: TinyModel
let hub: Hub
let place: Workplace

beforeAll(() => {
  model = writeTinyModel(folder, { name: 'tiny', shards: 3, padBytes: 6_000_001, forms: ['huggingFace'] })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))
beforeEach(async () => {
  hub = await startHub({ repos: [{ id: repo, folder: model.folder }], pageSize: 4 })
  place = openWorkplace('HubCache', hub.url)
})
afterEach(async () => {
  await hub.close()
  place.close()
})

const cache = () => join(place.layout.path, 'models--acme--tiny')
const snapshot = (commit: string) => join(cache(), 'snapshots', commit)
const published = (of: TinyModel) => of.files.filter(file => file !== 'README.md')

describe('resolving a repository', () => {
  it('pins the commit, counts the files of one safe format and reads the capabilities', async () => {
    const { code, result } = await place.resolve(source)
    expect(code).toBe(0)
    const { resolution } = result
    expect(resolution).toMatchObject({
      sourceHash: 'hash',
      revision: hub.commitOf(repo),
      files: published(model).length,
      format: 'Safetensors',
      licence: 'apache-2.0',
      gated: false,
      capabilities: {
        task: 'Chat',
        architecture: 'LlamaForCausalLM',
        contextLength: 2048,
        dtype: 'bfloat16',
        quantization: 'none',
        promptTemplatePath: 'chat_template.jinja',
        weightBytes: 6_000_001,
      },
    })
    expect(resolution?.capabilities?.promptTemplate).toBe(
      readFileSync(join(model.folder, 'chat_template.jinja'), 'utf8'),
    )
  })
})

describe('downloading a repository', () => {
  it('publishes every file by a relative link to its blob, a list of exactly these files, and the ref', async () => {
    const { code, result } = await place.fetch(source)
    expect(result).toMatchObject({ copy: { bytesReused: 0, path: snapshot(hub.commitOf(repo)) } })
    expect(code).toBe(0)
    const commit = hub.commitOf(repo)
    expect(readdirSync(snapshot(commit)).sort()).toEqual([...published(model)].sort())
    for (const file of published(model)) {
      expect(readlinkSync(join(snapshot(commit), file))).toMatch(/^\.\.\/\.\.\/blobs\/[0-9a-f]{40,64}$/)
      const bytes = readFileSync(join(snapshot(commit), file))
      expect(bytes.equals(readFileSync(join(model.folder, file))), file).toBe(true)
    }
    const tree = JSON.parse(readFileSync(join(cache(), 'trees', `${commit}.json`), 'utf8'))
    expect(Object.keys(tree.files)).toEqual([...published(model)].sort())
    expect(readFileSync(join(cache(), 'refs/main'), 'utf8')).toBe(commit)
    expect(readdirSync(cache()).sort()).toEqual(['.staging', 'blobs', 'refs', 'snapshots', 'trees'].sort())
    for (const blob of readdirSync(join(cache(), 'blobs'))) {
      expect(statSync(join(cache(), 'blobs', blob)).mode & 0o777).toBe(0o644)
    }
    expect(statSync(snapshot(commit)).mode & 0o777).toBe(0o755)
  })

  it('writes a receipt whose digest is the result, and no intent stays', async () => {
    const { result } = await place.fetch(source)
    const receipt = JSON.parse(place.read('.switchyard/receipts/owner-1.json'))
    expect(receipt).toMatchObject({
      owner: 'owner-1',
      revision: hub.commitOf(repo),
      bytes: result.copy?.bytes,
    })
    expect(result.copy?.receipt).toMatch(/^[0-9a-f]{64}$/)
    expect(readdirSync(join(place.root, '.switchyard/intents'))).toEqual([])
  })

  it('a second time asks nothing and gives the same receipt', async () => {
    const first = await place.fetch(source)
    const askedBefore = hub.requests.filter(request => request.path.includes('-of-00003')).length
    const again = await place.fetch(source)
    expect(again.result.copy).toMatchObject({ receipt: first.result.copy?.receipt, bytesFetched: 0 })
    expect(hub.requests.filter(request => request.path.includes('-of-00003'))).toHaveLength(askedBefore)
  })

  it('prints progress that never goes down and reaches the total only at the end', async () => {
    const ended = await place.fetch(source)
    const progress = progressOf(ended)
    const done = progress.map(p => p.bytesDone ?? 0)
    expect(done).toEqual([...done].sort((a, b) => a - b))
    for (const p of progress)
      if (p.phase !== 'Done' && p.bytesTotal) expect(p.bytesDone ?? 0).toBeLessThan(p.bytesTotal)
  })

  it('that is larger than its budget is refused before the first byte, with both numbers', async () => {
    const { code, result } = await place.fetch(source, { budgetBytes: 1000 })
    expect(code).toBe(11)
    expect(result.failure).toMatchObject({ reason: 'OverBudget', retry: 'WhenAble', haveBytes: 1000 })
    expect(result.failure?.needBytes).toBeGreaterThan(6_000_000)
    expect(hub.requests.filter(request => request.origin === 'cdn')).toEqual([])
    expect(existsSync(join(cache(), 'snapshots'))).toBe(false)
  })

  it('uses bytes that another program left there after hashing them, and never deletes those', async () => {
    await place.fetch(source)
    rmSync(join(place.root, '.switchyard'), { recursive: true })
    const { result } = await place.fetch(source)
    expect(result.copy).toMatchObject({ bytesFetched: 0 })
    const revision = hub.commitOf(repo)
    expect((await place.remove(source, { revision })).result).toEqual({ removed: { bytesFreed: 0 } })
    expect(existsSync(join(snapshot(revision), 'config.json'))).toBe(true)
  })
})

describe('a mirror under a path', () => {
  it('is asked below its path', async () => {
    const mirror = await startHub({
      repos: [{ id: repo, folder: model.folder }],
      prefix: '/api/hf',
      pageSize: 3,
    })
    const { result } = await place.fetch(source, { hubEndpoint: mirror.url })
    await mirror.close()
    expect(result.failure).toBeUndefined()
    expect(hub.requests).toEqual([])
  })
})

describe('verifying a copy', () => {
  it('that is right gives the receipt again', async () => {
    const { result } = await place.fetch(source)
    const verified = await place.verify(source, { revision: hub.commitOf(repo) })
    expect(verified.result.copy).toMatchObject({ receipt: result.copy?.receipt, bytes: result.copy?.bytes })
  })

  it('with one changed byte names the file and both digests, and the next download repairs it', async () => {
    await place.fetch(source)
    const revision = hub.commitOf(repo)
    const file = join(snapshot(revision), 'model-00001-of-00003.safetensors')
    const bytes = readFileSync(file)
    bytes[100]! ^= 1
    writeFileSync(file, bytes)
    const { code, result } = await place.verify(source, { revision })
    expect(code).toBe(10)
    expect(result.failure).toMatchObject({ reason: 'Integrity', retry: 'Never' })
    expect(result.failure?.message).toMatch(
      /model-00001-of-00003.safetensors: sha256 is [0-9a-f]{64}, .* [0-9a-f]{64}/,
    )
    const again = await place.fetch(source)
    expect(again.result.copy?.bytesFetched).toBe(bytes.length)
    expect((await place.verify(source, { revision })).code).toBe(0)
  })

  it('that nobody downloaded here says so', async () => {
    const { result } = await place.verify(source, { revision: hub.commitOf(repo) })
    expect(result.failure).toMatchObject({ reason: 'Integrity', retry: 'Never' })
    expect(result.failure?.message).toContain('downloaded again')
  })
})

describe('removing a copy', () => {
  it('frees its bytes and leaves nothing of the repository; a second time frees none', async () => {
    const { result } = await place.fetch(source)
    const revision = hub.commitOf(repo)
    const removed = await place.remove(source, { revision })
    expect(removed.result).toEqual({ removed: { bytesFreed: result.copy?.bytes } })
    expect(existsSync(cache())).toBe(false)
    expect(readdirSync(join(place.root, '.switchyard/receipts'))).toEqual([])
    expect((await place.remove(source, { revision })).result).toEqual({ removed: { bytesFreed: 0 } })
  })

  it('of one of two revisions keeps what the other needs', async () => {
    const first = hub.commitOf(repo)
    await place.fetch(source)
    const second = hub.addCommit(repo, 'main', { 'config.json': '{"architectures":["LlamaForCausalLM"]}' })
    const other = await place.fetch(source, { owner: 'owner-2' })
    expect(other.result.copy?.bytesFetched).toBe(38)
    const removed = await place.remove(source, { revision: first })
    expect(removed.result.removed?.bytesFreed).toBe(statSync(join(model.folder, 'config.json')).size)
    expect(existsSync(snapshot(first))).toBe(false)
    expect((await place.verify(source, { revision: second, owner: 'owner-2' })).code).toBe(0)
    expect(readFileSync(join(cache(), 'refs/main'), 'utf8')).toBe(second)
  })

  it('of one of two Models with the same commit keeps the files of the other', async () => {
    const revision = hub.commitOf(repo)
    await place.fetch(source)
    const small = {
      huggingFace: { repo, revision: 'main', include: ['config.json', '*-00001-*.safetensors'] },
    }
    await place.fetch(small, { owner: 'owner-2' })
    await place.remove(source, { revision })
    expect(readdirSync(snapshot(revision)).sort()).toEqual([
      'config.json',
      'model-00001-of-00003.safetensors',
    ])
    expect((await place.verify(small, { revision, owner: 'owner-2' })).code).toBe(0)
    expect(lstatSync(join(cache(), 'refs/main')).isFile()).toBe(true)
  })

  it('takes an older revision of the same Model along, or alone', async () => {
    const first = hub.commitOf(repo)
    await place.fetch(source)
    const second = hub.addCommit(repo, 'main', { 'config.json': '{}' })
    await place.fetch(source)
    expect((await place.verify(source, { revision: first })).code).toBe(0)
    await place.remove(source, { revision: first })
    expect(existsSync(snapshot(first))).toBe(false)
    expect((await place.verify(source, { revision: second })).code).toBe(0)
    await place.remove(source, { revision: second })
    expect(existsSync(cache())).toBe(false)
  })
})
