import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Recipe } from '../../src/domain/engine.ts'
import { type AskTask, parseWorkerResult, type WorkerResult } from '../../src/domain/worker-task.ts'
import { createVllm } from '../../src/engines/vllm.ts'
import { runWorker } from '../../src/worker/worker.ts'
import { openScene, startVllm } from '../engines/start-engines.ts'
import type { EngineProcess } from '../stand-ins/engine/start.ts'
import { type Answer, type Listening, listen, sendJson } from '../stand-ins/listening.ts'
import { writeTinyModel } from '../stand-ins/tiny-model.ts'

const canary = 'sk-canary-5f0c"\\/9e'
const vllm = createVllm({ fetch })
const scene = openScene()
const folder = mkdtempSync(join(tmpdir(), 'switchyard-ask-'))
const servers: Listening[] = []
afterAll(async () => {
  await scene.end()
  await Promise.all(servers.map(server => server.close()))
  rmSync(folder, { recursive: true })
})

const keyFile = join(folder, 'key')
writeFileSync(keyFile, `${canary}\n`)

const recipeOf = (path: string): Recipe =>
  vllm.recipe({
    modelName: 'alpha',
    alias: 'active',
    path,
    revision: 'x',
    runtimeArgs: [],
    modelArgs: [],
    task: 'Chat',
  })
const recipe = recipeOf(writeTinyModel(join(scene.folder, 'alpha'), { name: 'alpha' }).folder)
const { args: _, engine: __, ...rest } = recipe
const wanted = { ...rest, servedNames: [...recipe.servedNames] }

const taskAt = (address: string, more: Partial<AskTask> = {}): AskTask => ({
  command: 'ask',
  owner: 'r1',
  engine: 'VLLM',
  address,
  wanted,
  mode: 'Task',
  timeoutSeconds: 5,
  keyFile,
  ...more,
})

interface Ended {
  readonly code: number
  readonly result: WorkerResult | undefined
  /** everything that leaves the worker */
  readonly text: string
}

const work = async (task: AskTask): Promise<Ended> => {
  const lines: string[] = []
  const code = await runWorker(task, {
    print: line => void lines.push(line),
    signal: new AbortController().signal,
    openEngine: (_name, fetchWithKey) => createVllm({ fetch: fetchWithKey }),
  })
  return { code, result: parseWorkerResult(lines.at(-1)), text: lines.join('\n') }
}

const serve = async (answer: Answer): Promise<string> => {
  const server = await listen(answer, { host: '127.0.0.1', port: 0 })
  servers.push(server)
  return `http://127.0.0.1:${server.port}`
}

describe('asking a vLLM behind a key', () => {
  let engine: EngineProcess
  beforeAll(async () => {
    const args = vllm.launch(recipe, { command: ['vllm', 'serve'], args: ['/x'], env: {}, port: 8000 }).args
    engine = await startVllm(scene, { args: args ?? [], environment: { VLLM_API_KEY: canary } })
  })

  it('proves the wanted model by list and request, and no other', async () => {
    const { code, result } = await work(taskAt(engine.url))
    expect(code).toBe(0)
    expect(result?.asked?.proof).toMatchObject({ isProved: true, reason: 'Active' })
    const other = await work(taskAt(engine.url, { wanted: { ...wanted, identity: '/models/other' } }))
    expect(other.result?.asked?.proof).toMatchObject({ isProved: false, reason: 'WrongModel' })
  })

  it('without a wanted model only tells that the key is taken', async () => {
    const { wanted: _none, ...task } = taskAt(engine.url)
    expect(await work(task)).toMatchObject({ code: 0, result: { asked: {} } })
  })

  it.each([
    ['a Secret that is not mounted', { keyFile: join(folder, 'none') }, 'does not exist'],
    ['no key file at all', { keyFile: undefined }, 'does not exist'],
    ['an empty key', { keyFile: '/dev/null' }, 'is empty'],
  ])('with %s ends with EngineKeyNeeded', async (_name, more, words) => {
    const { code, result } = await work(taskAt(engine.url, more as Partial<AskTask>))
    expect(code).toBe(11)
    expect(result?.failure).toMatchObject({ reason: 'EngineKeyNeeded', retry: 'WhenAble' })
    expect(result?.failure?.message).toContain(words)
  })

  it('with a key of several lines or another one ends with EngineKeyNeeded and shows neither', async () => {
    for (const key of ['two\nlines', 'not-the-key']) {
      const file = join(folder, 'wrong')
      writeFileSync(file, key)
      for (const task of [taskAt(engine.url, { keyFile: file }), withoutWanted(file)]) {
        const { code, result, text } = await work(task)
        expect([code, result?.failure?.reason]).toEqual([11, 'EngineKeyNeeded'])
        expect(text).not.toContain('lines')
        expect(text).not.toContain('not-the-key')
      }
    }
  })
  const withoutWanted = (file: string): AskTask => {
    const { wanted: _none, ...task } = taskAt(engine.url, { keyFile: file })
    return task
  }

  it('as the program of the pod shows the key to no proxy and to no output', async () => {
    let seen = 0
    const proxy = await serve((_request, response) => {
      seen++
      sendJson(response, {})
    })
    const main = join(import.meta.dirname, '../../src/main.ts')
    const environment = { PATH: '', NODE_USE_ENV_PROXY: '1', HTTP_PROXY: proxy, http_proxy: proxy }
    const argv = [main, 'worker', 'run', '--task', JSON.stringify(taskAt(engine.url))]
    const output = await new Promise<string>(done =>
      execFile(process.execPath, argv, { env: environment }, (_error, out, err) => done(out + err)),
    )
    expect(parseWorkerResult(output)?.asked?.proof?.isProved).toBe(true)
    expect(output).not.toContain('canary')
    expect(argv.join(' ')).not.toContain('canary')
    expect(seen).toBe(0)
  })
})

describe('the key', () => {
  it('does not follow a redirect, to the same or another place', async () => {
    const shown: (string | undefined)[] = []
    const elsewhere = await serve((request, response) => {
      shown.push(request.headers.authorization)
      sendJson(response, { object: 'list', data: [] })
    })
    const engine = await serve((_request, response) => {
      response.writeHead(307, { location: `${elsewhere}/v1/models` }).end()
    })
    const { result } = await work(taskAt(engine))
    expect(result?.asked?.proof).toMatchObject({ isProved: false })
    expect(shown).toEqual([])
  })

  it.each([
    'http://engine.llm.svc:8000',
    'http://localhost:8000',
    'https://10.0.0.1:8000',
    'http://10.0.0.1:8000/v1',
    'http://me@10.0.0.1:8000',
    'http://10.0.0.1:8000@evil.example:80',
    'http://10.0.0.1',
    'http://0x7f000001:8000',
    'http://010.0.0.1:8000',
    'http://169.254.169.254:80',
    'http://[fe80::1]:80',
    'http://[::ffff:169.254.169.254]:80',
    'file:///etc/passwd',
    '',
  ])('is not shown to %j', async address => {
    const { result } = await work(taskAt(address))
    expect(result?.failure).toMatchObject({ reason: 'InvalidEndpoint', retry: 'Never' })
  })

  it('is taken out of what an engine repeats, however it writes it', async () => {
    const spellings = [
      (key: string) => ({ error: { message: `Invalid key ${key}!` } }),
      (key: string) => ({ error: `${'x'.repeat(185)} ${key}` }),
      (key: string) => ({ message: key, detail: { key } }),
    ]
    for (const status of [400, 401, 404, 500]) {
      for (const spell of spellings) {
        const engine = await serve((request, response) => {
          const key = request.headers.authorization?.replace('Bearer ', '') ?? ''
          if (request.url !== '/v1/models') return sendJson(response, spell(key), { status })
          const data = wanted.servedNames.map(id => ({ id, root: wanted.identity }))
          return sendJson(response, { object: 'list', data })
        })
        const { text, result } = await work(taskAt(engine))
        expect(result).toBeDefined()
        expect(text).not.toContain('canary')
      }
    }
  })

  it('is taken out of the name of a listed model, which is shown in quotes', async () => {
    const engine = await serve((request, response) => {
      const key = request.headers.authorization ?? ''
      sendJson(response, { object: 'list', data: [{ id: key.slice(7), root: '/other' }] })
    })
    const { text } = await work(taskAt(engine))
    expect(text).not.toContain('canary')
  })

  it('does not make a worker wait for a refusal that never ends', async () => {
    const engine = await serve((_request, response) => {
      response.writeHead(500)
      const more = setInterval(() => response.write('x'.repeat(16_384)), 1)
      response.on('close', () => clearInterval(more))
    })
    const { result } = await work(taskAt(engine, { timeoutSeconds: 20 }))
    expect(result?.asked?.proof).toMatchObject({ isProved: false, reason: 'EngineUnhealthy' })
  })
})
