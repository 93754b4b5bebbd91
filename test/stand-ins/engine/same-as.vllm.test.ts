// The same requests to the real vLLM and to the stand-in: what keeps the stand-in's dialect honest.
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type TinyModel, writeTinyModel } from '../tiny-model.ts'
import { type EngineProcess, freePort, startEngineProcess } from './start.ts'

const places = [process.env['SWITCHYARD_VLLM'], join(homedir(), '.cache/switchyard/vllm-venv/bin/vllm')]
const program = places.find(place => place !== undefined && existsSync(place))
if (program === undefined)
  console.log('SKIPPED: the real vLLM beside the stand-in: no vllm program (set SWITCHYARD_VLLM)')

const REAL_ENVIRONMENT = {
  CUDA_VISIBLE_DEVICES: '',
  HF_HUB_OFFLINE: '1',
  VLLM_NO_USAGE_STATS: '1',
  VLLM_LOGGING_COLOR: '0',
  VLLM_CPU_KVCACHE_SPACE: '1',
  VLLM_CPU_OMP_THREADS_BIND: 'nobind',
  OMP_NUM_THREADS: '1',
}
const messages = [{ role: 'user', content: 'Who?' }]
const PROBES: readonly [name: string, path: string, body?: unknown][] = [
  ['the list', '/v1/models'],
  ['health', '/health'],
  ['the version', '/version'],
  ['a chat', '/v1/chat/completions', { model: 'tiny', messages }],
  ['a chat by the alias', '/v1/chat/completions', { model: 'active', messages }],
  ['a chat cut short', '/v1/chat/completions', { model: 'tiny', messages, max_tokens: 2 }],
  ['an unknown model', '/v1/chat/completions', { model: 'nope', messages }],
  ['a chat without messages', '/v1/chat/completions', { model: 'tiny' }],
  ['a completion', '/v1/completions', { model: 'active', prompt: 'x' }],
  ['an embedding that it cannot make', '/v1/embeddings', { model: 'tiny', input: 'x' }],
  ['a page that is not there', '/nothing'],
  ['a GET where it takes a POST', '/v1/chat/completions'],
]

interface Answer {
  readonly data?: readonly { id: string; root: string; max_model_len: number }[]
  readonly choices?: readonly { message?: { content: string }; text?: string; finish_reason: string }[]
  readonly usage?: { completion_tokens: number }
  readonly error?: { message: string; type: string; param: string | null }
  readonly model?: string
}

/** What must be the same: the parts that a program reads. */
function essence(text: string) {
  if (text === '') return text
  const { data, choices, usage, error, model, ...rest } = JSON.parse(text) as Answer
  if (data !== undefined) return data.map(card => [card.id, card.root, card.max_model_len])
  if (error !== undefined) return [error.type, error.param, error.message.slice(0, 30)]
  if (choices === undefined) return rest
  const said = choices.map(choice => [choice.message?.content ?? choice.text, choice.finish_reason])
  return [model, said, usage?.completion_tokens]
}

describe.skipIf(program === undefined)('the real vLLM and the stand-in, asked the same', () => {
  const root = mkdtempSync(join(tmpdir(), 'same-as-vllm-'))
  let model: TinyModel
  let real: EngineProcess
  let ours: EngineProcess

  async function start(first: readonly string[] | undefined, environment: Record<string, string>) {
    const port = await freePort()
    const names = ['--served-model-name', 'tiny', 'active']
    const rest = ['--host', '127.0.0.1', '--port', String(port), '--max-model-len', '1024', '--enforce-eager']
    const args = ['serve', model.folder, ...rest, '--dtype', 'bfloat16', ...names]
    const command = first === undefined ? ['vllm', ...args] : args
    return startEngineProcess({
      command,
      port,
      environment,
      ...(first === undefined ? {} : { program: first }),
    })
  }
  beforeAll(async () => {
    model = writeTinyModel(root, {
      name: 'tiny',
      answer: 'I am tiny, ünïcode.',
      shards: 2,
      forms: ['huggingFace'],
    })
    real = await start([program!], REAL_ENVIRONMENT)
    ours = await start(undefined, {})
    await ours.until('ready')
    for (let i = 0; i < 600; i++) {
      const answer = await fetch(`${real.url}/health`).catch(() => undefined)
      if (answer?.ok) return
      await new Promise(resolve => setTimeout(resolve, 500))
    }
    throw new Error(`the real vLLM did not start:\n${real.log()}`)
  })
  afterAll(async () => {
    await Promise.all([real?.stop(), ours?.stop()])
    rmSync(root, { recursive: true, force: true })
  })

  it.each(PROBES)('%s', async (_, path, body) => {
    const ask = async (engine: EngineProcess) => {
      const headers = { 'content-type': 'application/json' }
      const post = { method: 'POST', body: JSON.stringify(body), headers }
      const answer = await fetch(engine.url + path, body === undefined ? {} : post)
      return [answer.status, essence(await answer.text())]
    }
    expect(await ask(ours)).toEqual(await ask(real))
  })

  it('each line that tells of progress stands in both logs', () => {
    for (const line of [
      'Starting to load model',
      'Loading weights took',
      'KV cache size',
      'Application startup complete',
    ])
      for (const engine of [real, ours]) expect(engine.log()).toContain(line)
  })

  it('TERM ends both with 0', async () => {
    expect([await ours.stop(), await real.stop()]).toEqual([0, 0])
  })
})
