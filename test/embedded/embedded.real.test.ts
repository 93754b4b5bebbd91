// The embedded engine as a process, with the real llama.cpp of the npm registry and a constructed GGUF in a store of Ollama's layout.
import { mkdtempSync, readdirSync, rmSync, truncateSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bundle } from '../../scripts/build.ts'
import type { RecipeWish } from '../../src/domain/engine.ts'
import { llamaCppLog } from '../../src/domain/engine-facts/llama-cpp-log.ts'
import { readSign } from '../../src/domain/engine-facts/load-log.ts'
import { createLlamaCpp } from '../../src/engines/llama-cpp.ts'
import { freePort } from '../stand-ins/engine/start.ts'
import { ollamaLayers, writeOllamaStore, writeTinyModel } from '../stand-ins/tiny-model.ts'

const folder = mkdtempSync(join(tmpdir(), 'switchyard-embedded-'))
const at = (...names: string[]): string => join(folder, ...names)
const answer = 'I am a tiny model, constructed for a test.'
const engine = createLlamaCpp({ fetch })
const program = at('switchyard.mjs')
const store = at('store')
let digest = ''

/** npm's own cache is the machine's; ours is empty at the beginning. */
const environment = { XDG_CACHE_HOME: at('cache') }
const embedded = (words: readonly string[], env: Readonly<Record<string, string>> = {}) =>
  execa(process.execPath, [program, 'embedded', ...words], {
    env: { ...environment, ...env },
    reject: false,
    all: true,
    // What runs may take longer on a busy machine than a killer waits.
    forceKillAfterDelay: false,
  })

const serve = async (...more: string[]) => {
  const port = await freePort()
  const words = ['serve', '--store', store, '--model', 'tiny:latest', '--name', 'tiny', '--name', 'active']
  const running = embedded([...words, '--port', String(port), ...more])
  let said = ''
  running.all.setEncoding('utf8').on('data', (text: string) => {
    said += text
  })
  const address = `http://127.0.0.1:${port}`
  for (const end = Date.now() + 60_000; !said.includes('serving '); await sleep(20))
    if (Date.now() > end || running.exitCode !== null) throw new Error(`it does not serve:\n${said}`)
  const post = (path: string, body: object, signal?: AbortSignal) =>
    fetch(`${address}${path}`, { method: 'POST', body: JSON.stringify(body), ...(signal ? { signal } : {}) })
  return { running, address, post, said: () => said }
}

const signOf = (output: string) =>
  output
    .trim()
    .split('\n')
    .map(line => readSign(line, llamaCppLog))
    .findLast(sign => sign?.failure)?.failure

beforeAll(async () => {
  await bundle(program)
  const make = (name: string, more: object) => {
    const made = writeTinyModel(at(name), { name, answer, forms: ['gguf'], ...more })
    const image = ollamaLayers(made)
    writeOllamaStore(store, `library/${name}:latest`, image)
    return image.digest
  }
  digest = make('tiny', {})
  make('endless', { loop: true })
  make('plain', { chatTemplate: false })
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('The embedded engine, before it is installed', () => {
  it('says which registry cannot be reached, what to do, and leaves nothing', async () => {
    const env = {
      npm_config_registry: 'http://127.0.0.1:9',
      npm_config_cache: at('empty'),
      XDG_CACHE_HOME: at('none'),
    }
    const { exitCode, all } = await embedded(['install'], env)
    expect(exitCode).toBe(1)
    expect(signOf(all)).toEqual({
      reason: 'LoadFailed',
      message:
        'llama.cpp cannot be installed: npm cannot reach http://127.0.0.1:9 (ECONNREFUSED); it is needed once: connect this machine, or name a mirror (npm config set registry URL)',
    })
    expect(readdirSync(at('none', 'switchyard'))).toEqual([])
  })

  it('says that npm is not there', async () => {
    const { all } = await embedded(['install'], { PATH: at('nowhere') })
    expect(signOf(all)?.message).toContain('npm is not on the PATH')
  })

  it('is installed once, whole, by whoever comes first', async () => {
    const both = await Promise.all([embedded(['install']), embedded(['install'])])
    expect(both.map(({ exitCode, all }) => [exitCode, exitCode === 0 ? '' : all])).toEqual([
      [0, ''],
      [0, ''],
    ])
    const [only, ...more] = readdirSync(at('cache', 'switchyard'))
    expect(more).toEqual([])
    const binaries = readdirSync(at('cache', 'switchyard', only ?? '', 'node_modules/@node-llama-cpp'))
    expect(binaries).toEqual([`linux-${process.arch}`])
    const again = await embedded(['install'])
    expect([again.exitCode, again.all]).toEqual([0, ''])
  })
})

describe('The embedded engine', () => {
  let one: Awaited<ReturnType<typeof serve>>
  const wish = (more: Partial<RecipeWish> = {}): RecipeWish => ({
    ...{ modelName: 'tiny', alias: 'active', ollamaName: 'tiny', runtimeArgs: [], modelArgs: [] },
    ...{ revision: `sha256:${digest}`, task: 'Chat' },
    ...more,
  })
  const chat = { messages: [{ role: 'user', content: 'Who are you?' }], temperature: 0 }

  beforeAll(async () => {
    one = await serve()
  })
  afterAll(async () => {
    one.running.kill('SIGKILL')
    await one.running
  })

  it('is proved by the digest of the bytes that it serves, and asked as every engine is', async () => {
    const proof = (recipe = engine.recipe(wish())) =>
      engine.prove(one.address, recipe, { mode: 'Task', timeoutMs: 20_000 })
    expect(await proof()).toMatchObject({ isProved: true })
    expect(await proof(engine.recipe(wish({ revision: `sha256:${'0'.repeat(64)}` })))).toMatchObject({
      isProved: false,
      reason: 'WrongModel',
    })
    expect(await engine.ask(one.address, 5_000)).toMatchObject({
      state: 'Answers',
      running: 0,
      listed: [
        { name: 'tiny', identity: `sha256:${digest}`, isLoaded: true, contextLength: 2048 },
        { name: 'active', identity: `sha256:${digest}`, isLoaded: true },
      ],
    })
  })

  it('answers a chat through the template of the model, whole and in pieces', async () => {
    const whole = (await (
      await one.post('/v1/chat/completions', { ...chat, model: 'active' })
    ).json()) as object
    expect(whole).toMatchObject({
      object: 'chat.completion',
      model: 'active',
      choices: [{ message: { role: 'assistant', content: answer }, finish_reason: 'stop' }],
    })
    const streamed = await one.post('/v1/chat/completions', {
      ...chat,
      stream: true,
      stream_options: { include_usage: true },
    })
    expect(streamed.headers.get('content-type')).toBe('text/event-stream')
    const events = (await streamed.text())
      .split('\n\n')
      .filter(Boolean)
      .map(event => event.replace('data: ', ''))
    expect(events.pop()).toBe('[DONE]')
    type Event = { choices: { delta: { content: string }; finish_reason: string | null }[]; usage?: object }
    const pieces = events.map(event => JSON.parse(event) as Event)
    expect(pieces.flatMap(({ choices }) => choices.map(({ delta }) => delta.content)).join('')).toBe(answer)
    expect(pieces.at(-2)?.choices[0]?.finish_reason).toBe('stop')
    expect(pieces.at(-1)?.usage).toEqual((whole as { usage: object }).usage)
  })

  it('completes a text, no further than it was asked', async () => {
    const prompt = '<|user|>\nHi<|eos|>\n<|assistant|>\n'
    const short = await one.post('/v1/completions', { prompt, max_tokens: 3, temperature: 0 })
    expect(await short.json()).toMatchObject({
      object: 'text_completion',
      choices: [{ text: answer.slice(0, 9), finish_reason: 'length' }],
      usage: { completion_tokens: 3 },
    })
    const stopped = await one.post('/v1/completions', {
      prompt,
      stop: ' model',
      max_tokens: 50,
      temperature: 0,
    })
    expect(await stopped.json()).toMatchObject({ choices: [{ text: 'I am a tiny', finish_reason: 'stop' }] })
  })

  it.each([
    ['/v1/chat/completions', { messages: [] }, 400, /^messages: /],
    ['/v1/chat/completions', { ...chat, n: 2 }, 400, /^n: only 1 is served/],
    ['/v1/chat/completions', { ...chat, model: 'other' }, 404, /The model "other" does not exist/],
    ['/v1/completions', { prompt: 'x'.repeat(5_000) }, 400, /maximum context length is 2048 tokens/],
    ['/v1/completions', { prompt: 1 }, 400, /^prompt: /],
    ['/v1/embeddings', { input: 'x' }, 404, /there is no POST \/v1\/embeddings/],
  ] as const)('refuses %s in a sentence: case %#', async (path, body, status, message) => {
    const refused = await one.post(path, body)
    expect(refused.status).toBe(status)
    expect(await refused.json()).toMatchObject({ error: { message: expect.stringMatching(message) } })
  })

  it('lets what runs end when it is asked to end, and takes nothing new', async () => {
    const endless = await serve('--model', 'endless:latest', '--ctx-size', '512')
    const long = await endless.post('/v1/chat/completions', { ...chat, stream: true })
    const reader = long.body!.getReader()
    await reader.read()
    expect(await engine.ask(endless.address, 5_000)).toMatchObject({ running: 1 })
    endless.running.kill('SIGTERM')
    let last = ''
    for (let next = await reader.read(); !next.done; next = await reader.read())
      last = Buffer.from(next.value).toString('utf8')
    expect(last).toContain('[DONE]')
    expect((await endless.running).exitCode).toBe(0)
    expect(endless.said()).toContain('embedded: stopped')
  })

  it('stops a request whose client is gone', async () => {
    const endless = await serve('--model', 'endless:latest', '--parallel', '1')
    const gone = new AbortController()
    const long = await endless.post('/v1/chat/completions', { ...chat, stream: true }, gone.signal)
    await long.body!.getReader().read()
    gone.abort()
    const next = await endless.post('/v1/chat/completions', { ...chat, max_tokens: 2 })
    expect(await next.json()).toMatchObject({ usage: { completion_tokens: 2 } })
    endless.running.kill('SIGTERM')
    expect((await endless.running).exitCode).toBe(0)
  })

  it('proves a model without a template by a completion', async () => {
    const plain = await serve('--model', 'plain:latest')
    const listed = (await engine.ask(plain.address, 5_000)).listed[0]
    const recipe = engine.recipe(wish({ ollamaName: 'plain', revision: listed?.identity ?? '' }))
    const proof = await engine.prove(plain.address, recipe, { mode: 'Task', timeoutMs: 20_000 })
    expect(proof).toMatchObject({ isProved: true, message: '/v1/completions answered with usage' })
    plain.running.kill('SIGTERM')
    await plain.running
  })
})

describe('The embedded engine ends with a sentence that its log signs know', () => {
  const start = async (...words: string[]) => {
    const { exitCode, all } = await embedded(['serve', '--store', store, ...words])
    expect(exitCode).toBe(1)
    return signOf(all)
  }

  it('of a model that is not there', async () => {
    expect(await start('--model', 'absent')).toMatchObject({
      reason: 'FilesUnreadable',
      message: expect.stringContaining('ENOENT'),
    })
  })

  it('of a file that was cut short', async () => {
    const image = ollamaLayers(writeTinyModel(at('cut'), { name: 'cut', forms: ['gguf'] }))
    writeOllamaStore(at('cut-store'), 'library/cut:latest', image)
    const blobs = readdirSync(at('cut-store/blobs')).map(name => at('cut-store/blobs', name))
    for (const blob of blobs) truncateSync(blob, 100)
    expect(await start('--store', at('cut-store'), '--model', 'cut')).toMatchObject({
      reason: 'FilesUnreadable',
      message: expect.stringContaining('has 100 bytes instead of'),
    })
  })

  it('of a port that somebody else has', async () => {
    const other = createServer().listen(0, '127.0.0.1')
    await new Promise(resolve => other.once('listening', resolve))
    const { port } = other.address() as { port: number }
    expect(await start('--model', 'tiny', '--port', String(port))).toMatchObject({ reason: 'PortTaken' })
    other.close()
  })

  it('of a word that it does not know', async () => {
    expect(await start('--model', 'tiny', '--gpu-layers', '3')).toMatchObject({ reason: 'ArgumentsRefused' })
    expect(await start('--model', 'tiny', '--ctx-size', 'many')).toMatchObject({
      reason: 'ArgumentsRefused',
      message: 'arguments: --ctx-size takes a whole number from 1 to 1048576',
    })
  })
})
