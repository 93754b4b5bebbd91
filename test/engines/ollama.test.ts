import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Recipe } from '../../src/domain/engine.ts'
import { createEngineFetch } from '../../src/engines/engine-fetch.ts'
import { createOllama } from '../../src/engines/ollama.ts'
import { ollamaContract } from '../contracts/ollama-contract.ts'
import type { EngineFault } from '../stand-ins/engine/faults.ts'
import { type EngineProcess, freePort, startEngineProcess } from '../stand-ins/engine/start.ts'
import { openScene, pass, storeModel, waitFor } from './start-engines.ts'

const ollama = createOllama({ fetch: createEngineFetch() })
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

const startOllama = async (store: string): Promise<EngineProcess> => {
  const port = await freePort()
  const environment = { OLLAMA_HOST: `127.0.0.1:${port}`, OLLAMA_MODELS: store }
  const engine = scene.track(await startEngineProcess({ command: ['ollama', 'serve'], port, environment }))
  await waitFor(async () => (await ollama.ask(engine.url, 500)).state === 'Answers')
  return engine
}

describe('an Ollama of the stand-in', () => {
  const store = join(scene.folder, 'contract')
  const stored = {
    alpha: storeModel(scene, store, { name: 'alpha' }),
    beta: storeModel(scene, store, { name: 'beta' }),
    broken: storeModel(scene, store, { name: 'broken' }),
  }
  const always: EngineFault[] = [{ fault: 'load-fails', model: 'broken' }]
  let engine: EngineProcess
  let nobody = ''
  beforeAll(async () => {
    engine = await startOllama(store)
    await engine.setFaults(always)
    nobody = `http://127.0.0.1:${await freePort()}`
  })
  ollamaContract(() => ({
    engine: ollama,
    pass,
    nobody,
    address: engine.url,
    stored,
    stall: model => engine.setFaults([...always, { fault: 'load-never-ends', model }]),
  }))
})

describe('an Ollama with two models in its store', () => {
  const store = join(scene.folder, 'store')
  const alpha = recipeOf('alpha', storeModel(scene, store, { name: 'alpha' }))
  const beta = recipeOf('beta', storeModel(scene, store, { name: 'beta' }))
  let engine: EngineProcess

  beforeAll(async () => {
    engine = await startOllama(store)
  })
  const prove = (recipe: Recipe, timeoutMs = 5000) =>
    ollama.prove(engine.url, recipe, { mode: 'Task', timeoutMs })
  const withFaults = async (faults: EngineFault[], check: () => Promise<void>) => {
    await engine.setFaults(faults)
    try {
      await check()
    } finally {
      await engine.setFaults([])
    }
  }

  it('tells its version, and the message of a failed proof the digest that was wanted', async () => {
    expect(await ollama.ask(engine.url, 5000)).toMatchObject({ version: '0.22.0', isAsleep: false })
    expect((await prove(alpha)).message).toContain(alpha.identity.slice(0, 19))
  })

  it('loads for ever, and the proof does not reset the expiry', async () => {
    await ollama.load(engine.url, alpha, 5000)
    expect(await prove(alpha)).toMatchObject({ isProved: true })
    const ps = (await (await fetch(`${engine.url}/api/ps`)).json()) as { models: { expires_at: string }[] }
    expect(new Date(ps.models[0]?.expires_at ?? '').getFullYear()).toBeGreaterThan(2300)
  })

  it('an alias that is the model already is not copied again', async () => {
    await ollama.commit(engine.url, beta)
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
      expect(Date.now() - start).toBeLessThan(2900)
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
})
