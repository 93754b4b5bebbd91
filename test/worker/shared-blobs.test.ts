// The same bytes in several stores of one volume: one inode, fetched once, kept until the last copy goes.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { parseWorkerResult, type WorkerTask } from '../../src/domain/worker-task.ts'
import { sha256 } from '../../src/worker/transfer/digest.ts'
import { whyNotAsOther } from '../builders/other-user.ts'
import { toContent } from '../stand-ins/content.ts'
import { type Hub, startHub } from '../stand-ins/hub.ts'
import { type Registry, startRegistry } from '../stand-ins/registry.ts'
import { writeTinyModel } from '../stand-ins/tiny-model.ts'
import { toSafetensors } from '../stand-ins/weights.ts'
import { openWorkplace, run, type Workplace } from './workplace.ts'

const weights = toSafetensors(Buffer.alloc(2_000_000, 7))
const hex = sha256(weights)
const [first, second] = ['acme/first', 'acme/second']
const one = { huggingFace: { repo: first, revision: 'main' } }
const other = { huggingFace: { repo: second, revision: 'main' } }
let hub: Hub
let place: Workplace

beforeEach(async () => {
  hub = await startHub({
    repos: [
      { id: first, files: { 'model.safetensors': weights, 'config.json': '{"a":1}' } },
      { id: second, files: { 'model.safetensors': weights, 'config.json': '{"b":2}' } },
    ],
  })
  place = openWorkplace('HubCache', hub.url)
})
afterEach(async () => {
  await hub.close()
  place.close()
})

const blobOf = (repo: string, blob = hex) =>
  join(place.layout.path, `models--${repo.replace('/', '--')}`, 'blobs', blob)
const originsOf = (owner: string) =>
  JSON.parse(place.read(`.switchyard/receipts/${owner}.json`)).files.map(
    (file: { path: string; origin: string }) => [file.path, file.origin],
  )
const fetchOther = (more: object = {}) => place.fetch(other, { owner: 'owner-2', ...more })
const removeOther = () => place.remove(other, { owner: 'owner-2', revision: hub.commitOf(second) })
/** What a removal tells of an owner that keeps the weights: the receipt is the one that stands there now. */
const fallenTo = (owner: string, bytes = weights.length) => ({
  owner,
  bytes,
  receipt: sha256(place.read(`.switchyard/receipts/${owner}.json`)),
})
const removeOne = () => place.remove(one, { revision: hub.commitOf(first) })

/** As a program that is not ours leaves them. */
const leave = (path: string, bytes: Uint8Array | string) => {
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, bytes)
}

describe('weights that another repository of the cache holds', () => {
  it('are not fetched: one inode has both names, and they cost neither bytes nor budget', async () => {
    await place.fetch(one)
    hub.requests.length = 0
    const { result } = await fetchOther({ budgetBytes: 100 })
    expect(result.copy).toMatchObject({ bytesFetched: 7, bytesReused: weights.length })
    expect(hub.requests.filter(({ origin }) => origin === 'cdn')).toEqual([])
    expect(statSync(blobOf(second)).ino).toBe(statSync(blobOf(first)).ino)
    expect(originsOf('owner-2')).toEqual([
      ['config.json', 'Fetched'],
      ['model.safetensors', 'Linked'],
    ])
    expect(result.copy?.note).toBeUndefined()
    expect((await place.verify(other, { owner: 'owner-2', revision: hub.commitOf(second) })).code).toBe(0)
  })

  it('stay when the first copy goes, whatever their age, and go with the last', async () => {
    await place.fetch(one)
    await fetchOther()
    utimesSync(blobOf(first), 0, 0)
    expect((await removeOne()).result.removed).toMatchObject({ bytesFreed: 7 })
    expect(readFileSync(blobOf(second)).equals(weights)).toBe(true)
    expect((await removeOther()).result.removed).toEqual({ bytesFreed: weights.length + 7 })
    expect(existsSync(blobOf(second))).toBe(false)
  })

  it('stay when the second copy goes first', async () => {
    await place.fetch(one)
    await fetchOther()
    expect((await removeOther()).result.removed).toEqual({ bytesFreed: 7 })
    expect((await place.verify(one, { revision: hub.commitOf(first) })).code).toBe(0)
  })

  it('are hashed, also when a receipt vouches for them: wrong ones are fetched', async () => {
    await place.fetch(one)
    const wrong = Buffer.from(weights)
    wrong[wrong.length - 1]! ^= 1
    writeFileSync(blobOf(first), wrong)
    const { result } = await fetchOther()
    expect(result.copy).toMatchObject({ bytesFetched: weights.length + 7 })
    expect(readFileSync(blobOf(second)).equals(weights)).toBe(true)
  })

  it('found wrong by one copy are trusted by none, and each repairs its own', async () => {
    await place.fetch(one)
    await fetchOther()
    const wrong = Buffer.from(weights)
    wrong[wrong.length - 1]! ^= 1
    writeFileSync(blobOf(first), wrong)
    expect((await place.verify(one, { revision: hub.commitOf(first) })).code).toBe(10)
    expect((await place.fetch(one)).result.copy?.bytesFetched).toBe(weights.length)
    expect(readFileSync(blobOf(second)).equals(wrong)).toBe(true)
    const repaired = await fetchOther()
    expect(repaired.result.copy).toMatchObject({ bytesFetched: 0, bytesReused: weights.length + 7 })
    expect(statSync(blobOf(second)).ino).toBe(statSync(blobOf(first)).ino)
  })

  it('of another program are linked too, and only our name of them is ever removed', async () => {
    leave(blobOf('somebody/else'), weights)
    expect((await place.fetch(one)).result.copy).toMatchObject({ bytesFetched: 7 })
    await removeOne()
    expect(existsSync(blobOf(first))).toBe(false)
    expect(readFileSync(blobOf('somebody/else')).equals(weights)).toBe(true)
  })

  it('that only their owner may read are fetched, for an engine may be somebody else', async () => {
    leave(blobOf('somebody/else'), weights)
    chmodSync(blobOf('somebody/else'), 0o600)
    expect((await place.fetch(one)).result.copy?.bytesFetched).toBe(weights.length + 7)
  })
})

describe('the account that shared weights are on', () => {
  const third = 'acme/third'
  const another = { huggingFace: { repo: third, revision: 'main' } }
  const fetchThird = () => {
    hub.addRepo({ id: third, files: { 'model.safetensors': weights, 'config.json': '{"c":333}' } })
    return place.fetch(another, { owner: 'owner-3' })
  }

  it('falls to who was next, and from there to the one after', async () => {
    await place.fetch(one)
    await fetchOther()
    await fetchThird()
    const first = await removeOne()
    expect(first.result.removed).toEqual({ bytesFreed: 7, fallen: [fallenTo('owner-2')] })
    expect(originsOf('owner-2')).toContainEqual(['model.safetensors', 'Fetched'])
    expect(originsOf('owner-3')).toContainEqual(['model.safetensors', 'Linked'])
    const next = await removeOther()
    expect(next.result.removed).toEqual({ bytesFreed: 7, fallen: [fallenTo('owner-3')] })
    const last = await place.remove(another, { owner: 'owner-3', revision: hub.commitOf(third) })
    expect(last.result.removed).toEqual({ bytesFreed: weights.length + 9 })
  })

  it('stays where it is when a copy goes that only had a name of them', async () => {
    await place.fetch(one)
    await fetchOther()
    await fetchThird()
    expect((await removeOther()).result.removed).toEqual({ bytesFreed: 7 })
    expect((await removeOne()).result.removed).toEqual({ bytesFreed: 7, fallen: [fallenTo('owner-3')] })
  })

  it('is that of nobody here while the bytes are those of another program', async () => {
    leave(blobOf('somebody/else'), weights)
    await place.fetch(one)
    await fetchOther()
    expect((await removeOne()).result.removed).toEqual({ bytesFreed: 7 })
  })

  it('falls within one repository, too: of two Models the one that stays', async () => {
    await place.fetch(one)
    const twin = await place.fetch(one, { owner: 'owner-2' })
    expect(twin.result.copy?.bytesFetched).toBe(0)
    const { result } = await removeOne()
    expect(result.removed).toEqual({ bytesFreed: 0, fallen: [fallenTo('owner-2', weights.length + 7)] })
    const rest = await place.remove(one, { owner: 'owner-2', revision: hub.commitOf(first) })
    expect(rest.result.removed).toEqual({ bytesFreed: weights.length + 7 })
  })

  it('is not changed by the second of two Models of one repository', async () => {
    await place.fetch(one)
    await place.fetch(one, { owner: 'owner-2' })
    const gone = await place.remove(one, { owner: 'owner-2', revision: hub.commitOf(first) })
    expect(gone.result.removed).toEqual({ bytesFreed: 0 })
  })

  it('stays with a Model that has another revision of them', async () => {
    await place.fetch(one)
    const before = hub.commitOf(first)
    hub.addCommit(first, 'main', { 'config.json': '{"a":22}' })
    await place.fetch(one)
    await fetchOther()
    const older = await place.remove(one, { revision: before })
    expect(older.result.removed).toEqual({ bytesFreed: 7 })
    const newest = await place.remove(one, { revision: hub.commitOf(first) })
    expect(newest.result.removed).toEqual({ bytesFreed: 8, fallen: [fallenTo('owner-2')] })
  })
})

describe('weights in Ollama’s store and in the Hub cache of one volume', () => {
  const folder = mkdtempSync(join(tmpdir(), 'shared-gguf-'))
  const gguf = readFileSync(writeTinyModel(folder, { name: 'tiny', forms: ['gguf'] }).gguf)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const digest = `sha256:${sha256(gguf)}`
  const config = Buffer.from('{"model_format":"gguf"}')
  const configDigest = `sha256:${sha256(config)}`
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      config: { mediaType: 'c', digest: configDigest, size: config.length },
      layers: [{ mediaType: 'application/vnd.ollama.image.model', digest, size: gguf.length }],
    }),
  )
  const ollama = { ollama: { name: 'tiny' } }
  const stored = () => join(place.root, 'ollama/blobs', digest.replace(':', '-'))
  const cached = () => blobOf('acme/gguf', sha256(gguf))
  let registry: Registry

  beforeEach(async () => {
    const blobs = new Map([
      [digest, toContent(gguf)],
      [configDigest, toContent(config)],
    ])
    registry = await startRegistry({ models: { 'library/tiny:latest': { manifest, blobs } } })
  })
  afterEach(() => registry.close())

  const fetchOllama = () =>
    place.fetch(ollama, {
      owner: 'owner-2',
      registryEndpoint: registry.url,
      layout: { root: place.root, kind: 'OllamaStore', path: join(place.root, 'ollama') },
    })

  it('are one inode for both engines, whoever came first', async () => {
    leave(cached(), gguf)
    const { result } = await fetchOllama()
    expect(result.copy).toMatchObject({ bytesFetched: config.length, bytesReused: gguf.length })
    expect(statSync(stored()).ino).toBe(statSync(cached()).ino)
  })

  it('are kept for the one when the other goes', async () => {
    leave(cached(), gguf)
    await fetchOllama()
    const task = { owner: 'owner-2', revision: `sha256:${sha256(manifest)}` }
    const layout = { root: place.root, kind: 'OllamaStore', path: join(place.root, 'ollama') }
    const { result } = await place.remove(ollama, { ...task, layout })
    expect(result.removed).toEqual({ bytesFreed: config.length })
    expect(existsSync(stored())).toBe(false)
    expect(readFileSync(cached()).equals(gguf)).toBe(true)
  })
})

const isGuarded = existsSync('/proc/sys/fs/protected_hardlinks')
  ? readFileSync('/proc/sys/fs/protected_hardlinks', 'utf8').trim() === '1'
  : false
const whyNotRefused = whyNotAsOther() ?? (isGuarded ? undefined : 'fs.protected_hardlinks is not 1')
if (whyNotRefused) console.log(`SKIPPED: a volume that refuses hard links: ${whyNotRefused}`)

const script = `
  import { workerMain } from ${JSON.stringify(join(import.meta.dirname, '../../src/worker/entry.ts'))}
  process.exit(await workerMain(process.argv.slice(1)))
`

/** As a user whom the kernel refuses hard links to the files of others. */
const runAsNobody = async (task: object) => {
  const words = ['--input-type=module', '-e', script, '--', 'run', '--task', JSON.stringify(task)]
  const child = spawn(process.execPath, words, {
    stdio: ['ignore', 'pipe', 'inherit'],
    uid: 65_534,
    gid: 65_534,
    env: { HOME: '/tmp' },
  })
  let text = ''
  child.stdout.on('data', chunk => {
    text += chunk
  })
  await once(child, 'close')
  return parseWorkerResult(text)
}

describe.skipIf(whyNotRefused)('where hard links are refused', () => {
  const fetchAsNobody = async () => {
    const task = { owner: 'owner-2', sourceHash: 'hash', source: other, hubEndpoint: hub.url }
    const { result } = await run({ ...task, command: 'resolve' } as WorkerTask)
    const { revision, listDigest } = result.resolution!
    return runAsNobody({ ...task, command: 'download', revision, listDigest, layout: place.layout })
  }
  const openToAll = () => {
    for (const folder of ['', '.switchyard', '.switchyard/receipts', '.switchyard/intents', 'hub'])
      chmodSync(join(place.root, folder), 0o777)
    chmodSync(join(place.root, '.switchyard/staging'), 0o777)
  }

  it('the bytes are used where they lie, that is said, and there is no second copy', async () => {
    await place.fetch(one)
    openToAll()
    const note = 'the volume refuses hard links: 1 of its blobs are used where another copy keeps them'
    const result = await fetchAsNobody()
    expect(result?.copy).toMatchObject({ bytesFetched: 7, bytesReused: weights.length })
    expect(result?.copy?.note).toBe(note)
    expect(readlinkSync(blobOf(second))).toBe(`../../models--acme--first/blobs/${hex}`)
    expect(originsOf('owner-2')).toContainEqual(['model.safetensors', 'InPlace'])
    const verified = await place.verify(other, { owner: 'owner-2', revision: hub.commitOf(second) })
    expect(verified.result.copy?.note).toBe(note)
  })

  it('the last name gets the bytes when the copy that held them goes', async () => {
    await place.fetch(one)
    openToAll()
    await fetchAsNobody()
    expect((await removeOne()).result.removed).toEqual({ bytesFreed: 7, fallen: [fallenTo('owner-2')] })
    expect(lstatSync(blobOf(second)).isFile()).toBe(true)
    expect((await place.verify(other, { owner: 'owner-2', revision: hub.commitOf(second) })).code).toBe(0)
    expect((await removeOther()).result.removed).toEqual({ bytesFreed: weights.length + 7 })
  })
})
