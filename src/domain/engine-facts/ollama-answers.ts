// Pure readers of what Ollama's HTTP routes answer.
import type { Reason } from '../conditions.ts'
import type { Listed } from '../engine.ts'
import { toDigestText } from './ollama-names.ts'
import { field, readContextLength } from './vllm-answers.ts'

/** Undefined when it is not a list of `/api/tags` or `/api/ps`. */
export const readOllamaList = (body: unknown, isLoaded: boolean): Listed[] | undefined => {
  const models = field(body, 'models')
  if (models === null) return []
  if (!Array.isArray(models)) return undefined
  return models.flatMap(item => {
    const name = field(item, 'name')
    const digest = field(item, 'digest')
    if (typeof name !== 'string' || typeof digest !== 'string') return []
    const told = isLoaded ? { ...readContextLength(field(item, 'context_length')), ...readExpiry(item) } : {}
    return [{ name, identity: toDigestText(digest), isLoaded, ...told }]
  })
}

const readExpiry = (item: unknown): { readonly expiresAt?: number } => {
  const expiresAt = Date.parse(String(field(item, 'expires_at')))
  return Number.isNaN(expiresAt) ? {} : { expiresAt }
}

/** What is loaded first; a stored model is named once. */
export const joinLists = (loaded: readonly Listed[], stored: readonly Listed[]): Listed[] => [
  ...loaded,
  ...stored.filter(model => !loaded.some(other => other.name === model.name)),
]

/** Tokens that an answer says it used; 0 when it says nothing or is not finished. */
export const readOllamaUsage = (body: unknown): number => {
  const counts = [field(body, 'prompt_eval_count'), field(body, 'eval_count')]
  return counts.reduce<number>((sum, count) => sum + (typeof count === 'number' ? count : 0), 0)
}

/** What kind of trouble the sentence of a load that was answered with an error is. */
export const loadErrorReason = (sentence: string): Reason => {
  if (/out of memory|requires more (?:system )?memory/i.test(sentence)) return 'OutOfMemory'
  const isDamaged =
    /unable to load model|error loading model|digest mismatch|no such file|invalid file magic/i
  return isDamaged.test(sentence) ? 'FilesUnreadable' : 'LoadFailed'
}
