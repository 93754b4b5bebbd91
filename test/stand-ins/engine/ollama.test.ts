// The engine stand-in in Ollama's dialect, as a process over a real store on disk.
import { appendFileSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import {
  type OllamaImage,
  ollamaLayers,
  type TinyModel,
  writeOllamaStore,
  writeTinyModel,
} from '../tiny-model.ts'
import type { EngineFault } from './faults.ts'
import { type EngineProcess, freePort, startEngineProcess } from './start.ts'

const root = mkdtempSync(join(tmpdir(), 'engine-ollama-'))
const aModel = (name: string, fault?: string) =>
  writeTinyModel(join(root, name), { name, forms: ['gguf'], ...(fault === undefined ? {} : { fault }) })
let alpha: TinyModel
let images: Record<string, OllamaImage>
let stores = 0
beforeAll(() => {
  alpha = aModel('alpha')
  images = { alpha: ollamaLayers(alpha), bravo: ollamaLayers(aModel('bravo')) }
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

interface More {
  readonly faults?: readonly EngineFault[]
  readonly environment?: Readonly<Record<string, string>>
}
async function anEngine({ faults = [], environment = {} }: More = {}) {
  const store = join(root, `store-${stores++}`)
  for (const [name, image] of Object.entries(images)) writeOllamaStore(store, `library/${name}:latest`, image)
  const port = await freePort()
  const engine = await startEngineProcess({
    command: ['ollama', 'serve'],
    port,
    faults,
    loadMilliseconds: 1,
    environment: { OLLAMA_HOST: `127.0.0.1:${port}`, OLLAMA_MODELS: store, ...environment },
  })
  onTestFinished(async () => void (await engine.stop('SIGKILL')))
  while (!engine.log().includes('Listening on')) await new Promise(resolve => setTimeout(resolve, 20))
  return { engine, store }
}
type Json = Record<string, unknown>
const get = async (engine: EngineProcess, path: string) =>
  (await (await fetch(engine.url + path)).json()) as Json
async function send(engine: EngineProcess, path: string, body: Json, method = 'POST') {
  const answer = await fetch(engine.url + path, { method, body: JSON.stringify(body) })
  const text = await answer.text()
  return { status: answer.status, body: (text === '' ? {} : JSON.parse(text)) as Json }
}
const load = (engine: EngineProcess, model: string, keep_alive: unknown = -1) =>
  send(engine, '/api/generate', { model, keep_alive })
const loaded = async (engine: EngineProcess) =>
  ((await get(engine, '/api/ps'))['models'] as Json[]).map(m => m['name'])
const messages = [{ role: 'user', content: 'Who?' }]

describe('ollama serve of the stand-in', () => {
  it('lists what the store holds, with the digest of each manifest', async () => {
    const { engine } = await anEngine()
    const { models } = (await get(engine, '/api/tags')) as { models: Json[] }
    const rows = Object.fromEntries(models.map(model => [model['name'], model['digest']]))
    expect(rows).toEqual({ 'alpha:latest': images['alpha']!.digest, 'bravo:latest': images['bravo']!.digest })
    expect(await get(engine, '/api/version')).toEqual({ version: '0.22.0' })
    expect((await send(engine, '/api/show', { model: 'alpha' })).body).toMatchObject({
      capabilities: ['completion'],
      details: { format: 'gguf', quantization_level: 'F16' },
      model_info: { 'general.architecture': 'llama', 'llama.context_length': 2048 },
    })
  })

  it('loads for ever, says so with a year far off, and unloads at once', async () => {
    const { engine } = await anEngine()
    expect((await load(engine, 'alpha')).body).toMatchObject({ done: true, done_reason: 'load' })
    const { models } = (await get(engine, '/api/ps')) as { models: Json[] }
    expect(models).toMatchObject([{ name: 'alpha:latest', digest: images['alpha']!.digest }])
    expect(new Date(String(models[0]!['expires_at'])).getUTCFullYear()).toBeGreaterThan(2300)
    expect((await load(engine, 'alpha', 0)).body).toMatchObject({ done_reason: 'unload' })
    expect(await loaded(engine)).toEqual([])
    expect(engine.stamps().map(stamp => stamp.stamp)).toEqual(['started', 'loading', 'ready', 'unloaded'])
  })

  it('gives the constructed text on every route, streamed and whole', async () => {
    const { engine } = await anEngine()
    const whole = await send(engine, '/api/chat', { model: 'alpha', messages, stream: false })
    expect(whole.body).toMatchObject({ message: { content: alpha.answer }, done_reason: 'stop' })
    const openAi = await send(engine, '/v1/chat/completions', { model: 'alpha', messages })
    expect(openAi.body).toMatchObject({ choices: [{ message: { content: alpha.answer } }] })
    const body = JSON.stringify({ model: 'alpha', prompt: 'x' })
    const lines = (await (await fetch(`${engine.url}/api/generate`, { method: 'POST', body })).text())
      .trim()
      .split('\n')
    expect(lines.map(line => (JSON.parse(line) as { response: string }).response).join('')).toBe(alpha.answer)
  })

  it('a model written while it runs is there at once', async () => {
    const { engine, store } = await anEngine()
    writeOllamaStore(store, 'acme/late:v2', images['bravo']!)
    expect((await load(engine, 'acme/late:v2')).status).toBe(200)
    expect(await loaded(engine)).toEqual(['acme/late:v2'])
  })

  it('says what it does not know in the shape of each API', async () => {
    const { engine } = await anEngine()
    expect(await load(engine, 'nope')).toEqual({ status: 404, body: { error: "model 'nope' not found" } })
    expect(await send(engine, '/v1/chat/completions', { model: 'nope', messages })).toMatchObject({
      status: 404,
      body: { error: { type: 'not_found_error' } },
    })
  })

  it('copies and deletes, keeping the blobs that another name still needs', async () => {
    const { engine, store } = await anEngine()
    expect((await send(engine, '/api/copy', { source: 'alpha', destination: 'active' })).status).toBe(200)
    expect((await send(engine, '/api/delete', { model: 'alpha' }, 'DELETE')).status).toBe(200)
    expect((await load(engine, 'active')).status).toBe(200)
    const before = readdirSync(join(store, 'blobs')).length
    await send(engine, '/api/delete', { model: 'active' }, 'DELETE')
    expect(readdirSync(join(store, 'blobs')).length).toBeLessThan(before)
    expect((await load(engine, 'active')).status).toBe(404)
  })

  it.each(['missing', 'damaged'])('a %s blob is an error at load', async how => {
    const { engine, store } = await anEngine()
    const blob = join(store, 'blobs', images['alpha']!.layers[0]!.digest.replace(':', '-'))
    if (how === 'missing') rmSync(blob)
    else appendFileSync(blob, 'x')
    const refused = await load(engine, 'alpha')
    expect([refused.status, refused.body]).toEqual([
      500,
      { error: expect.stringContaining('unable to load model') },
    ])
    expect(existsSync(blob)).toBe(how === 'damaged')
    expect((await load(engine, 'bravo')).status).toBe(200)
  })

  it('with room for one model, another client evicts even a pinned one', async () => {
    const { engine } = await anEngine({ environment: { OLLAMA_MAX_LOADED_MODELS: '1' } })
    await load(engine, 'alpha')
    await load(engine, 'bravo', '5m')
    expect(await loaded(engine)).toEqual(['bravo:latest'])
  })

  it('a load that fails is a 500, and a fault in the GGUF follows its model', async () => {
    const { engine, store } = await anEngine({ faults: [{ fault: 'load-fails', model: '^bravo' }] })
    expect((await load(engine, 'bravo')).status).toBe(500)
    expect((await load(engine, 'alpha')).status).toBe(200)
    writeOllamaStore(store, 'library/broken:latest', ollamaLayers(aModel('broken', 'load-out-of-memory')))
    expect((await load(engine, 'broken')).body['error']).toContain('requires more system memory')
    expect(await loaded(engine)).toEqual(['alpha:latest'])
  })

  it('a runner that dies at a request is gone afterwards', async () => {
    const { engine } = await anEngine()
    await load(engine, 'alpha')
    await engine.setFaults([{ fault: 'dies-on-request' }])
    expect((await send(engine, '/api/chat', { model: 'alpha', messages })).status).toBe(500)
    expect(await loaded(engine)).toEqual([])
  })

  it('ends on TERM', async () => {
    const { engine } = await anEngine()
    expect(await engine.stop()).toBe(0)
  })
})
