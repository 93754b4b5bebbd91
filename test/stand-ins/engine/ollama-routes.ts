// Ollama's HTTP answers: tags, show, ps, generate, chat, copy, delete, and its OpenAI-shaped side.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { readBody, sendJson } from '../listening.ts'
import { type Speech, speak, speakAll } from './generation.ts'
import { type LoadedModel, type LoadedModels, parseKeepAlive } from './ollama-loaded.ts'
import type { OllamaStore, StoredModel } from './ollama-store.ts'
import { type OpenAiRequest, promptTokensOf, sendSpeech } from './openai.ts'
import { meetTaskFault, meetWireFault } from './wire-faults.ts'
import type { EngineWorld } from './world.ts'

interface OllamaRequest extends OpenAiRequest {
  readonly name?: string
  readonly keep_alive?: unknown
  readonly source?: string
  readonly destination?: string
  readonly options?: { readonly num_predict?: number }
}

export interface OllamaServing {
  readonly world: EngineWorld
  readonly store: OllamaStore
  readonly loaded: LoadedModels
}

const sendError = (response: ServerResponse, status: number, error: string) =>
  sendJson(response, { error }, { status })
const sendOpenAiError = (response: ServerResponse, status: number, message: string) => {
  const type = { 404: 'not_found_error', 400: 'invalid_request_error' }[status] ?? 'api_error'
  sendJson(response, { error: { message, type, param: null, code: null } }, { status })
}

type Style = 'chat' | 'generate'
const asksNothing = (style: Style, asked: OllamaRequest): boolean =>
  style === 'chat' ? !asked.messages?.length : !asked.prompt
interface Turn {
  readonly asked: OllamaRequest
  readonly model: LoadedModel
  readonly began: bigint
}

export function openOllamaRoutes({ world, store, loaded }: OllamaServing) {
  const anyThing = { words: [] }

  world.truth.answers = () =>
    loaded
      .all()
      .filter(model => !world.faults.isMute(model.thing))
      .map(model => `sha256:${digestShown(model.stored).replace(/^sha256:/, '')}`)

  function details(stored: StoredModel) {
    const config = store.configOf(stored)
    return {
      parent_model: '',
      format: config['model_format'] ?? 'gguf',
      family: config['model_family'] ?? '',
      families: config['model_families'] ?? null,
      parameter_size: config['model_type'] ?? '',
      quantization_level: config['file_type'] ?? '',
    }
  }

  function digestShown(stored: StoredModel): string {
    return world.faults.find('wrong-root', { words: [stored.name] })?.value ?? stored.digest
  }

  const rowOf = (stored: StoredModel) => ({
    name: stored.name,
    model: stored.name,
    modified_at: stored.modified.toISOString(),
    size: stored.size,
    digest: stored.digest,
    details: details(stored),
  })

  function listLoaded(response: ServerResponse) {
    const models = loaded.all().map(model => ({
      name: model.stored.name,
      model: model.stored.name,
      size: model.stored.size,
      digest: digestShown(model.stored),
      details: details(model.stored),
      expires_at: model.expiresAt.toISOString(),
      size_vram: 0,
      context_length: model.maxContext,
    }))
    sendJson(response, { models })
  }

  function show(response: ServerResponse, stored: StoredModel) {
    const text = (kind: string) => store.textOf(stored, kind)
    const license = text('license')
    sendJson(response, {
      ...(license === undefined ? {} : { license }),
      modelfile: `FROM ${stored.name}\n`,
      parameters: text('params') ?? '',
      template: text('template') ?? '',
      ...(text('system') === undefined ? {} : { system: text('system') }),
      details: details(stored),
      model_info: Object.fromEntries(
        [...store.verify(stored)].filter(([key]) => /^(general|llama)\./.test(key)),
      ),
      capabilities: ['completion'],
      modified_at: stored.modified.toISOString(),
    })
  }

  function speechFor(model: LoadedModel, asked: OllamaRequest): Speech {
    const promptTokens = promptTokensOf(asked)
    const wanted = asked.options?.num_predict ?? asked.max_completion_tokens ?? asked.max_tokens
    const answer = world.faults.find('empty-answer', model.thing) ? '' : model.answer
    // Without a limit it stops at ten times the context.
    const maxTokens = wanted === undefined || wanted < 0 ? 10 * model.maxContext : wanted
    return { answer, loop: model.loop, maxTokens, promptTokens }
  }

  const textField = (style: Style, content: string) =>
    style === 'chat' ? { message: { role: 'assistant', content } } : { response: content }
  const head = (name: string) => ({ model: name, created_at: new Date().toISOString() })

  async function speakNative(response: ServerResponse, style: Style, { asked, model, began }: Turn) {
    const name = asked.model ?? asked.name ?? ''
    const speech = speechFor(model, asked)
    const closing = (tokens: number, reason: string) => ({
      done: true,
      done_reason: reason,
      total_duration: Number(process.hrtime.bigint() - began),
      load_duration: 1,
      prompt_eval_count: speech.promptTokens,
      prompt_eval_duration: 1,
      eval_count: tokens,
      eval_duration: 1,
    })
    if (asked.stream === false) {
      const { text, tokens, finish } = await speakAll(world, speech, response)
      return sendJson(response, { ...head(name), ...textField(style, text), ...closing(tokens, finish) })
    }
    response.writeHead(200, { 'content-type': 'application/x-ndjson' })
    const send = (value: unknown) => response.write(`${JSON.stringify(value)}\n`)
    let tokens = 0
    let finish = 'stop'
    for await (const token of speak(world, speech, response)) {
      tokens++
      finish = token.finish ?? finish
      send({ ...head(name), ...textField(style, token.text), done: false })
    }
    send({ ...head(name), ...textField(style, ''), ...closing(tokens, finish) })
    response.end()
  }

  function sendDone(response: ServerResponse, style: Style, asked: OllamaRequest, reason: 'load' | 'unload') {
    const name = asked.model ?? asked.name ?? ''
    sendJson(response, { ...head(name), ...textField(style, ''), done: true, done_reason: reason })
  }

  /** False: a fault has dealt with the request. */
  async function isLetThrough(response: ServerResponse, model: LoadedModel): Promise<boolean> {
    world.counters.requests++
    if (world.counters.requests === 1) world.stamps.write('firstRequest', model.stored.name)
    if (await meetTaskFault(world, model.thing, response)) return false
    if (!world.faults.find('dies-on-request', model.thing)) return true
    loaded.unload(model.stored.name)
    sendError(response, 500, 'llama runner process no longer running: -1 ')
    return false
  }

  async function answerNative(response: ServerResponse, style: Style, asked: OllamaRequest) {
    const began = process.hrtime.bigint()
    const name = asked.model ?? asked.name ?? ''
    const stored = store.find(name)
    if (stored === undefined) return sendError(response, 404, `model '${name}' not found`)
    const isEmpty = asksNothing(style, asked)
    const keepAlive = parseKeepAlive(asked.keep_alive)
    if (isEmpty && keepAlive === 0) {
      loaded.unload(stored.name)
      return sendDone(response, style, asked, 'unload')
    }
    if (isEmpty && loaded.breaks(stored)) setTimeout(() => response.socket?.resetAndDestroy(), 20)
    const model = await loaded.get(stored, keepAlive)
    if (isEmpty) return sendDone(response, style, asked, 'load')
    if (!(await isLetThrough(response, model))) return
    await speakNative(response, style, { asked, model, began })
    if (keepAlive === 0) loaded.unload(stored.name)
  }

  async function answerOpenAi(response: ServerResponse, kind: 'chat' | 'completion', asked: OllamaRequest) {
    const stored = store.find(asked.model ?? '')
    if (stored === undefined) return sendOpenAiError(response, 404, `model '${asked.model}' not found`)
    if (kind === 'chat' && !asked.messages?.length)
      return sendOpenAiError(response, 400, "[] is too short - 'messages'")
    const model = await loaded.get(stored, undefined)
    if (!(await isLetThrough(response, model))) return
    return sendSpeech(response, { world, speech: speechFor(model, asked), asked, kind })
  }

  function copy(response: ServerResponse, asked: OllamaRequest) {
    const from = store.find(asked.source ?? '')
    if (from === undefined) return sendError(response, 404, `model '${asked.source}' not found`)
    store.copy(from, asked.destination ?? '')
    response.writeHead(200, { 'content-length': 0 }).end()
  }

  function remove(response: ServerResponse, stored: StoredModel) {
    loaded.unload(stored.name)
    store.remove(stored)
    response.writeHead(200, { 'content-length': 0 }).end()
  }

  function withStored(
    response: ServerResponse,
    asked: OllamaRequest,
    then: (response: ServerResponse, stored: StoredModel) => void,
  ) {
    const name = asked.model ?? asked.name ?? ''
    const stored = store.find(name)
    if (stored === undefined) return sendError(response, 404, `model '${name}' not found`)
    return then(response, stored)
  }

  const bodyless: Record<string, (response: ServerResponse) => void> = {
    'GET /': response => void response.end('Ollama is running'),
    'HEAD /': response => void response.end(),
    'GET /api/version': response => sendJson(response, { version: '0.22.0' }),
    'GET /api/tags': response => sendJson(response, { models: store.list().map(rowOf) }),
    'GET /api/ps': listLoaded,
    'GET /v1/models': response =>
      sendJson(response, {
        object: 'list',
        data: store.list().map(stored => ({
          id: stored.name,
          object: 'model',
          created: Math.floor(stored.modified.getTime() / 1000),
          owned_by: 'library',
        })),
      }),
  }

  const withBody: Record<string, (response: ServerResponse, asked: OllamaRequest) => void | Promise<void>> = {
    'POST /api/show': (response, asked) => withStored(response, asked, show),
    'POST /api/generate': (response, asked) => answerNative(response, 'generate', asked),
    'POST /api/chat': (response, asked) => answerNative(response, 'chat', asked),
    'POST /v1/chat/completions': (response, asked) => answerOpenAi(response, 'chat', asked),
    'POST /v1/completions': (response, asked) => answerOpenAi(response, 'completion', asked),
    'POST /api/copy': copy,
    'DELETE /api/delete': (response, asked) => withStored(response, asked, remove),
  }

  async function answerBody(request: IncomingMessage, response: ServerResponse, route: string) {
    const answer = withBody[route]
    if (answer === undefined) {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('404 page not found')
      return
    }
    let asked: OllamaRequest
    try {
      asked = JSON.parse((await readBody(request)).toString()) as OllamaRequest
    } catch {
      return sendError(response, 400, 'missing request body')
    }
    try {
      await answer(response, asked)
    } catch (error) {
      const send = route.includes('/v1/') ? sendOpenAiError : sendError
      world.stamps.write('failed', asked.model)
      send(response, 500, (error as Error).message)
    }
  }

  return function answer(request: IncomingMessage, response: ServerResponse): void | Promise<void> {
    if (meetWireFault(world, anyThing, { request, response })) return
    const route = `${request.method} ${new URL(request.url ?? '/', 'http://engine').pathname}`
    const plain = bodyless[route]
    return plain === undefined ? answerBody(request, response, route) : plain(response)
  }
}
