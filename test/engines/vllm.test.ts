import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Task } from '../../src/domain/capabilities.ts'
import type { Recipe } from '../../src/domain/engine.ts'
import { createEngineFetch } from '../../src/engines/engine-fetch.ts'
import { createVllm } from '../../src/engines/vllm.ts'
import { vllmContract } from '../contracts/vllm-contract.ts'
import type { EngineFault } from '../stand-ins/engine/faults.ts'
import { type EngineProcess, freePort, startEngineProcess } from '../stand-ins/engine/start.ts'
import { writeTinyModel } from '../stand-ins/tiny-model.ts'
import { openScene, pass, startVllm, waitFor } from './start-engines.ts'

const vllm = createVllm({ fetch: createEngineFetch() })
const scene = openScene()
afterAll(() => scene.end())

const recipeOf = (path: string, task: Task = 'Chat', modelName = 'alpha'): Recipe =>
  vllm.recipe({ modelName, alias: 'active', path, revision: 'x', runtimeArgs: [], modelArgs: [], task })
const argsOf = (recipe: Recipe): readonly string[] =>
  vllm.launch(recipe, { command: ['vllm', 'serve'], args: ['/as-found'], env: {}, port: 8000 }).args ?? []

describe('a vLLM of the stand-in', () => {
  const { folder } = writeTinyModel(join(scene.folder, 'contract'), { name: 'contract' })
  let nobody = ''
  beforeAll(async () => {
    nobody = `http://127.0.0.1:${await freePort()}`
  })
  vllmContract(() => ({
    engine: vllm,
    pass,
    nobody,
    path: folder,
    start: async wanted => {
      const engine = await startVllm(scene, { args: argsOf(wanted) })
      return { address: engine.url, log: () => engine.log().split('\n') }
    },
    failingLog: async () => {
      const port = await freePort()
      const command = ['vllm', 'serve', folder, '--port', String(port)]
      const engine = await startEngineProcess({ command, port, faults: [{ fault: 'load-fails' }] })
      await engine.exited
      return engine.log().split('\n')
    },
  }))
})

describe('a vLLM that serves the wanted folder', () => {
  let engine: EngineProcess
  const recipe = recipeOf(writeTinyModel(join(scene.folder, 'alpha'), { name: 'alpha' }).folder)
  const prove = (wanted: Recipe, timeoutMs = 5000, mode: 'Task' | 'ListOnly' = 'Task') =>
    vllm.prove(engine.url, wanted, { mode, timeoutMs })

  beforeAll(async () => {
    engine = await startVllm(scene, { args: argsOf(recipe), environment: { VLLM_SERVER_DEV_MODE: '1' } })
  })
  const withFaults = async (faults: EngineFault[], check: () => Promise<void>) => {
    await engine.setFaults(faults)
    try {
      await check()
    } finally {
      await engine.setFaults([])
    }
  }

  it('tells its counters, which a proof moves', async () => {
    const before = await vllm.ask(engine.url, 5000)
    expect(before.tokens).toEqual(expect.any(Number))
    expect(await prove(recipe)).toMatchObject({ isProved: true })
    expect((await vllm.ask(engine.url, 5000)).tokens).toBeGreaterThan(before.tokens ?? Number.NaN)
  })

  it('proved by its list alone says so', async () => {
    const result = await prove(recipe, 5000, 'ListOnly')
    expect(result.message).toContain('no request')
  })

  it.each<[EngineFault, string]>([
    [{ fault: 'wrong-root' }, '/models/another'],
    [{ fault: 'wrong-model' }, 'another'],
    [{ fault: 'html' }, 'without a model list'],
    [{ fault: 'hangs' }, 'did not answer within'],
    [{ fault: 'busy', milliseconds: 3000 }, 'did not answer within'],
  ])('with %j is not proved, in time, and the message tells', async (fault, told) =>
    withFaults([fault], async () => {
      const start = Date.now()
      const result = await prove(recipe, 400)
      expect(Date.now() - start).toBeLessThan(2900)
      expect(result.isProved).toBe(false)
      expect(result.message).toContain(told)
      expect(Buffer.byteLength(result.message)).toBeLessThanOrEqual(200)
    }),
  )

  it.each<[EngineFault, string]>([
    [{ fault: 'html' }, 'NotThisEngine'],
    [{ fault: 'hangs' }, 'Silent'],
    [{ fault: 'hangs', value: 'health-answers' }, 'Silent'],
    [{ fault: 'health-dead' }, 'Unhealthy'],
    [{ fault: 'busy' }, 'Answers'],
  ])('with %j is asked in time: %s', async (fault, state) =>
    withFaults([fault], async () => {
      const start = Date.now()
      expect((await vllm.ask(engine.url, 400)).state).toBe(state)
      expect(Date.now() - start).toBeLessThan(2900)
    }),
  )

  it('tells a running request while it is busy', async () => {
    const counted = createVllm({
      fetch: async input =>
        String(input).endsWith('/metrics')
          ? new Response(
              'vllm:num_requests_running{engine="0"} 2.0\nvllm:num_requests_running{engine="1"} 3.0\n',
            )
          : Response.json({ object: 'list', data: [] }),
    })
    expect(await counted.ask(engine.url, 500)).toMatchObject({ state: 'Answers', running: 5 })
  })

  it('is asked for its list once by a look and the proof that follows', async () => {
    const paths: string[] = []
    const through = createEngineFetch()
    const counted = createVllm({
      fetch: (url, asking) => {
        paths.push(new URL(url).pathname)
        return through(url, asking)
      },
    })
    const { listed } = await counted.ask(engine.url, 5000)
    const told = { mode: 'Task', timeoutMs: 5000, listed } as const
    expect((await counted.prove(engine.url, recipe, told)).isProved).toBe(true)
    expect(paths).toEqual(['/v1/models', '/health', '/metrics', '/v1/chat/completions'])
  })

  it('asleep is said although health answers, and no proof holds', async () => {
    await fetch(`${engine.url}/sleep?level=1`, { method: 'POST' })
    expect(await vllm.ask(engine.url, 1000)).toMatchObject({ state: 'Answers', isAsleep: true })
    expect((await prove(recipe, 300)).isProved).toBe(false)
    await fetch(`${engine.url}/wake_up`, { method: 'POST' })
    expect((await prove(recipe)).isProved).toBe(true)
  })
})

describe('a vLLM that is somehow else', () => {
  it('without a chat template is proved by a completion', async () => {
    const model = writeTinyModel(join(scene.folder, 'plain'), { name: 'plain', chatTemplate: false })
    const recipe = recipeOf(model.folder)
    const engine = await startVllm(scene, { args: argsOf(recipe) })
    const result = await vllm.prove(engine.url, recipe, { mode: 'Task', timeoutMs: 5000 })
    expect(result).toMatchObject({ isProved: true, message: '/v1/completions answered with usage' })
    expect((await vllm.ask(engine.url, 5000)).isAsleep).toBe(false)
  })

  it.each<[Task, string]>([
    ['Embedding', 'LlamaModel'],
    ['Rerank', 'LlamaForSequenceClassification'],
  ])('for %s is proved by that route, and not by chat', async (task, architecture) => {
    const model = writeTinyModel(join(scene.folder, task), { name: 'other', architecture })
    const engine = await startVllm(scene, { args: argsOf(recipeOf(model.folder)) })
    const prove = (asked: Task) =>
      vllm.prove(engine.url, recipeOf(model.folder, asked), { mode: 'Task', timeoutMs: 5000 })
    expect(await prove(task)).toMatchObject({ isProved: true })
    expect(await prove('Chat')).toMatchObject({ isProved: false, reason: 'TaskNotServed' })
  })

  it('behind a key says so', async () => {
    const model = writeTinyModel(join(scene.folder, 'key'), { name: 'key' })
    const recipe = recipeOf(model.folder)
    const engine = await startVllm(scene, { args: [...argsOf(recipe), '--api-key', 'secret'] })
    expect((await vllm.ask(engine.url, 5000)).state).toBe('KeyNeeded')
    const result = await vllm.prove(engine.url, recipe, { mode: 'Task', timeoutMs: 5000 })
    expect(result).toMatchObject({ isProved: false, reason: 'EngineKeyNeeded' })
  })

  it('behind a key tells health and counters to who does not ask for more', async () => {
    const model = writeTinyModel(join(scene.folder, 'around'), { name: 'around' })
    const recipe = recipeOf(model.folder)
    const asked: string[] = []
    const watched: typeof fetch = (input, init) => {
      asked.push(new URL(String(input)).pathname)
      return fetch(input, init)
    }
    const outside = createVllm({ fetch: watched })
    const engine = await startVllm(scene, {
      args: [...argsOf(recipe), '--api-key', 'secret'],
      environment: { VLLM_SERVER_DEV_MODE: '1' },
    })
    const seen = await outside.ask(engine.url, 5000, true)
    expect(seen).toMatchObject({
      state: 'Answers',
      isBehindKey: true,
      listed: [],
      isAsleep: false,
      tokens: 0,
    })
    expect(asked.filter(path => path.startsWith('/v1'))).toEqual([])
    await fetch(`${engine.url}/sleep?level=1`, { method: 'POST' })
    expect((await outside.ask(engine.url, 5000, true)).isAsleep).toBe(true)
    await engine.setFaults([{ fault: 'health-dead' }])
    expect((await outside.ask(engine.url, 5000, true)).state).toBe('Unhealthy')
    await engine.stop('SIGKILL')
    expect((await outside.ask(engine.url, 5000, true)).state).toBe('Refused')
  })

  it('that dies on its first request is not proved', async () => {
    const model = writeTinyModel(join(scene.folder, 'dies'), { name: 'dies' })
    const recipe = recipeOf(model.folder)
    const engine = await startVllm(scene, { args: argsOf(recipe), faults: [{ fault: 'dies-on-request' }] })
    const result = await vllm.prove(engine.url, recipe, { mode: 'Task', timeoutMs: 5000 })
    expect(result.isProved).toBe(false)
    expect(result.message).toContain('EngineCore encountered an issue')
    await engine.exited
    await waitFor(async () => (await vllm.ask(engine.url, 500)).state === 'Refused')
    expect(await vllm.prove(engine.url, recipe, { mode: 'Task', timeoutMs: 500 })).toMatchObject({
      isProved: false,
      reason: 'EngineUnreachable',
    })
  })

  it('started by the config file that was written for it is proved', async () => {
    const model = writeTinyModel(join(scene.folder, 'file'), { name: 'file' })
    const recipe = vllm.recipe({
      modelName: 'file',
      alias: 'active',
      path: model.folder,
      revision: 'x',
      runtimeArgs: ['--max-model-len', '512'],
      modelArgs: ['--enforce-eager'],
      task: 'Chat',
    })
    const configPath = join(scene.folder, 'engine.yaml')
    const found = {
      command: ['vllm', 'serve'],
      args: ['--config', configPath],
      env: {},
      port: await freePort(),
    }
    const launch = vllm.launch(recipe, {
      ...found,
      config: 'model: org/old\nuvicorn-log-level: warning\n',
      configPath,
    })
    writeFileSync(configPath, launch.config ?? '')
    const engine = await startVllm(scene, { args: found.args })
    expect(await vllm.prove(engine.url, recipe, { mode: 'Task', timeoutMs: 5000 })).toMatchObject({
      isProved: true,
    })
  })

  it('every line that the stand-in prints while it loads is understood in order', async () => {
    const model = writeTinyModel(join(scene.folder, 'log'), { name: 'log' })
    const engine = await startVllm(scene, { args: argsOf(recipeOf(model.folder)) })
    const marks = () =>
      engine
        .log()
        .split('\n')
        .flatMap(line => vllm.loadSign(line)?.mark ?? [])
    await expect
      .poll(marks, { timeout: 10_000 })
      .toEqual(
        expect.arrayContaining([
          'ProcessStarted',
          'ModelLoading',
          'Weights 100%',
          'WeightsLoaded',
          'CacheSize',
          'Ready',
        ]),
      )
    expect(
      engine
        .log()
        .split('\n')
        .some(line => vllm.loadSign(line)?.failure),
    ).toBe(false)
  })
})

describe('an answer that is too much or leads away', () => {
  const reply = (response: () => Response) =>
    createVllm({ fetch: async () => response() }).ask('http://x', 500)

  it('more than 1 MiB is not this engine', async () => {
    expect((await reply(() => new Response('x'.repeat(1_100_000)))).state).toBe('NotThisEngine')
  })
  it('a redirect is not followed', async () => {
    const moved = await reply(
      () => new Response(null, { status: 302, headers: { location: 'http://elsewhere' } }),
    )
    expect(moved.state).toBe('NotThisEngine')
  })
  it('JSON of another shape is not this engine', async () => {
    expect((await reply(() => Response.json({ models: [] }))).state).toBe('NotThisEngine')
    expect((await reply(() => Response.json(null))).state).toBe('NotThisEngine')
  })
})
