// The OpenAI answers that both dialects give: chat and completion, whole or as server-sent events.
import type { ServerResponse } from 'node:http'
import { sendJson } from '../listening.ts'
import { type Speech, speak, speakAll } from './generation.ts'
import type { EngineWorld } from './world.ts'

export interface OpenAiRequest {
  readonly model?: string
  readonly messages?: readonly { readonly role: string; readonly content: unknown }[]
  readonly prompt?: unknown
  readonly input?: unknown
  readonly stream?: boolean
  readonly stream_options?: { readonly include_usage?: boolean }
  readonly max_tokens?: number
  readonly max_completion_tokens?: number
}

export const promptTokensOf = (asked: OpenAiRequest) =>
  Buffer.byteLength(JSON.stringify(asked.messages ?? asked.prompt ?? asked.input ?? ''))

interface Kind {
  readonly prefix: string
  readonly whole: string
  readonly chunk: string
  readonly choice: (text: string) => Record<string, unknown>
  readonly delta: (text: string) => Record<string, unknown>
}

const KINDS: Record<'chat' | 'completion', Kind> = {
  chat: {
    prefix: 'chatcmpl',
    whole: 'chat.completion',
    chunk: 'chat.completion.chunk',
    choice: content => ({ message: { role: 'assistant', content, refusal: null } }),
    delta: content => ({ delta: { content } }),
  },
  completion: {
    prefix: 'cmpl',
    whole: 'text_completion',
    chunk: 'text_completion',
    choice: text => ({ text }),
    delta: text => ({ text }),
  },
}

let answered = 0

interface Spoken {
  readonly world: EngineWorld
  readonly speech: Speech
  readonly asked: OpenAiRequest
  readonly kind: 'chat' | 'completion'
}

const usageOf = (speech: Speech, tokens: number) => ({
  prompt_tokens: speech.promptTokens,
  total_tokens: speech.promptTokens + tokens,
  completion_tokens: tokens,
})

async function sendEvents(response: ServerResponse, spoken: Spoken, head: Record<string, unknown>) {
  const { world, speech, asked } = spoken
  const kind = KINDS[spoken.kind]
  const send = (value: unknown) => response.write(`data: ${JSON.stringify(value)}\n\n`)
  const one = (body: Record<string, unknown>, finish: string | null) =>
    send({
      ...head,
      object: kind.chunk,
      choices: [{ index: 0, ...body, logprobs: null, finish_reason: finish }],
    })
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
  if (spoken.kind === 'chat') one({ delta: { role: 'assistant', content: '' } }, null)
  let tokens = 0
  for await (const token of speak(world, speech, response)) {
    tokens++
    one(kind.delta(token.text), token.finish ?? null)
  }
  if (asked.stream_options?.include_usage)
    send({ ...head, object: kind.chunk, choices: [], usage: usageOf(speech, tokens) })
  response.end('data: [DONE]\n\n')
}

export async function sendSpeech(response: ServerResponse, spoken: Spoken) {
  const kind = KINDS[spoken.kind]
  const id = `${kind.prefix}-${String(++answered).padStart(8, '0')}`
  const head = { id, created: Math.floor(Date.now() / 1000), model: spoken.asked.model }
  if (spoken.asked.stream) return sendEvents(response, spoken, head)
  const { text, tokens, finish } = await speakAll(spoken.world, spoken.speech, response)
  const choice = { index: 0, ...kind.choice(text), logprobs: null, finish_reason: finish }
  sendJson(response, {
    ...head,
    object: kind.whole,
    choices: [choice],
    usage: usageOf(spoken.speech, tokens),
  })
}

export function sendEmbeddings(response: ServerResponse, asked: OpenAiRequest) {
  const inputs = Array.isArray(asked.input) ? asked.input : [asked.input]
  const data = inputs.map((_, index) => ({ object: 'embedding', index, embedding: [0.6, 0.8, 0, 0] }))
  const tokens = promptTokensOf(asked)
  const usage = {
    prompt_tokens: tokens,
    total_tokens: tokens,
    completion_tokens: 0,
    prompt_tokens_details: null,
  }
  sendJson(response, {
    id: `embd-${++answered}`,
    object: 'list',
    created: Math.floor(Date.now() / 1000),
    model: asked.model,
    data,
    usage,
  })
}
