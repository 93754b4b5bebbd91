import { spawn } from 'node:child_process'
import { existsSync, globSync, mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Recipe } from '../../src/domain/engine.ts'
import { createEngineFetch } from '../../src/engines/engine-fetch.ts'
import { createOllama } from '../../src/engines/ollama.ts'
import { ollamaContract } from '../contracts/ollama-contract.ts'
import { freePort } from '../stand-ins/engine/start.ts'
import { openScene, pass, storeModel, waitFor } from './start-engines.ts'

const program = [
  process.env['SWITCHYARD_OLLAMA'],
  ...globSync(join(homedir(), '.cache/switchyard/ollama/*/bin/ollama')),
].find(path => path !== undefined && existsSync(path))
if (!program) console.log('skipped: no Ollama; name its program in SWITCHYARD_OLLAMA')

const ollama = createOllama({ fetch: createEngineFetch() })
const scene = openScene()
afterAll(() => scene.end())

const startOllama = async (store: string) => {
  const port = await freePort()
  mkdirSync(store, { recursive: true })
  const env = { ...process.env, HOME: scene.folder, OLLAMA_HOST: `127.0.0.1:${port}`, OLLAMA_MODELS: store }
  const child = spawn(program ?? '', ['serve'], {
    env: { ...env, OLLAMA_NO_CLOUD: '1', OLLAMA_CONTEXT_LENGTH: '512', OLLAMA_NUM_PARALLEL: '1' },
    detached: true,
  })
  const lines: string[] = []
  child.stderr.on('data', (chunk: Buffer) => lines.push(...chunk.toString().split('\n')))
  scene.track({
    stop: async () => {
      // the runner is a child of the server: the group is ended, and it is ours
      if (child.pid && child.exitCode === null) process.kill(-child.pid, 'SIGKILL')
    },
  })
  return { address: `http://127.0.0.1:${port}`, lines }
}

describe.skipIf(!program)('a real Ollama', () => {
  const store = join(scene.folder, 'store')
  let address = ''
  let lines: readonly string[] = []
  let nobody = ''
  let recipes: Record<'alpha' | 'beta' | 'broken', Recipe>
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
  const prove = (recipe: Recipe) => ollama.prove(address, recipe, { mode: 'Task', timeoutMs: 30_000 })
  const loaded = async () => (await ollama.ask(address, 5000)).listed.filter(model => model.isLoaded)

  beforeAll(async () => {
    nobody = `http://127.0.0.1:${await freePort()}`
    const started = await startOllama(store)
    address = started.address
    lines = started.lines
    await waitFor(async () => (await ollama.ask(address, 500)).state === 'Answers', 30_000)
    recipes = {
      alpha: recipeOf('alpha', storeModel(scene, store, { name: 'alpha' })),
      beta: recipeOf('beta', storeModel(scene, store, { name: 'beta' })),
      broken: recipeOf('broken', storeModel(scene, store, { name: 'broken', extraTensor: true })),
    }
  })

  ollamaContract(() => ({
    engine: ollama,
    pass,
    nobody,
    address,
    stored: {
      alpha: recipes.alpha.identity,
      beta: recipes.beta.identity,
      broken: recipes.broken.identity,
    },
  }))

  it('is proved for each task that the model has, and keeps its expiry', async () => {
    await ollama.load(address, recipes.alpha, 60_000)
    expect(await prove(recipes.alpha)).toMatchObject({ isProved: true })
    expect(await prove({ ...recipes.alpha, task: 'Completion' })).toMatchObject({ isProved: true })
    expect(await prove(recipes.alpha)).toMatchObject({ isProved: true })
    const ps = (await (await fetch(`${address}/api/ps`)).json()) as { models: { expires_at: string }[] }
    expect(new Date(ps.models[0]?.expires_at ?? '').getFullYear()).toBeGreaterThan(2200)
  })

  it('switches: the old one is gone, the new one proved, the alias answers, no second copy is loaded', async () => {
    await ollama.load(address, recipes.alpha, 60_000)
    await ollama.unload(address, recipes.beta, 30_000)
    await ollama.load(address, recipes.beta, 60_000)
    expect(await prove(recipes.beta)).toMatchObject({ isProved: true })
    expect(await prove(recipes.alpha)).toMatchObject({ isProved: false })
    await ollama.commit(address, recipes.beta)
    const answer = await fetch(`${address}/api/chat`, {
      method: 'POST',
      body: JSON.stringify({ model: 'active', stream: false, messages: [{ role: 'user', content: 'Hi' }] }),
    })
    expect(((await answer.json()) as { message: { content: string } }).message.content).toContain('beta')
    expect((await loaded()).map(model => model.identity)).toEqual([recipes.beta.identity])
    expect(await prove(recipes.beta)).toMatchObject({ isProved: true })
  })

  it('a model that cannot be loaded is told by its log too', async () => {
    const error = await ollama.load(address, recipes.broken, 60_000).catch((caught: unknown) => caught)
    console.log((error as Error).message)
    expect(lines.some(line => ollama.loadSign(line)?.failure)).toBe(true)
  })

  it('its log tells the start of a load and its end', () => {
    const marks = lines.flatMap(line => ollama.loadSign(line)?.mark ?? [])
    if (process.env['SHOW_LOG']) console.log(lines.join('\n'), marks)
    expect(marks).toEqual(expect.arrayContaining(['ProcessStarted', 'RunnerStarted', 'Ready']))
  })
})
