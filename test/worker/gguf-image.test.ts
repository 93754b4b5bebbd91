// A GGUF of a repository in Ollama's store: our manifest over its blob, the same for the same files, ours to take away.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { discover } from '../../src/worker/discover.ts'
import { sha256 } from '../../src/worker/transfer/digest.ts'
import { type Hub, startHub } from '../stand-ins/hub.ts'
import { type TinyModel, writeTinyModel } from '../stand-ins/tiny-model.ts'
import { toSafetensors } from '../stand-ins/weights.ts'
import { openWorkplace, type Workplace } from './workplace.ts'

const folder = join(tmpdir(), `gguf-image-${process.pid}`)
const template = '{{ .Prompt }}'
const include = ['tiny-Q4.gguf']
const source = { huggingFace: { repo: 'acme/tiny', revision: 'main', include, tag: 'my-model' } }
let model: TinyModel
let hub: Hub
let place: Workplace

beforeAll(() => {
  model = writeTinyModel(folder, { name: 'tiny', forms: ['gguf'] })
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))
beforeEach(async () => {
  const gguf = { file: model.gguf }
  const files = {
    'tiny-Q4.gguf': gguf,
    'tiny-Q8.gguf': gguf,
    template,
    params: '{"stop":["x"]}',
    'README.md': 'r',
  }
  hub = await startHub({ repos: [{ id: 'acme/tiny', files }] })
  place = openWorkplace('OllamaStore', hub.url)
})
afterEach(async () => {
  await hub.close()
  place.close()
})

const manifestFile = () => join(place.layout.path, 'manifests/hf.co/acme/tiny/my-model')
const blobs = () => join(place.layout.path, 'blobs')
const weights = () => `sha256-${sha256(readFileSync(model.gguf))}`
const resolved = async () => (await place.resolve(source)).result.resolution!

describe('resolving a repository of GGUF', () => {
  it('pins the commit and the manifest that it will have, and reads what the header tells', async () => {
    const resolution = await resolved()
    expect(resolution.revision).toMatch(new RegExp(`^${hub.commitOf('acme/tiny')}\\+sha256:[0-9a-f]{64}$`))
    expect(resolution).toMatchObject({
      format: 'GGUF',
      files: 4,
      capabilities: { task: 'Chat', contextLength: 2048, weightBytes: statSync(model.gguf).size },
    })
    expect((await resolved()).revision).toBe(resolution.revision)
  })

  it('of which the patterns leave several is refused, and the field named', async () => {
    const both = { huggingFace: { ...source.huggingFace, include: ['*.gguf'] } }
    const { result } = await place.resolve(both)
    expect(result.failure).toMatchObject({ reason: 'InvalidSpec', retry: 'Never' })
    expect(result.failure?.message).toContain('2 are left: tiny-Q4.gguf, tiny-Q8.gguf')
  })
})

describe('downloading a GGUF into Ollama’s store', () => {
  it('fetches its one blob, writes the small layers and a manifest of ours over them', async () => {
    const { revision } = await resolved()
    hub.requests.length = 0
    const { result, code } = await place.fetch(source)
    expect(result.failure).toBeUndefined()
    expect(code).toBe(0)
    expect(result.copy).toMatchObject({ bytesFetched: statSync(model.gguf).size })
    const manifest = readFileSync(manifestFile())
    expect(revision.endsWith(`sha256:${sha256(manifest)}`)).toBe(true)
    const { config, layers } = JSON.parse(manifest.toString('utf8'))
    expect(layers.map((layer: { mediaType: string }) => layer.mediaType.split('.').at(-1))).toEqual([
      'model',
      'template',
      'params',
    ])
    for (const { digest, size } of [config, ...layers]) {
      const bytes = readFileSync(join(blobs(), digest.replace(':', '-')))
      expect([`sha256:${sha256(bytes)}`, bytes.length]).toEqual([digest, size])
    }
    expect(layers[1].digest).toBe(`sha256:${sha256(template)}`)
    expect(readdirSync(blobs())).toHaveLength(4)
  })

  it('is verified, found done a second time, and gone with its Model', async () => {
    const { revision } = await resolved()
    const { result } = await place.fetch(source)
    expect((await place.verify(source, { revision })).code).toBe(0)
    expect((await discover(place.root)).copies).toMatchObject([
      { model: 'hf.co/acme/tiny:my-model', isComplete: true, receipt: 'Fetched' },
    ])
    expect((await place.fetch(source)).result.copy).toMatchObject({
      bytesFetched: 0,
      receipt: result.copy?.receipt,
    })
    const removed = await place.remove(source, { revision })
    expect(removed.result).toEqual({ removed: { bytesFreed: result.copy?.bytes } })
    expect(existsSync(manifestFile())).toBe(false)
    expect(readdirSync(blobs())).toEqual([])
  })

  it('that Ollama has already under another name costs nothing and keeps that', async () => {
    mkdirSync(blobs(), { recursive: true })
    mkdirSync(join(place.layout.path, 'manifests'))
    writeFileSync(join(blobs(), weights()), readFileSync(model.gguf))
    const { result } = await place.fetch(source)
    expect(result.copy).toMatchObject({ bytesFetched: 0 })
    await place.remove(source, await resolved())
    expect(readdirSync(blobs())).toEqual([weights()])
  })

  it('with a changed template is another revision under the same name', async () => {
    const before = await resolved()
    await place.fetch(source)
    hub.addCommit('acme/tiny', 'main', { template: 'other {{ .Prompt }}' })
    const after = await resolved()
    expect(after.revision).not.toBe(before.revision)
    expect((await place.fetch(source)).result.copy?.bytesFetched).toBe(0)
    expect(after.revision.endsWith(`sha256:${sha256(readFileSync(manifestFile()))}`)).toBe(true)
  })

  it('into a Hub cache, and safetensors into Ollama’s store, are refused before the first byte', async () => {
    const layout = { ...place.layout, kind: 'HubCache' }
    const { result } = await place.fetch(source, { layout })
    expect(result.failure).toMatchObject({ reason: 'EngineCannotServe', retry: 'Never' })
    hub.addRepo({ id: 'acme/safe', files: { 'model.safetensors': toSafetensors('x') } })
    const safe = { huggingFace: { repo: 'acme/safe', revision: 'main', tag: 'safe' } }
    expect((await place.fetch(safe)).result.failure).toMatchObject({ reason: 'EngineCannotServe' })
    expect(hub.requests.filter(({ origin, path }) => origin === 'cdn' && path.includes('safe'))).toEqual([])
  })
})
