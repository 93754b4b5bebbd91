// The engine stand-in in vLLM's dialect, as a process.
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type TinyModel, type TinyModelOptions, writeTinyModel } from '../tiny-model.ts'
import type { EngineFault } from './faults.ts'
import { type EngineProcess, type EngineProcessOptions, freePort, startEngineProcess } from './start.ts'

const root = mkdtempSync(join(tmpdir(), 'engine-vllm-'))
const aModel = (options: TinyModelOptions) =>
  writeTinyModel(join(root, options.name), { forms: ['huggingFace'], ...options })
let alpha: TinyModel
beforeAll(() => {
  alpha = aModel({ name: 'alpha', answer: 'I am alpha, ünïcode.' })
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

type More = Partial<EngineProcessOptions> & { readonly args?: readonly string[] }
async function anEngine(path: string, { args = [], ...more }: More = {}): Promise<EngineProcess> {
  const port = await freePort()
  const command = ['vllm', 'serve', path, '--port', String(port), '--host', '127.0.0.1', ...args]
  const engine = await startEngineProcess({ command, port, loadMilliseconds: 1, ...more })
  onTestFinished(async () => void (await engine.stop('SIGKILL')))
  return engine
}
async function aReadyEngine(path: string, more: More = {}) {
  const engine = await anEngine(path, more)
  await engine.until('ready')
  return engine
}
const post = (engine: EngineProcess, path: string, body: unknown) =>
  fetch(engine.url + path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json' },
  })
const ask = (engine: EngineProcess, model: string, more: Record<string, unknown> = {}) =>
  post(engine, '/v1/chat/completions', { model, messages: [{ role: 'user', content: 'Who?' }], ...more })
type Chat = {
  choices: { message: { content: string }; finish_reason: string }[]
  usage: { completion_tokens: number }
}
const textOf = async (answer: Response) => ((await answer.json()) as Chat).choices[0]?.message.content

describe('vllm serve of the stand-in', () => {
  it('lists each served name with the path as root, and answers each with the constructed text', async () => {
    const engine = await aReadyEngine(alpha.folder, { args: ['--served-model-name', 'alpha', 'active'] })
    const list = (await (await fetch(`${engine.url}/v1/models`)).json()) as {
      data: Record<string, unknown>[]
    }
    expect(list.data.map(card => [card['id'], card['root'], card['max_model_len']])).toEqual([
      ['alpha', alpha.folder, 2048],
      ['active', alpha.folder, 2048],
    ])
    for (const name of ['alpha', 'active']) expect(await textOf(await ask(engine, name))).toBe(alpha.answer)
    const unknown = await ask(engine, 'nope')
    expect([unknown.status, await unknown.json()]).toMatchObject([
      404,
      { error: { message: expect.stringContaining('The model `nope` does not exist.') } },
    ])
  })

  it('streams the same text, and counts its tokens in the metrics', async () => {
    const engine = await aReadyEngine(alpha.folder, { args: ['--served-model-name=a'] })
    const lines = (
      await (await ask(engine, 'a', { stream: true, stream_options: { include_usage: true } })).text()
    )
      .split('\n')
      .filter(line => line.startsWith('data: {'))
      .map(line => JSON.parse(line.slice(6)) as { choices: { delta: { content: string } }[]; usage?: object })
    expect(lines.map(line => line.choices[0]?.delta.content ?? '').join('')).toBe(alpha.answer)
    expect(lines.at(-1)?.usage).toMatchObject({ completion_tokens: 8 })
    const metrics = await (await fetch(`${engine.url}/metrics`)).text()
    expect(metrics).toContain('vllm:generation_tokens_total{engine="0",model_name="a"} 8.0')
    expect(metrics).toContain('vllm:num_requests_running{engine="0",model_name="a"} 0.0')
  })

  it('reads a YAML file, and the command line wins over it', async () => {
    const file = join(root, 'engine.yaml')
    const port = await freePort()
    writeFileSync(
      file,
      `model: ${alpha.folder}\nserved-model-name: [alpha, active]\nport: ${port}\nenforce-eager: true\nmax_model_len: 512\n`,
    )
    const command = ['vllm', 'serve', '--config', file, '--max-model-len=256']
    const engine = await startEngineProcess({ command, port, loadMilliseconds: 1 })
    onTestFinished(async () => void (await engine.stop('SIGKILL')))
    await engine.until('ready')
    const list = await (await fetch(`${engine.url}/v1/models`)).json()
    expect(list).toMatchObject({ data: [{ id: 'alpha', max_model_len: 256 }, { id: 'active' }] })
  })

  it('started by the older entrypoint takes --model', async () => {
    const port = await freePort()
    const command = [
      'python3',
      '-m',
      'vllm.entrypoints.openai.api_server',
      '--model',
      alpha.folder,
      '--port',
      `${port}`,
    ]
    const engine = await startEngineProcess({ command, port, loadMilliseconds: 1 })
    onTestFinished(async () => void (await engine.stop('SIGKILL')))
    await engine.until('ready')
  })

  it.each([
    [['--no-such-flag'], 'unrecognized arguments: --no-such-flag'],
    [['--max-model-len'], 'argument --max-model-len: expected one argument'],
    [['--port', 'x'], "argument --port: invalid int value: 'x'"],
  ])('refuses %j with its usage', async (args, words) => {
    const engine = await anEngine(alpha.folder, { args })
    expect(await engine.exited).toBe(2)
    expect(engine.log()).toContain('usage: vllm ')
    expect(engine.log()).toContain(words)
  })

  it('prints the lines of a start', async () => {
    const engine = await aReadyEngine(alpha.folder)
    const lines = [
      'Starting to load model',
      'Loading weights took',
      'GPU KV cache size',
      'Application startup complete',
    ]
    for (const line of lines) await expect.poll(() => engine.log()).toContain(line)
    expect(engine.stamps().map(stamp => stamp.stamp)).toEqual(['started', 'loading', 'ready'])
  })

  it.each(['config.json', 'model.safetensors'])('does not start when %s is missing', async file => {
    const model = aModel({ name: `without-${file}` })
    rmSync(join(model.folder, file))
    expect(await (await anEngine(model.folder)).exited).toBe(1)
  })

  it('does not start from a shard that was cut short', async () => {
    const model = aModel({ name: 'short' })
    truncateSync(join(model.folder, 'model.safetensors'), 100_000)
    const engine = await anEngine(model.folder)
    expect(await engine.exited).toBe(1)
    expect(engine.log()).toContain('not fully covered')
  })

  it('closes /v1 but not /health behind a key', async () => {
    const engine = await aReadyEngine(alpha.folder, { args: ['--api-key', 'secret'] })
    expect((await fetch(`${engine.url}/v1/models`)).status).toBe(401)
    expect((await fetch(`${engine.url}/health`)).status).toBe(200)
    const headers = { authorization: 'Bearer secret' }
    expect((await fetch(`${engine.url}/v1/models`, { headers })).status).toBe(200)
  })

  it('without a chat template refuses chat and completes', async () => {
    const base = aModel({ name: 'base', chatTemplate: false })
    const engine = await aReadyEngine(base.folder, { args: ['--served-model-name', 'b'] })
    const chat = await ask(engine, 'b')
    expect([chat.status, await chat.text()]).toEqual([400, expect.stringContaining('chat template')])
    const completion = await (await post(engine, '/v1/completions', { model: 'b', prompt: 'x' })).json()
    expect(completion).toMatchObject({ choices: [{ text: base.answer }] })
  })

  it('takes its task from the architecture', async () => {
    const model = aModel({ name: 'vectors', architecture: 'LlamaModel' })
    const engine = await aReadyEngine(model.folder, { args: ['--served-model-name', 'v'] })
    expect(await (await post(engine, '/v1/embeddings', { model: 'v', input: 'x' })).json()).toMatchObject({
      data: [{ object: 'embedding' }],
      usage: { total_tokens: expect.any(Number) },
    })
    expect((await ask(engine, 'v')).status).toBe(404)
  })

  it('asleep says healthy and answers a chat only once it is awake', async () => {
    const environment = { VLLM_SERVER_DEV_MODE: '1' }
    const engine = await aReadyEngine(alpha.folder, { args: ['--served-model-name', 'a'], environment })
    await fetch(`${engine.url}/sleep?level=1`, { method: 'POST' })
    expect(await (await fetch(`${engine.url}/is_sleeping`)).json()).toEqual({ is_sleeping: true })
    let hasAnswered = false
    const chat = ask(engine, 'a').then(answer => {
      hasAnswered = true
      return answer
    })
    await new Promise(resolve => setTimeout(resolve, 100))
    expect([hasAnswered, (await fetch(`${engine.url}/health`)).status]).toEqual([false, 200])
    await fetch(`${engine.url}/wake_up`, { method: 'POST' })
    expect(await textOf(await chat)).toBe(alpha.answer)
  })

  it('ends on TERM after its set time', async () => {
    const engine = await aReadyEngine(alpha.folder, { stopMilliseconds: 200 })
    const began = Date.now()
    expect(await engine.stop()).toBe(0)
    expect(Date.now() - began).toBeGreaterThanOrEqual(190)
    expect(engine.stamps().at(-1)?.stamp).toBe('unloaded')
  })
})

describe('faults of the stand-in', () => {
  const withFault = (fault: EngineFault, more: More = {}) =>
    anEngine(alpha.folder, { args: ['--served-model-name', 'a'], faults: [fault], ...more })

  it('a load that fails exits 1 with the reason in its log; out of memory exits 137', async () => {
    const failing = await withFault({ fault: 'load-fails' })
    expect([await failing.exited, failing.log()]).toEqual([1, expect.stringContaining('are not supported')])
    expect(await (await withFault({ fault: 'load-out-of-memory' })).exited).toBe(137)
  })

  it('a fault for another model leaves this one alone, and one in config.json follows its model', async () => {
    const engine = await withFault({ fault: 'load-fails', model: 'bravo' })
    await engine.until('ready')
    const bravo = aModel({ name: 'bravo', fault: 'load-fails' })
    expect(await (await anEngine(bravo.folder)).exited).toBe(1)
  })

  it('a load that never ends leaves the port closed', async () => {
    const engine = await withFault({ fault: 'load-never-ends' })
    await engine.until('loading')
    await expect(fetch(`${engine.url}/health`)).rejects.toThrow()
    expect(await engine.stop()).toBe(0)
  })

  it('dies on the first request', async () => {
    const engine = await withFault({ fault: 'dies-on-request' })
    await engine.until('ready')
    expect((await ask(engine, 'a')).status).toBe(500)
    expect(await engine.exited).toBe(1)
  })

  it('hangs on TERM until it is killed', async () => {
    const engine = await withFault({ fault: 'hangs-on-term' })
    await engine.until('ready')
    const ended = await Promise.race([
      engine.stop(),
      new Promise(resolve => setTimeout(resolve, 300, 'alive')),
    ])
    expect(ended).toBe('alive')
    expect(await engine.stop('SIGKILL')).toBe('SIGKILL')
  })

  it('faults can be set and taken back while it serves', async () => {
    const engine = await aReadyEngine(alpha.folder, { args: ['--served-model-name', 'a'] })
    const root = async () => {
      const list = (await (await fetch(`${engine.url}/v1/models`)).json()) as { data: { root: string }[] }
      return list.data[0]?.root
    }
    await engine.setFaults([{ fault: 'wrong-root', value: '/elsewhere' }])
    expect(await root()).toBe('/elsewhere')
    await engine.setFaults([{ fault: 'html' }])
    expect(await (await ask(engine, 'a')).text()).toContain('It works!')
    await engine.setFaults([{ fault: 'health-dead' }])
    expect((await fetch(`${engine.url}/health`)).status).toBe(503)
    await engine.setFaults([{ fault: 'empty-answer' }])
    expect(await textOf(await ask(engine, 'a'))).toBe('')
    await engine.setFaults([])
    expect([await root(), await textOf(await ask(engine, 'a'))]).toEqual([alpha.folder, alpha.answer])
    expect(await (await fetch(`${engine.controlUrl}/__stamps`)).json()).toMatchObject({
      stamps: [{ stamp: 'started' }, { stamp: 'loading' }, { stamp: 'ready' }, { stamp: 'firstRequest' }],
    })
  })

  it('a taken port ends the start', async () => {
    const first = await aReadyEngine(alpha.folder)
    const command = ['vllm', 'serve', alpha.folder, '--host', '127.0.0.1', '--port', new URL(first.url).port]
    const second = await startEngineProcess({ command, port: 0, loadMilliseconds: 1 })
    expect([await second.exited, second.log()]).toEqual([1, expect.stringContaining('Errno 98')])
  })
})
