import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Recipe } from '../../src/domain/engine.ts'
import { createOllama } from '../../src/engines/ollama.ts'
import type { EngineFault } from '../stand-ins/engine/faults.ts'
import { type EngineProcess, freePort, startEngineProcess } from '../stand-ins/engine/start.ts'
import { openScene, storeModel, waitFor } from './start-engines.ts'

const ollama = createOllama({ fetch })
const scene = openScene()
afterAll(() => scene.end())

const recipeOf = (name: string, revision: string): Recipe =>
  ollama.recipe({
    modelName: name,
    alias: 'active',
    ollamaName: name,
    revision,
    runtimeArgs: [],
    modelArgs: [],
    task: 'Chat',
  })

describe('an Ollama with two models in its store', () => {
  const store = join(scene.folder, 'store')
  const alpha = recipeOf('alpha', storeModel(scene, store, { name: 'alpha' }))
  const beta = recipeOf('beta', storeModel(scene, store, { name: 'beta' }))
  let engine: EngineProcess

  beforeAll(async () => {
    const port = await freePort()
    engine = scene.track(
      await startEngineProcess({
        command: ['ollama', 'serve'],
        port,
        environment: { OLLAMA_HOST: `127.0.0.1:${port}`, OLLAMA_MODELS: store },
      }),
    )
    await waitFor(async () => (await ollama.ask(engine.url, 500)).state === 'Answers')
  })
  const prove = (recipe: Recipe, timeoutMs = 5000) =>
    ollama.prove(engine.url, recipe, { mode: 'Task', timeoutMs })
  const loadedNames = async () =>
    (await ollama.ask(engine.url, 5000)).listed.filter(model => model.isLoaded).map(model => model.name)
  const withFaults = async (faults: EngineFault[], check: () => Promise<void>) => {
    await engine.setFaults(faults)
    try {
      await check()
    } finally {
      await engine.setFaults([])
    }
  }

  it('lists what is stored and what is loaded, with digests', async () => {
    const answer = await ollama.ask(engine.url, 5000)
    expect(answer).toMatchObject({ state: 'Answers', version: '0.22.0', isAsleep: false })
    expect(answer.listed).toContainEqual({ name: 'alpha:latest', identity: alpha.identity, isLoaded: false })
  })

  it('is not proved before it has loaded the model, and the message tells both', async () => {
    const result = await prove(alpha)
    expect(result).toMatchObject({ isProved: false, reason: 'ModelEvicted' })
    expect(result.message).toContain('nothing')
    expect(result.message).toContain(alpha.identity.slice(0, 19))
  })

  it('loads for ever, is proved, and the proof does not reset the expiry', async () => {
    await ollama.load(engine.url, alpha, 5000)
    expect(await prove(alpha)).toMatchObject({ isProved: true, reason: 'Active' })
    const ps = (await (await fetch(`${engine.url}/api/ps`)).json()) as { models: { expires_at: string }[] }
    expect(new Date(ps.models[0]?.expires_at ?? '').getFullYear()).toBeGreaterThan(2300)
  })

  it('unloads all but the one to keep, and is empty when asked to be', async () => {
    await ollama.load(engine.url, alpha, 5000)
    await ollama.load(engine.url, beta, 5000)
    await ollama.unload(engine.url, beta, 5000)
    expect(await loadedNames()).toEqual(['beta:latest'])
    await ollama.unload(engine.url, undefined, 5000)
    expect(await loadedNames()).toEqual([])
  })

  it('moves the alias at commit, once', async () => {
    await ollama.commit(engine.url, alpha)
    const find = async () =>
      (await ollama.ask(engine.url, 5000)).listed.find(model => model.name === 'active:latest')?.identity
    expect(await find()).toBe(alpha.identity)
    await ollama.commit(engine.url, beta)
    expect(await find()).toBe(beta.identity)
    const calls: string[] = []
    const counting = createOllama({
      fetch: (input, init) => {
        calls.push(String(input))
        return fetch(input, init)
      },
    })
    await counting.commit(engine.url, beta)
    expect(calls.some(call => call.endsWith('/api/copy'))).toBe(false)
  })

  it('a digest that changed under the name is not proved', async () => {
    await ollama.load(engine.url, alpha, 5000)
    await withFaults([{ fault: 'wrong-root', value: 'f'.repeat(64) }], async () => {
      const result = await prove(alpha)
      expect(result.isProved).toBe(false)
      expect(result.message).toContain('sha256:ffffffffffff')
    })
  })

  it.each<[EngineFault, string]>([
    [{ fault: 'html' }, 'without a model list'],
    [{ fault: 'hangs' }, 'did not answer within'],
    [{ fault: 'busy', milliseconds: 3000 }, 'did not answer within'],
    [{ fault: 'dies-on-request' }, 'llama runner process no longer running'],
  ])('with %j is not proved, in time, and the message tells', async (fault, told) => {
    await ollama.load(engine.url, alpha, 5000)
    await withFaults([fault], async () => {
      const start = Date.now()
      const result = await prove(alpha, 400)
      expect(Date.now() - start).toBeLessThan(1500)
      expect(result.isProved).toBe(false)
      expect(result.message).toContain(told)
    })
  })

  it.each<[EngineFault, string]>([
    [{ fault: 'html' }, 'NotThisEngine'],
    [{ fault: 'hangs' }, 'Silent'],
  ])('with %j is asked in time: %s', async (fault, state) =>
    withFaults([fault], async () => {
      expect((await ollama.ask(engine.url, 400)).state).toBe(state)
    }),
  )

  it.each<[EngineFault, string, string]>([
    [{ fault: 'load-fails' }, 'LoadFailed', 'llama runner process has terminated'],
    [{ fault: 'load-out-of-memory' }, 'OutOfMemory', 'requires more system memory'],
    [{ fault: 'load-never-ends' }, 'LoadStalled', 'did not answer within'],
  ])('a load with %j is Transient %s with the engine’s sentence', async (fault, reason, told) => {
    await ollama.unload(engine.url, undefined, 5000)
    await withFaults([{ ...fault, model: 'beta' }], async () => {
      const error = await ollama.load(engine.url, beta, 400).catch((caught: unknown) => caught)
      expect(error).toMatchObject({ name: 'Transient', reason, message: expect.stringContaining(told) })
    })
  })

  it('a model that is not stored cannot be loaded', async () => {
    const error = await ollama
      .load(engine.url, recipeOf('nope', alpha.identity), 5000)
      .catch((e: unknown) => e)
    expect(error).toMatchObject({ reason: 'LoadFailed', message: expect.stringContaining('not found') })
  })
})

describe('an Ollama that is not there', () => {
  it('is refused data when asked, and Transient when told to do something', async () => {
    const address = `http://127.0.0.1:${await freePort()}`
    const recipe = recipeOf('alpha', `sha256:${'a'.repeat(64)}`)
    expect((await ollama.ask(address, 500)).state).toBe('Refused')
    expect(await ollama.prove(address, recipe, { mode: 'Task', timeoutMs: 500 })).toMatchObject({
      reason: 'EngineUnreachable',
    })
    for (const call of [
      () => ollama.load(address, recipe, 500),
      () => ollama.unload(address, undefined, 500),
      () => ollama.commit(address, recipe),
    ])
      await expect(call()).rejects.toMatchObject({ name: 'Transient', reason: 'EngineUnreachable' })
  })
})
