// Copies that somebody else left on the volume: hashed, given a receipt, and never touched.
import {
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { discover } from '../../src/worker/discover.ts'
import { foreignCopies } from '../../src/worker/foreign-copies.ts'
import { sha256 } from '../../src/worker/transfer/digest.ts'
import { type Hub, startHub } from '../stand-ins/hub.ts'
import { type Registry, startRegistry } from '../stand-ins/registry.ts'
import { type OllamaImage, ollamaLayers, writeOllamaStore, writeTinyModel } from '../stand-ins/tiny-model.ts'
import { toSafetensors } from '../stand-ins/weights.ts'
import { openWorkplace, progressOf, type Workplace } from './workplace.ts'

const repo = 'acme/tiny'
const source = { huggingFace: { repo, revision: 'main' } }
const files = {
  'model.safetensors': toSafetensors(Buffer.alloc(1_000_000, 7)),
  'config.json': '{"a":1}',
  'README.md': 'read me',
}

/** Name, inode, time and target of everything below a folder: what changes when anything is touched. */
const look = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map(name => ({ name, ...lstatSync(join(folder, name)) }))
    .filter(entry => lstatSync(join(folder, entry.name)).isDirectory() === false)
    .map(entry => `${entry.name} ${entry.ino} ${entry.mtimeMs} ${entry.nlink}`)
    .sort()

describe('a snapshot that another program left in the Hub cache', () => {
  let hub: Hub
  let place: Workplace
  const cache = () => join(place.layout.path, 'models--acme--tiny')
  const snapshot = () => join(cache(), 'snapshots', hub.commitOf(repo))
  const receipt = () => JSON.parse(place.read('.switchyard/receipts/owner-1.json'))
  const bytesFromCdn = () => hub.requests.filter(({ origin }) => origin === 'cdn').length

  /** As an older client leaves it: links and blobs, the whole repository, no list of ours. */
  beforeEach(async () => {
    hub = await startHub({ repos: [{ id: repo, files }] })
    place = openWorkplace('HubCache', hub.url)
    await place.fetch({ huggingFace: { repo, revision: 'main', include: ['*'] } })
    for (const name of ['.switchyard', 'hub/models--acme--tiny/trees', 'hub/models--acme--tiny/.staging'])
      rmSync(join(place.root, name), { recursive: true })
    hub.requests.length = 0
  })
  afterEach(async () => {
    await hub.close()
    place.close()
  })

  it('is named to whoever would delete the folder around it, and one that we fetched is not', async () => {
    expect(await foreignCopies(join(place.root, 'nothing'))).toEqual([])
    await place.fetch(source)
    expect(await foreignCopies(place.root)).toEqual([repo])
    rmSync(join(place.root, '.switchyard'), { recursive: true })
    rmSync(cache(), { recursive: true })
    await place.fetch(source)
    expect(await foreignCopies(place.root)).toEqual([])
  })

  it('is hashed and gets a receipt; no byte is fetched and nothing of it is touched', async () => {
    const before = look(cache())
    const ended = await place.fetch(source)
    const bytes = files['model.safetensors'].length + 7
    expect(ended.result.copy).toMatchObject({ isAdopted: true, bytesFetched: 0, bytesReused: bytes })
    expect(ended.result.copy?.path).toBe(snapshot())
    expect(bytesFromCdn()).toBe(0)
    expect(look(cache())).toEqual(before)
    expect(receipt()).toMatchObject({ isAdopted: true, finished: { bytesFetched: 0 } })
    expect(receipt().files.map((file: { origin: string }) => file.origin)).toEqual(['Found', 'Found'])
    expect(progressOf(ended).at(-1)?.phase).not.toBe('Downloading')
  })

  it('stays as it was through another download, a verification and the removal of its Model', async () => {
    const first = await place.fetch(source)
    const before = look(cache())
    const again = await place.fetch(source)
    expect(again.result.copy).toMatchObject({ isAdopted: true, receipt: first.result.copy?.receipt })
    const revision = hub.commitOf(repo)
    expect((await place.verify(source, { revision })).result.copy).toMatchObject({ isAdopted: true })
    expect((await place.remove(source, { revision })).result).toEqual({ removed: { bytesFreed: 0 } })
    expect(look(cache())).toEqual(before)
    expect(readdirSync(join(place.root, '.switchyard/receipts'))).toEqual([])
  })

  const asFile = (name: string, blob: string) => {
    unlinkSync(name)
    copyFileSync(blob, name)
  }
  const asOtherBlob = (name: string, blob: string) => {
    renameSync(blob, `${blob}-etag`)
    unlinkSync(name)
    symlinkSync(`${blob}-etag`, name)
  }
  it.each([
    ['files instead of links', asFile],
    ['blobs of other names', asOtherBlob],
  ])('with %s is adopted too', async (_, change) => {
    const path = join(snapshot(), 'model.safetensors')
    change(path, join(snapshot(), readlinkSync(path)))
    const { result } = await place.fetch(source)
    expect(result.copy).toMatchObject({ isAdopted: true, bytesFetched: 0 })
    expect((await place.verify(source, { revision: hub.commitOf(repo) })).code).toBe(0)
  })

  it('with one wrong byte is no copy: that file is fetched, and the rest still is not ours', async () => {
    const path = join(snapshot(), 'model.safetensors')
    const bytes = readFileSync(path)
    bytes[bytes.length - 1]! ^= 1
    writeFileSync(path, bytes)
    const { result } = await place.fetch(source)
    expect(result.copy?.isAdopted).toBeUndefined()
    expect(result.copy?.bytesFetched).toBe(bytes.length)
    await place.remove(source, { revision: hub.commitOf(repo) })
    expect(readdirSync(snapshot()).sort()).toEqual(['README.md', 'config.json'])
  })

  it('that lacks a file is completed', async () => {
    unlinkSync(join(snapshot(), 'model.safetensors'))
    const { result } = await place.fetch(source)
    expect(result.copy).toMatchObject({ bytesFetched: 0 })
    expect(result.copy?.isAdopted).toBeUndefined()
    expect(readFileSync(join(snapshot(), 'model.safetensors')).equals(files['model.safetensors'])).toBe(true)
  })

  it('in which somebody edited a file by hand is refused, and the file stays', async () => {
    const path = join(snapshot(), 'config.json')
    unlinkSync(path)
    writeFileSync(path, '{"a":2}')
    const { result } = await place.fetch(source)
    expect(result.failure).toMatchObject({ reason: 'Integrity', retry: 'Never' })
    expect(result.failure?.message).toContain('config.json is not a link of ours and has other bytes')
    expect(readFileSync(path, 'utf8')).toBe('{"a":2}')
  })

  it('whose weights are not what their name says is refused like one that is fetched', async () => {
    const odd = { 'model.safetensors': Buffer.alloc(100_000, 0x80) }
    hub.addRepo({ id: 'acme/odd', files: odd })
    const oddSnapshot = join(place.layout.path, 'models--acme--odd/snapshots', hub.commitOf('acme/odd'))
    mkdirSync(oddSnapshot, { recursive: true })
    writeFileSync(join(oddSnapshot, 'model.safetensors'), odd['model.safetensors'])
    const { result } = await place.fetch({ huggingFace: { repo: 'acme/odd', revision: 'main' } })
    expect(result.failure).toMatchObject({ reason: 'UnsafeFormat', retry: 'Never' })
  })

  it('that changed after its adoption is found by verifying', async () => {
    await place.fetch(source)
    const path = join(snapshot(), 'config.json')
    writeFileSync(path, '{"a":3}')
    const { result } = await place.verify(source, { revision: hub.commitOf(repo) })
    expect(result.failure).toMatchObject({ reason: 'Integrity' })
    expect(result.failure?.message).toContain(sha256('{"a":3}'))
  })
})

describe('a model that another program left in Ollama’s store', () => {
  const folder = join(tmpdir(), `adopt-ollama-${process.pid}`)
  const ollama = { ollama: { name: 'tiny' } }
  let image: OllamaImage
  let registry: Registry
  let place: Workplace

  beforeAll(() => {
    image = ollamaLayers(writeTinyModel(folder, { name: 'tiny', forms: ['gguf'] }))
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  beforeEach(async () => {
    registry = await startRegistry({ models: { 'library/tiny:latest': image } })
    place = openWorkplace('OllamaStore', registry.url)
    writeOllamaStore(place.layout.path, 'library/tiny', image)
  })
  afterEach(async () => {
    await registry.close()
    place.close()
  })

  it('is hashed and gets a receipt; its blobs get no second name of ours and outlive the Model', async () => {
    const before = look(place.layout.path)
    const { result } = await place.fetch(ollama)
    expect(result.copy).toMatchObject({ isAdopted: true, bytesFetched: 0 })
    const [found] = (await discover(place.root)).copies
    expect(found).toMatchObject({ revision: `sha256:${image.digest}`, isComplete: true, receipt: 'Adopted' })
    const revision = `sha256:${image.digest}`
    expect((await place.verify(ollama, { revision })).code).toBe(0)
    expect((await place.remove(ollama, { revision })).result).toEqual({ removed: { bytesFreed: 0 } })
    expect(look(place.layout.path)).toEqual(before)
  })

  it('under another tag lends its blobs, but the name is ours and goes', async () => {
    const manifests = join(place.layout.path, 'manifests/registry.ollama.ai/library/tiny')
    renameSync(join(manifests, 'latest'), join(manifests, 'mine'))
    const { result } = await place.fetch(ollama)
    expect(result.copy).toMatchObject({ bytesFetched: 0 })
    expect(result.copy?.isAdopted).toBeUndefined()
    await place.remove(ollama, { revision: `sha256:${image.digest}` })
    expect(readdirSync(manifests)).toEqual(['mine'])
    expect(readdirSync(join(place.layout.path, 'blobs'))).toHaveLength(4)
  })
})
