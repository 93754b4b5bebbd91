// vLLM's HTTP answers: health, list, chat, completion, embedding, score, sleep, with the texts of the real server.
import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { readBody, sendJson } from '../listening.ts'
import type { ServedThing } from './faults.ts'
import type { ModelFolder } from './model-folder.ts'
import { type OpenAiRequest, promptTokensOf, sendEmbeddings, sendSpeech } from './openai.ts'
import type { VllmArguments } from './vllm-arguments.ts'
import { renderVllmMetrics } from './vllm-metrics.ts'
import { meetTaskFault, meetWireFault } from './wire-faults.ts'
import { type EngineWorld, never } from './world.ts'

export interface VllmServing {
  readonly world: EngineWorld
  readonly options: VllmArguments
  readonly folder: ModelFolder
  /** Ends the process with this code. */
  readonly die: (code: number) => void
}

const CHAT_TEMPLATE_MISSING =
  'As of transformers v4.44, default chat template is no longer allowed, so you must provide a chat template if the tokenizer does not define one.'

interface ErrorText {
  readonly status: number
  readonly type: string
  readonly message: string
  readonly param?: string
}

const sendError = (response: ServerResponse, { status, type, message, param }: ErrorText) =>
  sendJson(response, { error: { message, type, param: param ?? null, code: status } }, { status })
/** What the request's schema refuses, in the words of the real server. */
const invalid = (what: string, param?: string): ErrorText => ({
  status: 400,
  type: 'Bad Request',
  message: `1 validation error:\n  ${what}`,
  ...(param === undefined ? {} : { param }),
})
const missing = (field: string) =>
  invalid(`{'type': 'missing', 'loc': 'body.${field}', 'msg': 'Field required'}`, `body.${field}`)
const badRequest = (message: string, param?: string): ErrorText => ({
  status: 400,
  type: 'BadRequestError',
  message,
  ...(param === undefined ? {} : { param }),
})

type Kind = 'chat' | 'completion' | 'other'
type Route = (request: IncomingMessage, response: ServerResponse, url: URL) => void | Promise<void>

export function thingOf({ options, folder }: Pick<VllmServing, 'options' | 'folder'>): ServedThing {
  return { words: [folder.path, ...options.servedNames], ownFault: folder.fault }
}

export function openVllmRoutes(serving: VllmServing) {
  const { world, options, folder } = serving
  const thing = thingOf(serving)
  const fault = (name: Parameters<typeof world.faults.find>[0]) => world.faults.find(name, thing)
  const maxLength = options.maxModelLength ?? folder.maxContext
  const started = Math.floor(Date.now() / 1000)
  let sleepLevel = 0
  let wake: (() => void)[] = []
  const sleepShown = () => (fault('sleep-lies') ? 0 : sleepLevel)
  const rootShown = () =>
    fault('wrong-root')?.value ?? (fault('wrong-root') ? '/models/another' : options.model)
  world.truth.answers = () => (sleepLevel > 0 || world.faults.isMute(thing) ? [] : [rootShown()])

  function card(id: string) {
    const permission = {
      id: `modelperm-${createHash('sha1').update(id).digest('hex').slice(0, 32)}`,
      object: 'model_permission',
      created: started,
      allow_create_engine: false,
      allow_sampling: true,
      allow_logprobs: true,
      allow_search_indices: false,
      allow_view: true,
      allow_fine_tuning: false,
      organization: '*',
      group: null,
      is_blocking: false,
    }
    const root = rootShown()
    const max_model_len = maxLength
    return {
      id,
      object: 'model',
      created: started,
      owned_by: 'vllm',
      root,
      parent: null,
      max_model_len,
      permission: [permission],
    }
  }

  const listModels: Route = (_, response) => {
    const names = fault('wrong-model') ? [fault('wrong-model')?.value ?? 'another'] : options.servedNames
    sendJson(response, { object: 'list', data: names.map(card) })
  }

  function isHealthy(): boolean {
    const flaps = fault('health-flaps')
    if (fault('health-dead')) return false
    return flaps === undefined || Math.floor(Date.now() / (flaps.milliseconds ?? 500)) % 2 === 0
  }
  const health: Route = (_, response) => {
    response.writeHead(isHealthy() ? 200 : 503, { 'content-length': 0 }).end()
  }

  function unknownModel(asked: OpenAiRequest): ErrorText | undefined {
    if (asked.model === undefined || options.servedNames.includes(asked.model)) return undefined
    const message = `The model \`${asked.model}\` does not exist. Valid aliases: ${options.servedNames.join(', ')}.`
    return { status: 404, type: 'NotFoundError', param: 'model', message }
  }

  function tooLong(asked: OpenAiRequest): ErrorText | undefined {
    const prompt = promptTokensOf(asked)
    if (prompt <= maxLength) return undefined
    return badRequest(
      `This model's maximum context length is ${maxLength} tokens. However, your request has ${prompt} input tokens. Please reduce the length of the input messages.`,
      'input_tokens',
    )
  }

  function missingField(asked: OpenAiRequest, kind: Kind): ErrorText | undefined {
    if (kind === 'chat' && !Array.isArray(asked.messages)) return missing('messages')
    return kind === 'completion' && asked.prompt === undefined ? missing('prompt') : undefined
  }

  function problemOf(asked: OpenAiRequest, kind: Kind): ErrorText | undefined {
    const problem = missingField(asked, kind) ?? unknownModel(asked) ?? tooLong(asked)
    const hasTemplate = folder.hasChatTemplate || options.chatTemplate !== undefined
    return problem ?? (kind === 'chat' && !hasTemplate ? badRequest(CHAT_TEMPLATE_MISSING) : undefined)
  }

  async function readAsked(request: IncomingMessage): Promise<OpenAiRequest | ErrorText> {
    if (!/^application\/json/.test(request.headers['content-type'] ?? ''))
      return invalid("Unsupported Media Type: Only 'application/json' is allowed")
    try {
      return JSON.parse((await readBody(request)).toString()) as OpenAiRequest
    } catch {
      return invalid("{'type': 'json_invalid', 'msg': 'JSON decode error'}")
    }
  }

  function dieSoon(response: ServerResponse) {
    sendError(response, {
      status: 500,
      type: 'InternalServerError',
      message: 'EngineCore encountered an issue. See stack trace (above) for the root cause.',
    })
    world.stamps.write('failed', folder.path)
    setTimeout(() => serving.die(1), 20)
  }

  /** Everything that may happen to a request before the model is asked; undefined: it has been answered. */
  async function isLetThrough(
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<OpenAiRequest | undefined> {
    world.counters.requests++
    if (world.counters.requests === 1) world.stamps.write('firstRequest', folder.path)
    const asked = await readAsked(request)
    if ('status' in asked) {
      sendError(response, asked)
      return undefined
    }
    if (fault('dies-on-request')) {
      dieSoon(response)
      return undefined
    }
    if (await meetTaskFault(world, thing, response)) return undefined
    if (sleepLevel > 0) await new Promise<void>(resolve => wake.push(resolve))
    return asked
  }

  const generate =
    (kind: 'chat' | 'completion'): Route =>
    async (request, response) => {
      const asked = await isLetThrough(request, response)
      if (asked === undefined) return
      const problem = problemOf(asked, kind)
      if (problem !== undefined) return sendError(response, problem)
      const promptTokens = promptTokensOf(asked)
      const most = kind === 'completion' ? 16 : maxLength - promptTokens
      const answer = fault('empty-answer') ? '' : folder.answer
      const maxTokens = asked.max_completion_tokens ?? asked.max_tokens ?? most
      const speech = { answer, loop: folder.loop, maxTokens, promptTokens }
      // The answer carries the first served name, whichever was asked for.
      const named = { ...asked, model: options.servedNames[0]! }
      return sendSpeech(response, { world, speech, asked: named, kind })
    }

  const embed: Route = async (request, response) => {
    const asked = await isLetThrough(request, response)
    if (asked === undefined) return
    const problem = problemOf(asked, 'other')
    if (problem !== undefined) return sendError(response, problem)
    world.counters.promptTokens += promptTokensOf(asked)
    sendEmbeddings(response, { ...asked, model: options.servedNames[0]! })
  }

  const rerank: Route = async (request, response) => {
    const asked = (await isLetThrough(request, response)) as
      | (OpenAiRequest & { documents?: string[] })
      | undefined
    if (asked === undefined) return
    const problem = problemOf(asked, 'other')
    if (problem !== undefined) return sendError(response, problem)
    const results = (asked.documents ?? []).map((text, index) => ({
      index,
      document: { text },
      relevance_score: 0.9,
    }))
    const usage = { prompt_tokens: 4, total_tokens: 4 }
    sendJson(response, { id: 'rerank-1', model: asked.model, usage, results })
  }

  const goToSleep: Route = (_, response, url) => {
    sleepLevel = Number(url.searchParams.get('level') ?? 1)
    sendJson(response, { status: 'sleeping' })
  }
  const wakeUp: Route = (_, response) => {
    if (fault('wake-never-returns')) return never()
    sleepLevel = 0
    for (const resume of wake) resume()
    wake = []
    sendJson(response, { status: 'awake' })
  }

  const routes: Record<string, Route> = {
    'GET /health': health,
    'GET /ping': health,
    'POST /ping': health,
    'GET /version': (_, response) => sendJson(response, { version: '0.32.0' }),
    'GET /load': (_, response) => sendJson(response, { server_load: world.counters.running }),
    'GET /v1/models': listModels,
    'GET /metrics': (_, response) => {
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
      response.end(renderVllmMetrics(world, options.servedNames[0]!, sleepShown()))
    },
    ...(folder.task === 'generate'
      ? { 'POST /v1/chat/completions': generate('chat'), 'POST /v1/completions': generate('completion') }
      : {}),
    ...(folder.task === 'embed' ? { 'POST /v1/embeddings': embed } : {}),
    ...(folder.task === 'score' ? { 'POST /v1/rerank': rerank, 'POST /rerank': rerank } : {}),
    ...(world.environment['VLLM_SERVER_DEV_MODE'] === '1'
      ? {
          'GET /is_sleeping': (_: IncomingMessage, response: ServerResponse) =>
            sendJson(response, { is_sleeping: sleepShown() > 0 }),
          'POST /sleep': goToSleep,
          'POST /wake_up': wakeUp,
        }
      : {}),
  }

  function sendRoute(request: IncomingMessage, response: ServerResponse, url: URL) {
    const route = routes[`${request.method} ${url.pathname}`]
    if (route !== undefined) return route(request, response, url)
    const isOther = ['GET', 'POST'].some(method => routes[`${method} ${url.pathname}`] !== undefined)
    sendJson(
      response,
      { detail: isOther ? 'Method Not Allowed' : 'Not Found' },
      { status: isOther ? 405 : 404 },
    )
  }

  function isAllowed(request: IncomingMessage, path: string): boolean {
    const isOpen = options.apiKeys.length === 0 || !/^\/(v1|v2|inference)(\/|$)/.test(path)
    return isOpen || options.apiKeys.includes(request.headers.authorization?.replace(/^Bearer /, '') ?? '')
  }

  return function answer(request: IncomingMessage, response: ServerResponse): void | Promise<void> {
    const url = new URL(request.url ?? '/', 'http://engine')
    if (meetWireFault(world, thing, { request, response })) return
    if (!isAllowed(request, url.pathname))
      return sendJson(response, { error: 'Unauthorized' }, { status: 401 })
    return sendRoute(request, response, url)
  }
}
