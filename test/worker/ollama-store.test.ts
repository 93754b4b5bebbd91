// A model from the registry stand-in: resolved, downloaded into Ollama's store, verified, removed.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type Registry, startRegistry } from '../stand-ins/registry.ts'
import { type OllamaImage, ollamaLayers, type TinyModel, writeTinyModel } from '../stand-ins/tiny-model.ts'
import { openWorkplace, type Workplace } from './workplace.ts'

const folder = join(tmpdir(), `worker-ollama-${process.pid}`)
const source = { ollama: { name: 'tiny' } }
let model: TinyModel
let image: OllamaImage
let newer: OllamaImage
let registry: Registry
let place: Workplace

beforeAll(() => {
  model = writeTinyModel(folder, { name: 'tiny', forms: ['gguf'] })
  image = ollamaLayers(model)
  newer = ollamaLayers(model, { system: 'You are newer.' })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))
beforeEach(async () => {
  registry = await startRegistry({ models: { 'library/tiny:latest': image } })
  place = openWorkplace('OllamaStore', registry.url)
})
afterEach(async () => {
  await registry.close()
  place.close()
})

const revisionOf = (of: OllamaImage) => `sha256:${of.digest}`
const blobs = () => join(place.layout.path, 'blobs')
const manifest = () => join(place.layout.path, 'manifests/registry.ollama.ai/library/tiny/latest')
const bytesOf = (of: OllamaImage) => [of.config, ...of.layers].reduce((sum, layer) => sum + layer.size, 0)

describe('resolving an Ollama name', () => {
  it('pins the digest of the manifest, counts its bytes and reads configuration and template', async () => {
    const { code, result } = await place.resolve(source)
    expect(code).toBe(0)
    expect(result.resolution).toMatchObject({
      revision: revisionOf(image),
      bytes: bytesOf(image),
      files: 4,
      format: 'Ollama',
      capabilities: {
        task: 'Chat',
        architecture: 'llama',
        quantization: 'F16',
        contextLength: 2048,
        weightBytes: statSync(model.gguf).size,
        promptTemplatePath: image.layers[1]!.digest.replace(':', '-'),
      },
    })
  })

  it('with a pinned digest finds it after the tag moved, or says that it is gone', async () => {
    registry.addModel('tiny', image)
    registry.addModel('library/tiny:latest', newer)
    const pinned = { ollama: { name: 'tiny', digest: revisionOf(image) } }
    expect((await place.resolve(pinned)).result.resolution?.revision).toBe(revisionOf(image))
    const gone = { ollama: { name: 'tiny', digest: `sha256:${'0'.repeat(64)}` } }
    expect((await place.resolve(gone)).result.failure).toMatchObject({
      reason: 'RevisionNotFound',
      retry: 'Never',
    })
  })

  it('that the registry does not have is NotFound', async () => {
    const { result } = await place.resolve({ ollama: { name: 'nothing:7b' } })
    expect(result.failure).toMatchObject({ reason: 'NotFound', retry: 'Never' })
  })

  it.each([
    ['no JSON', 'hello'],
    [
      'a digest that is a path',
      '{"config":{"mediaType":"c","digest":"sha256:../../x","size":1},"layers":[]}',
    ],
  ])('whose manifest is %s is not believed', async (_, text) => {
    registry.addModel('library/tiny:latest', { manifest: Buffer.from(text), blobs: new Map() })
    expect((await place.resolve(source)).result.failure).toMatchObject({
      reason: 'Integrity',
      retry: 'Never',
    })
  })
})

describe('downloading an Ollama model', () => {
  it('stores blobs by digest and the registry’s own manifest bytes under the canonical host', async () => {
    const { code, result } = await place.fetch(source)
    expect(result.failure).toBeUndefined()
    expect(code).toBe(0)
    expect(result.copy).toMatchObject({ bytes: bytesOf(image), bytesFetched: bytesOf(image) })
    expect(result.copy?.path).toBeUndefined()
    expect(readFileSync(manifest()).equals(image.manifest)).toBe(true)
    const names = [image.config, ...image.layers].map(layer => layer.digest.replace(':', '-'))
    expect(readdirSync(blobs()).sort()).toEqual(names.sort())
    expect(statSync(join(blobs(), names[0]!)).nlink).toBe(2)
  })

  it('from a registry that wants a token gives it the one it hands to anybody, and its CDN none', async () => {
    const strict = await startRegistry({ models: { 'library/tiny:latest': image }, challenge: true })
    const { result } = await place.fetch(source, { registryEndpoint: strict.url })
    await strict.close()
    expect(result.failure).toBeUndefined()
    const toCdn = strict.requests.filter(request => request.origin === 'cdn')
    expect(toCdn.length).toBeGreaterThan(0)
    expect(toCdn.some(request => request.authorized)).toBe(false)
  })

  it('with a flipped bit ends without a manifest', async () => {
    registry.setFault(image.layers[0]!.digest, { kind: 'flipBit', at: 5000 })
    const { result } = await place.fetch(source)
    expect(result.failure).toMatchObject({ reason: 'Integrity', retry: 'Never' })
    expect(existsSync(manifest())).toBe(false)
  })

  it('of a tag that moved fetches what was pinned', async () => {
    const { result } = await place.resolve(source)
    registry.addModel('library/tiny:latest', newer)
    const { revision, listDigest } = result.resolution!
    const ended = await place.fetch({ ollama: { name: 'tiny', digest: revision } }, { revision, listDigest })
    expect(ended.code).toBe(0)
    expect(readFileSync(manifest()).equals(image.manifest)).toBe(true)
  })

  it('again after a server pruned a blob puts it back without fetching', async () => {
    await place.fetch(source)
    rmSync(join(blobs(), image.layers[0]!.digest.replace(':', '-')))
    const { result } = await place.fetch(source)
    expect(result.copy?.bytesFetched).toBe(0)
    expect((await place.verify(source, { revision: revisionOf(image) })).code).toBe(0)
  })
})

describe('verifying an Ollama copy', () => {
  it('names a blob with a changed byte, and the next download repairs it', async () => {
    await place.fetch(source)
    const blob = join(blobs(), image.layers[0]!.digest.replace(':', '-'))
    const bytes = readFileSync(blob)
    bytes[9]! ^= 1
    writeFileSync(blob, bytes)
    const { result } = await place.verify(source, { revision: revisionOf(image) })
    expect(result.failure).toMatchObject({ reason: 'Integrity', retry: 'Never' })
    expect((await place.fetch(source)).result.copy?.bytesFetched).toBe(bytes.length)
    expect((await place.verify(source, { revision: revisionOf(image) })).code).toBe(0)
  })

  it('with another manifest under its name says so', async () => {
    await place.fetch(source)
    writeFileSync(manifest(), newer.manifest)
    const { result } = await place.verify(source, { revision: revisionOf(image) })
    expect(result.failure?.message).toContain('the manifest is another one')
  })
})

describe('removing an Ollama copy', () => {
  it('takes manifest and blobs away and frees their bytes; a second time frees none', async () => {
    await place.fetch(source)
    const revision = revisionOf(image)
    expect((await place.remove(source, { revision })).result).toEqual({
      removed: { bytesFreed: bytesOf(image) },
    })
    expect(existsSync(manifest())).toBe(false)
    expect(readdirSync(blobs())).toEqual([])
    expect((await place.remove(source, { revision })).result).toEqual({ removed: { bytesFreed: 0 } })
  })

  it('keeps the blobs that a manifest of somebody else names', async () => {
    await place.fetch(source)
    const other = join(place.layout.path, 'manifests/registry.ollama.ai/library/mine/latest')
    mkdirSync(join(other, '..'), { recursive: true })
    writeFileSync(other, newer.manifest)
    await place.remove(source, { revision: revisionOf(image) })
    expect(existsSync(join(blobs(), image.layers[0]!.digest.replace(':', '-')))).toBe(true)
    expect(existsSync(join(blobs(), image.config.digest.replace(':', '-')))).toBe(
      newer.config.digest === image.config.digest,
    )
  })

  it('takes a Runtime’s alias along, which holds no bytes of its own', async () => {
    await place.fetch(source)
    const alias = join(place.layout.path, 'manifests/registry.ollama.ai/library/active/latest')
    mkdirSync(join(alias, '..'), { recursive: true })
    writeFileSync(alias, image.manifest)
    const removed = await place.remove(source, { revision: revisionOf(image), aliases: ['active'] })
    expect(removed.result).toEqual({ removed: { bytesFreed: bytesOf(image) } })
    expect(existsSync(alias)).toBe(false)
  })
})
