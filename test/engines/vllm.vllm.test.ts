import { spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { LoadSign, Recipe } from '../../src/domain/engine.ts'
import { createEngineFetch } from '../../src/engines/engine-fetch.ts'
import { createVllm } from '../../src/engines/vllm.ts'
import { ensureVllm, whyNoVllm } from '../cluster/vllm.ts'
import { freePort } from '../stand-ins/engine/start.ts'
import { writeTinyModel } from '../stand-ins/tiny-model.ts'
import { openScene } from './start-engines.ts'

const why = whyNoVllm()
if (why) console.log(`skipped: ${why}`)

const vllm = createVllm({ fetch: createEngineFetch() })
const scene = openScene()
afterAll(() => scene.end())

const environment = {
  HOME: scene.folder,
  HF_HUB_OFFLINE: '1',
  TRANSFORMERS_OFFLINE: '1',
  VLLM_NO_USAGE_STATS: '1',
  DO_NOT_TRACK: '1',
  VLLM_CPU_KVCACHE_SPACE: '1',
  VLLM_CPU_OMP_THREADS_BIND: 'nobind',
  OMP_NUM_THREADS: '1',
  VLLM_SERVER_DEV_MODE: '1',
}

/** Runs until its start-up is complete or the process ends; the signs of its log on the way. */
const startVllm = async (words: readonly string[]): Promise<LoadSign[]> => {
  const program = await ensureVllm()
  const child = spawn(program, ['serve', ...words], {
    env: { ...process.env, ...environment },
    detached: true,
  })
  scene.track({
    stop: async () => {
      if (child.pid && child.exitCode === null) process.kill(-child.pid, 'SIGKILL')
    },
  })
  const signs: LoadSign[] = []
  return new Promise(resolve => {
    const read = (chunk: Buffer) => {
      for (const line of chunk.toString().split(/[\r\n]+/)) {
        const sign = vllm.loadSign(line)
        if (sign) signs.push(sign)
        if (sign?.mark === 'Ready') resolve(signs)
      }
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    child.on('close', () => resolve(signs))
  })
}

const recipeOf = (path: string): Recipe =>
  vllm.recipe({
    modelName: 'alpha',
    alias: 'active',
    path,
    revision: 'x',
    runtimeArgs: ['--max-model-len', '512', '--no-enable-prefix-caching'],
    modelArgs: ['--enforce-eager', '--dtype=bfloat16'],
    task: 'Chat',
  })

describe.skipIf(why)('a real vLLM', () => {
  const recipe = recipeOf(writeTinyModel(join(scene.folder, 'alpha'), { name: 'alpha' }).folder)
  let address = ''
  let signs: LoadSign[] = []
  const prove = (wanted: Recipe) => vllm.prove(address, wanted, { mode: 'Task', timeoutMs: 60_000 })

  beforeAll(async () => {
    const port = await freePort()
    address = `http://127.0.0.1:${port}`
    const args = ['org/old', '--revision', 'main', '--host', '127.0.0.1', '--port', String(port)]
    signs = await startVllm(
      vllm.launch(recipe, { command: ['vllm', 'serve'], args, env: {}, port }).args ?? [],
    )
  })

  it('started by the arguments written for it is proved by its list and an answer', async () => {
    expect(await prove(recipe)).toMatchObject({ isProved: true, reason: 'Active' })
    expect(await prove(recipeOf('/models/other'))).toMatchObject({ isProved: false, reason: 'WrongModel' })
  })

  it('lists both names with the folder as root, and tells its counters', async () => {
    const answer = await vllm.ask(address, 10_000)
    expect(answer).toMatchObject({ state: 'Answers', isAsleep: false, running: 0 })
    expect(answer.listed).toMatchObject(
      recipe.servedNames.map(name => ({ name, identity: recipe.model, isLoaded: true })),
    )
    expect(answer.tokens).toBeGreaterThan(0)
  })

  it('has a log that tells every step of the load and no failure', () => {
    expect(signs.map(sign => sign.mark)).toEqual(
      expect.arrayContaining([
        'ProcessStarted',
        'EngineCoreStarted',
        'ModelLoading',
        'Weights 100%',
        'WeightsLoaded',
        'CacheSize',
        'EngineReady',
        'Ready',
      ]),
    )
    expect(signs.filter(sign => sign.failure)).toEqual([])
  })

  it('asleep is said although health answers', async () => {
    await fetch(`${address}/sleep?level=1`, { method: 'POST' })
    expect(await vllm.ask(address, 10_000)).toMatchObject({ state: 'Answers', isAsleep: true })
    await fetch(`${address}/wake_up`, { method: 'POST' })
    expect(await vllm.ask(address, 10_000)).toMatchObject({ state: 'Answers', isAsleep: false })
  })

  it('started by the config file written for it is proved', async () => {
    const port = await freePort()
    const configPath = join(scene.folder, 'engine.yaml')
    const config = `# door\nhost: 127.0.0.1\nport: ${port}\nmodel: org/old\nmax-model-len: 64\nuvicorn-log-level: info\ncompilation-config:\n  mode: 0\n`
    const found = { command: ['vllm', 'serve'], args: ['--config', configPath], env: {}, port }
    writeFileSync(configPath, vllm.launch(recipe, { ...found, config, configPath }).config ?? '')
    await startVllm(found.args)
    const result = await vllm.prove(`http://127.0.0.1:${port}`, recipe, { mode: 'Task', timeoutMs: 60_000 })
    expect(result).toMatchObject({ isProved: true })
  })

  it('that cannot load its model tells the failure in its log', async () => {
    const broken = writeTinyModel(join(scene.folder, 'broken'), { name: 'broken', extraTensor: true })
    const failed = (await startVllm([broken.folder, '--enforce-eager', '--max-model-len', '512'])).filter(
      sign => sign.failure,
    )
    expect(failed.length).toBeGreaterThan(0)
    console.log(failed.map(sign => sign.failure?.message))
  })

  it('with an argument it does not know tells the failure in its log', async () => {
    const signs = await startVllm([recipe.model, '--no-such-flag'])
    expect(signs.at(-1)?.failure?.message).toContain('unrecognized arguments')
  })
})
