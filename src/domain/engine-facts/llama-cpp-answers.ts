// Pure reader of the counters of a llama.cpp server, under the names that llama.cpp's own server gives them.
import type { Counters } from './vllm-answers.ts'

const series =
  /^llamacpp:(requests_processing|requests_deferred|prompt_tokens_total|tokens_predicted_total) (\d+)/

/** Requests that wait for a slot run too. */
export const readLlamaCppCounters = (text: string): Counters => {
  const found = new Map<string, number>()
  for (const line of text.split('\n')) {
    const [, name = '', value = ''] = series.exec(line) ?? []
    if (name) found.set(name, Number(value))
  }
  const sum = (...names: string[]): number | undefined =>
    names.some(name => found.has(name))
      ? names.reduce((total, name) => total + (found.get(name) ?? 0), 0)
      : undefined
  const running = sum('requests_processing', 'requests_deferred')
  const tokens = sum('prompt_tokens_total', 'tokens_predicted_total')
  return { ...(running === undefined ? {} : { running }), ...(tokens === undefined ? {} : { tokens }) }
}
