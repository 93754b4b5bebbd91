// Pure readers of what vLLM's HTTP routes answer.
import type { Listed } from '../engine.ts'

/** Undefined when it is not a model list of the OpenAI shape. */
export const readModelList = (body: unknown): Listed[] | undefined => {
  const data = field(body, 'data')
  if (field(body, 'object') !== 'list' || !Array.isArray(data)) return undefined
  return data.flatMap(item => {
    const name = field(item, 'id')
    const root = field(item, 'root')
    const told = readContextLength(field(item, 'max_model_len'))
    return typeof name === 'string' ? [{ name, identity: toText(root), isLoaded: true, ...told }] : []
  })
}

/** What an engine says its context is, when it is a number of tokens. */
export const readContextLength = (value: unknown): Pick<Listed, 'contextLength'> =>
  typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? { contextLength: value } : {}

const toText = (value: unknown): string => (typeof value === 'string' ? value.replace(/(.)\/+$/, '$1') : '')

export const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined

export interface Counters {
  readonly running?: number
  readonly tokens?: number
  /** absent where the engine does not tell */
  readonly isAsleep?: boolean
}

const names = ['num_requests_running', 'prompt_tokens_total', 'generation_tokens_total', 'engine_sleep_state']
const series = /^vllm:(\w+)(\{[^}]*\})? (\S+)/

/** How the lines begin that are read; of the hundreds of others nothing is. */
export const counterLines: readonly string[] = names.map(name => `vllm:${name}`)

/** Sums over engines and models; only the series named above are read. */
export const readCounters = (text: string): Counters => {
  const sums = new Map<string, number>()
  for (const line of text.split('\n')) {
    const [, name = '', labels = '', value = ''] = series.exec(line) ?? []
    const number = Number(value)
    if (!names.includes(name) || value === '' || !Number.isFinite(number)) continue
    const key = name === 'engine_sleep_state' ? toSleepKey(labels) : name
    sums.set(key, (sums.get(key) ?? 0) + number)
  }
  return toCounters(sums)
}

const toSleepKey = (labels: string): string => (labels.includes('sleep_state="awake"') ? 'awake' : 'asleep')

const toCounters = (sums: ReadonlyMap<string, number>): Counters => {
  const running = sums.get('num_requests_running')
  const prompt = sums.get('prompt_tokens_total')
  const generated = sums.get('generation_tokens_total')
  const asleep = sums.get('asleep')
  return {
    ...(running === undefined ? {} : { running }),
    ...(prompt === undefined && generated === undefined ? {} : { tokens: (prompt ?? 0) + (generated ?? 0) }),
    ...(asleep === undefined ? {} : { isAsleep: asleep > 0 }),
  }
}

/** Tokens that an answer says it used; 0 when it says nothing. */
export const readUsage = (body: unknown): number => {
  const usage = field(body, 'usage')
  const prompt = field(usage, 'prompt_tokens')
  const total = field(usage, 'total_tokens')
  return Math.max(typeof prompt === 'number' ? prompt : 0, typeof total === 'number' ? total : 0)
}

/** The sentence of an error body, in vLLM's or Ollama's shape; empty when there is none. */
export const readError = (body: unknown): string => {
  const error = field(body, 'error')
  const message = typeof error === 'string' ? error : (field(error, 'message') ?? field(body, 'message'))
  return typeof message === 'string' ? message : ''
}
