// What clients may ask in OpenAI's words, and the shapes of what they are told.
import * as z from 'zod'
import { Refusal } from './failure.ts'
import type { Answer } from './llama.ts'

const mostTokens = z.int().min(1).nullish()

const Shared = z.object({
  model: z.string().optional(),
  max_tokens: mostTokens,
  max_completion_tokens: mostTokens,
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().min(0).max(1).nullish(),
  seed: z.int().min(0).nullish(),
  stop: z.union([z.string(), z.array(z.string()).max(16)]).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().optional() }).nullish(),
  n: z.literal(1, 'only 1 is served').nullish(),
})

const Part = z.object({ type: z.literal('text', 'only text is served'), text: z.string() })
const Message = z.object({
  role: z.string(),
  content: z.union([z.string(), z.array(Part).transform(parts => parts.map(part => part.text).join('\n'))]),
})

const Chat = Shared.extend({ messages: z.array(Message).min(1) })
const Completion = Shared.extend({ prompt: z.string() })

export interface Asked {
  readonly model: string | undefined
  readonly messages?: readonly object[]
  readonly prompt?: string
  readonly maxTokens: number | undefined
  readonly temperature: number
  readonly topP: number
  readonly seed: number | undefined
  readonly stop: readonly string[]
  readonly isStream: boolean
  readonly hasUsage: boolean
}

export type Kind = 'chat' | 'text'

/** As OpenAI's API reads it; unknown fields do not count. Throws Refusal that names the field. */
export const readAsked = (kind: Kind, body: string): Asked => {
  const parsed = (kind === 'chat' ? Chat : Completion).safeParse(toJson(body))
  if (!parsed.success) {
    const [issue] = parsed.error.issues
    throw new Refusal(400, `${issue?.path.join('.') || 'body'}: ${issue?.message}`)
  }
  const { data } = parsed
  const { stop } = data
  return {
    model: data.model,
    ...('messages' in data ? { messages: data.messages } : { prompt: data.prompt }),
    // As vLLM: a completion without a number is short, a chat takes the room there is.
    maxTokens: data.max_completion_tokens ?? data.max_tokens ?? (kind === 'text' ? 16 : undefined),
    temperature: data.temperature ?? 1,
    topP: data.top_p ?? 1,
    seed: data.seed ?? undefined,
    stop: (typeof stop === 'string' ? [stop] : (stop ?? [])).filter(Boolean),
    isStream: data.stream ?? false,
    hasUsage: data.stream_options?.include_usage ?? false,
  }
}

const toJson = (body: string): unknown => {
  try {
    return JSON.parse(body)
  } catch {
    throw new Refusal(400, 'body: is not JSON')
  }
}

export interface Head {
  readonly id: string
  readonly created: number
  readonly model: string
}

const usageOf = ({ promptTokens, tokens }: Answer) => ({
  prompt_tokens: promptTokens,
  completion_tokens: tokens,
  total_tokens: promptTokens + tokens,
})

export const wholeAnswer = (kind: Kind, head: Head, answer: Answer): object => {
  const said =
    kind === 'chat' ? { message: { role: 'assistant', content: answer.text } } : { text: answer.text }
  return {
    ...head,
    object: kind === 'chat' ? 'chat.completion' : 'text_completion',
    choices: [{ index: 0, ...said, finish_reason: answer.reason }],
    usage: usageOf(answer),
  }
}

/** One event of a stream: a piece of text, and at the end why it ended. */
export const piece = (
  kind: Kind,
  head: Head,
  text: string,
  reason: Answer['reason'] | null = null,
): object => ({
  ...head,
  object: kind === 'chat' ? 'chat.completion.chunk' : 'text_completion',
  choices: [
    { index: 0, ...(kind === 'chat' ? { delta: { content: text } } : { text }), finish_reason: reason },
  ],
})

export const usagePiece = (kind: Kind, head: Head, answer: Answer): object => ({
  ...piece(kind, head, ''),
  choices: [],
  usage: usageOf(answer),
})
