// The real Ollama pulls from the registry stand-in and answers with the constructed text: what keeps both honest.
import { existsSync, globSync, mkdtempSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from './engine/start.ts'
import { type Registry, startRegistry } from './registry.ts'
import {
  type OllamaImage,
  ollamaLayers,
  type TinyModel,
  writeOllamaStore,
  writeTinyModel,
} from './tiny-model.ts'

/** SWITCHYARD_OLLAMA, else the newest one that a build left in the cache. */
function findOllama(): string | undefined {
  const cached = globSync(join(homedir(), '.cache/switchyard/ollama/*/bin/ollama')).sort().reverse()
  const places = [process.env['SWITCHYARD_OLLAMA'], ...cached]
  return places.find(place => place !== undefined && existsSync(place))
}

const program = findOllama()
if (program === undefined)
  console.log(
    'SKIPPED: the real Ollama against the registry stand-in: no ollama program (set SWITCHYARD_OLLAMA)',
  )

describe.skipIf(program === undefined)('the real Ollama', () => {
  const root = mkdtempSync(join(tmpdir(), 'registry-real-'))
  const store = join(root, 'models')
  let pulled: TinyModel
  let image: OllamaImage
  let registry: Registry
  let url: string
  let stop: () => Promise<unknown>

  beforeAll(async () => {
    pulled = writeTinyModel(root, { name: 'pulled', answer: 'I came from the registry.', forms: ['gguf'] })
    image = ollamaLayers(pulled)
    registry = await startRegistry({ models: { 'library/pulled:latest': image } })
    const port = await freePort()
    url = `http://127.0.0.1:${port}`
    const server = execa(program!, ['serve'], {
      env: { OLLAMA_HOST: `127.0.0.1:${port}`, OLLAMA_MODELS: store, HOME: root },
      reject: false,
      all: true,
    })
    stop = () => {
      server.kill()
      return server
    }
    for (let i = 0; i < 100; i++) {
      const answer = await fetch(`${url}/api/version`).catch(() => undefined)
      if (answer?.ok) return
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    server.kill()
    throw new Error(`the real Ollama did not start:\n${(await server).all}`)
  })
  afterAll(async () => {
    await stop()
    await registry.close()
    rmSync(root, { recursive: true, force: true })
  })

  const post = (path: string, body: unknown) =>
    fetch(url + path, { method: 'POST', body: JSON.stringify(body) }).then(answer => answer.text())
  const pull = (model: string) => post('/api/pull', { model, insecure: true })
  const ask = async (model: string) => {
    const body = { model, messages: [{ role: 'user', content: 'Who are you?' }], stream: false }
    const text = await post('/api/chat', body)
    return (JSON.parse(text) as { message?: { content: string } }).message?.content ?? text
  }
  const tags = async () =>
    (await (await fetch(`${url}/api/tags`)).json()) as { models: { name: string; digest: string }[] }

  it('pulls from the registry stand-in and answers with the constructed text', async () => {
    const name = `${registry.address}/library/pulled:latest`
    expect(await pull(name)).toContain('"status":"success"')
    expect((await tags()).models.find(model => model.name === name)?.digest).toBe(image.digest)
    expect(await ask(name)).toBe(pulled.answer)
    expect(registry.requests.some(r => r.origin === 'cdn' && r.range !== undefined)).toBe(true)
  })

  it('answers from a store written with our layers, at once', async () => {
    const model = writeTinyModel(root, { name: 'written', answer: 'Grüße, ünïcode ☃ too', forms: ['gguf'] })
    writeOllamaStore(store, 'library/written:latest', ollamaLayers(model))
    expect(await ask('written')).toBe(model.answer)
  })

  it('answers from a padded model too', async () => {
    const model = writeTinyModel(root, { name: 'padded', padBytes: 5_000_001, forms: ['gguf'] })
    writeOllamaStore(store, 'library/padded:latest', ollamaLayers(model))
    expect(await ask('padded')).toBe(model.answer)
  })

  it('gets its token when the registry asks for one', async () => {
    const guarded = await startRegistry({ models: { 'library/guarded': image }, challenge: true })
    try {
      const done = await pull(`${guarded.address}/library/guarded:latest`)
      expect(done).toContain('"status":"success"')
      expect(guarded.requests.some(r => r.path.startsWith('/v2/token'))).toBe(true)
      expect(guarded.requests.filter(r => r.origin === 'cdn').every(r => !r.authorized)).toBe(true)
    } finally {
      await guarded.close()
    }
  })

  it('finds a flipped bit, and says that a model is not there', async () => {
    const other = ollamaLayers(
      writeTinyModel(root, { name: 'flipped', answer: 'never heard', forms: ['gguf'] }),
    )
    registry.addModel('library/flipped:latest', other)
    registry.setFault(other.layers[0]!.digest, { kind: 'flipBit', at: 1000 })
    expect(await pull(`${registry.address}/library/flipped:latest`)).toContain('digest mismatch')
    expect(await pull(`${registry.address}/library/none:latest`)).toContain('file does not exist')
  })
})
