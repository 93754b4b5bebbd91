// The real programs read what the worker wrote: Python's huggingface_hub offline, and a real Ollama that lists and answers.
import { execFile, execFileSync, spawn } from 'node:child_process'
import { existsSync, globSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'
import { freePort } from '../stand-ins/engine/start.ts'
import { startHub } from '../stand-ins/hub.ts'
import { findPython } from '../stand-ins/python-client.ts'
import { startRegistry } from '../stand-ins/registry.ts'
import { ollamaLayers, writeTinyModel } from '../stand-ins/tiny-model.ts'
import { openWorkplace } from './workplace.ts'

const folder = join(tmpdir(), `worker-real-${process.pid}`)
const model = writeTinyModel(folder, { name: 'tiny', answer: 'I am tiny and real.' })
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const found = findPython()
const hasPython = 'bin' in found
const python = hasPython ? join(found.bin, 'python') : ''
if (!hasPython) console.log(`SKIPPED: the real Python client reads our cache: ${found.why}`)

const ollama = [
  process.env['SWITCHYARD_OLLAMA'],
  ...globSync(join(homedir(), '.cache/switchyard/ollama/*/bin/ollama')),
].find(path => path && existsSync(path))
if (!ollama) console.log('SKIPPED: the real Ollama reads our store: no ollama program is there')

const offline = (cache: string) => ({
  PATH: process.env['PATH'],
  HF_HUB_CACHE: cache,
  HF_HUB_OFFLINE: '1',
  HF_HUB_DISABLE_TELEMETRY: '1',
})

describe.skipIf(!hasPython)('the real Python client, offline', () => {
  it('finds a filtered snapshot by branch and by commit, and every file in it', async () => {
    const hub = await startHub({ repos: [{ id: 'acme/tiny', folder: model.folder }] })
    const place = openWorkplace('HubCache', hub.url)
    const { result } = await place.fetch({ huggingFace: { repo: 'acme/tiny', revision: 'main' } })
    const commit = hub.commitOf('acme/tiny')
    await hub.close()
    const script = `
from huggingface_hub import snapshot_download, hf_hub_download, scan_cache_dir
print(snapshot_download('acme/tiny'))
print(snapshot_download('acme/tiny', revision='${commit}'))
print(hf_hub_download('acme/tiny', 'config.json'))
info = scan_cache_dir()
print(len(info.warnings), [len(r.revisions) for r in info.repos], [r.repo_id for r in info.repos])
`
    const out = execFileSync(python, ['-c', script], { env: offline(place.layout.path), encoding: 'utf8' })
    const path = result.copy?.path ?? ''
    expect(out.trim().split('\n')).toEqual([path, path, join(path, 'config.json'), "0 [1] ['acme/tiny']"])
    place.close()
  })
})

describe.skipIf(!hasPython)('what the real Python client has fetched', () => {
  it('is adopted as it is, and is the same to Python afterwards, also when its Model is gone', async () => {
    const hub = await startHub({ repos: [{ id: 'acme/tiny', folder: model.folder }] })
    const place = openWorkplace('HubCache', hub.url)
    const online = { ...offline(place.layout.path), HF_HUB_OFFLINE: '0', HF_ENDPOINT: hub.url }
    const env = { ...online, HF_HUB_DISABLE_XET: '1', HF_TOKEN: '' }
    await promisify(execFile)(join(python, '../hf'), ['download', 'acme/tiny'], { env })
    const source = { huggingFace: { repo: 'acme/tiny', revision: 'main' } }
    const scan = `
from huggingface_hub import scan_cache_dir, snapshot_download
info = scan_cache_dir()
print(snapshot_download('acme/tiny'), info.size_on_disk, [(f.file_name, f.blob_path, f.blob_last_modified) for r in info.repos for v in r.revisions for f in sorted(v.files, key=str)])
`
    const look = () =>
      execFileSync(python, ['-c', scan], { env: offline(place.layout.path), encoding: 'utf8' })
    const before = look()
    const { result } = await place.fetch(source)
    expect(result.copy).toMatchObject({ isAdopted: true, bytesFetched: 0 })
    expect(look()).toBe(before)
    await place.remove(source, { revision: hub.commitOf('acme/tiny') })
    expect(look()).toBe(before)
    await hub.close()
    place.close()
  })
})

interface Answer {
  readonly models?: readonly unknown[]
  readonly message?: { readonly content: string }
  readonly details?: { readonly family: string }
}

/** As the worker names it where hard links are refused. */
const useInPlace = (root: string, blob: string) => {
  mkdirSync(join(root, 'hub'))
  renameSync(join(root, 'ollama/blobs', blob), join(root, 'hub', blob))
  rmSync(join(root, '.switchyard/blobs', blob))
  symlinkSync(join('../../hub', blob), join(root, 'ollama/blobs', blob))
}

const startOllama = async (store: string) => {
  const url = `http://127.0.0.1:${await freePort()}`
  const env = { ...process.env, OLLAMA_HOST: url, OLLAMA_MODELS: store, HOME: folder }
  const child = spawn(ollama!, ['serve'], { env, stdio: 'ignore' })
  for (let i = 0; i < 100; i++) {
    if (await fetch(url).then(r => r.ok, () => false)) break // biome-ignore format: one line
    await sleep(100)
  }
  const ask = async (path: string, body?: object) => {
    const init = body ? { method: 'POST', body: JSON.stringify(body) } : {}
    return (await fetch(url + path, init)).json() as Promise<Answer>
  }
  return { ask, stop: () => child.kill() }
}

describe.skipIf(!ollama)('the real Ollama', () => {
  it('that runs already lists what was written under its feet, by our digest, and answers from it', async () => {
    const image = ollamaLayers(model)
    const registry = await startRegistry({ models: { 'library/tiny:latest': image } })
    const place = openWorkplace('OllamaStore', registry.url)
    const server = await startOllama(place.layout.path)
    const source = { ollama: { name: 'tiny' } }
    try {
      expect((await server.ask('/api/tags')).models).toEqual([])
      expect((await place.fetch(source)).code).toBe(0)
      const { models } = await server.ask('/api/tags')
      expect(models).toMatchObject([{ name: 'tiny:latest', digest: image.digest }])
      const body = { model: 'tiny', stream: false, messages: [{ role: 'user', content: 'Who?' }] }
      expect((await server.ask('/api/chat', body)).message?.content.trim()).toBe(model.answer)
      await server.ask('/api/generate', { model: 'tiny', keep_alive: 0 })
      await place.remove(source, { revision: `sha256:${image.digest}` })
      expect((await server.ask('/api/tags')).models).toEqual([])
    } finally {
      server.stop()
      await registry.close()
    }
    expect(existsSync(join(place.layout.path, 'manifests/registry.ollama.ai'))).toBe(false)
    place.close()
  })

  it('answers from a GGUF of the Hub, by our manifest', async () => {
    const template = '{{- range .Messages }}<|{{ .Role }}|>\n{{ .Content }}<|eos|>\n{{ end }}<|assistant|>\n'
    const files = {
      'tiny.gguf': { file: model.gguf },
      template,
      params: '{"stop":["<|eos|>"],"temperature":0}',
    }
    const hub = await startHub({ repos: [{ id: 'acme/tiny-GGUF', files }] })
    const place = openWorkplace('OllamaStore', hub.url)
    const server = await startOllama(place.layout.path)
    const huggingFace = { repo: 'acme/tiny-GGUF', revision: 'main', include: ['*.gguf'], tag: 'tiny' }
    try {
      expect((await place.fetch({ huggingFace })).code).toBe(0)
      const { revision } = (await place.resolve({ huggingFace })).result.resolution!
      const { models } = await server.ask('/api/tags')
      const digest = revision.split('+sha256:')[1]
      expect(models).toMatchObject([{ name: 'hf.co/acme/tiny-GGUF:tiny', digest }])
      const messages = [{ role: 'user', content: 'Who?' }]
      const body = { model: 'hf.co/acme/tiny-GGUF:tiny', stream: false, messages }
      expect((await server.ask('/api/chat', body)).message?.content.trim()).toBe(model.answer)
    } finally {
      server.stop()
      await hub.close()
      place.close()
    }
  })

  it('that starts afterwards prunes nothing of it, and reads a blob that lies in another store', async () => {
    const image = ollamaLayers(model)
    const registry = await startRegistry({ models: { 'library/tiny:latest': image } })
    const place = openWorkplace('OllamaStore', registry.url)
    const source = { ollama: { name: 'tiny' } }
    await place.fetch(source)
    await registry.close()
    useInPlace(place.root, image.layers[0]!.digest.replace(':', '-'))
    const server = await startOllama(place.layout.path)
    try {
      expect((await server.ask('/api/tags')).models).toHaveLength(1)
      expect((await server.ask('/api/show', { model: 'tiny' })).details?.family).toBe('llama')
      const messages = [{ role: 'user', content: 'Who?' }]
      const told = await server.ask('/api/chat', { model: 'tiny', stream: false, messages })
      expect(told.message?.content.trim()).toBe(model.answer)
    } finally {
      server.stop()
    }
    expect((await place.verify(source, { revision: `sha256:${image.digest}` })).code).toBe(0)
    expect(readFileSync(join(place.layout.path, 'manifests/registry.ollama.ai/library/tiny/latest'))).toEqual(
      image.manifest,
    )
    place.close()
  })
})
