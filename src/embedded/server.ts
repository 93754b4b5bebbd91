// The HTTP of the embedded engine: health, the list that proves what is served, counters, and completions in OpenAI's words.
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Refusal } from './failure.ts'
import type { Answer, Llama } from './llama.ts'
import { type Asked, type Head, type Kind, piece, readAsked, usagePiece, wholeAnswer } from './requests.ts'

export interface Served {
  readonly llama: Llama
  readonly names: readonly string[]
  /** digest of the manifest: what the list's root says */
  readonly identity: string
  /** No new request is taken; those that run are answered. */
  readonly stopping: AbortSignal
}

const largestBody = 16 * 1024 * 1024

export const createModelServer = (served: Served): Server =>
  createServer((request, response) => {
    void route(served, request, response).catch(error => refuse(response, error))
  })

const route = async (served: Served, request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const path = new URL(request.url ?? '/', 'http://engine').pathname
  switch (`${request.method} ${path}`) {
    case 'GET /health':
      return send(response, served.stopping.aborted ? 503 : 200, {})
    case 'GET /v1/models':
      return send(response, 200, listOf(served))
    case 'GET /metrics':
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4' }).end(metricsOf(served.llama))
      return
    case 'POST /v1/chat/completions':
      return answer(served, 'chat', { request, response })
    case 'POST /v1/completions':
      return answer(served, 'text', { request, response })
    default:
      throw new Refusal(404, `there is no ${request.method} ${path}`)
  }
}

const send = (response: ServerResponse, status: number, body: object): void => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

/** In the shape of vLLM's errors. Of a stream that has begun nothing can be said any more: it is cut. */
const refuse = (response: ServerResponse, error: unknown): void => {
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  const status = error instanceof Refusal ? error.status : 500
  const type = status >= 500 ? 'InternalServerError' : status === 404 ? 'NotFoundError' : 'BadRequestError'
  send(response, status, { error: { message: (error as Error).message, type, code: status } })
}

const listOf = ({ names, identity, llama }: Served) => ({
  object: 'list',
  data: names.map(id => ({
    id,
    object: 'model',
    owned_by: 'switchyard',
    root: identity,
    max_model_len: llama.contextSize,
  })),
})

/** Under the names of llama.cpp's own server. */
const metricsOf = ({ counters: { running, waiting, read, written } }: Llama): string =>
  [
    ['gauge', 'requests_processing', running],
    ['gauge', 'requests_deferred', waiting],
    ['counter', 'prompt_tokens_total', read],
    ['counter', 'tokens_predicted_total', written],
  ]
    .map(([type, name, value]) => `# TYPE llamacpp:${name} ${type}\nllamacpp:${name} ${value}\n`)
    .join('')

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

const answer = async (served: Served, kind: Kind, exchange: Exchange): Promise<void> => {
  const asked = readAsked(kind, await readBody(exchange.request))
  if (served.stopping.aborted) throw new Refusal(503, 'the engine is stopping')
  const [first = ''] = served.names
  const model = asked.model ?? first
  if (!served.names.includes(model))
    throw new Refusal(404, `The model ${JSON.stringify(model)} does not exist.`)
  const head = {
    id: `${kind === 'chat' ? 'chatcmpl' : 'cmpl'}-${randomUUID()}`,
    created: Math.floor(Date.now() / 1000),
    model,
  }
  const text = toText(served.llama, asked)
  const gone = new AbortController()
  exchange.response.once('close', () => gone.abort(new Error('the client is gone')))
  const complete = (onText: (text: string) => void): Promise<Answer> =>
    served.llama.complete({ ...asked, text, onText, signal: gone.signal })
  if (asked.isStream) return stream(exchange.response, { kind, head, hasUsage: asked.hasUsage }, complete)
  send(exchange.response, 200, wholeAnswer(kind, head, await complete(() => undefined)))
}

const toText = (llama: Llama, { messages, prompt = '' }: Asked): string => {
  if (!messages) return prompt
  if (!llama.toPrompt) throw new Refusal(400, 'the model has no chat template; use /v1/completions')
  return llama.toPrompt(messages)
}

interface Stream {
  readonly kind: Kind
  readonly head: Head
  readonly hasUsage: boolean
}

/** The headers go with the first piece, so that a refusal before it is an answer of its own. */
const stream = async (
  response: ServerResponse,
  { kind, head, hasUsage }: Stream,
  complete: (onText: (text: string) => void) => Promise<Answer>,
): Promise<void> => {
  const write = (event: object | '[DONE]'): void => {
    if (!response.headersSent)
      response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' })
    response.write(`data: ${typeof event === 'string' ? event : JSON.stringify(event)}\n\n`)
  }
  const done = await complete(text => write(piece(kind, head, text)))
  write(piece(kind, head, '', done.reason))
  if (hasUsage) write(usagePiece(kind, head, done))
  write('[DONE]')
  response.end()
}

const readBody = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > largestBody) throw new Refusal(413, `the request has more than ${largestBody} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
