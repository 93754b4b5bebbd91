// From a task to its source: which one, at which address, with which token.
import { parseOllamaName, toRepoId } from '../../domain/names.ts'
import type { BytesTask, TaskSource } from '../../domain/worker-task.ts'
import { WorkError } from '../outcome.ts'
import { defaultRetry, type RetryPolicy } from '../transfer/wire.ts'
import { openHuggingFace } from './huggingface.ts'
import { openOllama } from './ollama.ts'
import type { Source } from './source.ts'

export interface Network {
  readonly fetch: typeof fetch
  readonly signal: AbortSignal
  readonly retry?: RetryPolicy
  readonly partSize?: (size: number) => number
  readonly hasProxy?: boolean
}

export const openSource = (task: BytesTask, network: Network): Promise<Source> => {
  const wire = { ...network, retry: network.retry ?? defaultRetry }
  const { huggingFace, ollama } = task.source
  if (huggingFace && !ollama) return openHuggingFace({ ...huggingFace, task, wire })
  if (ollama && !huggingFace) return openOllama({ ...ollama, task, wire })
  throw new WorkError('InvalidSpec', 'exactly one of huggingFace and ollama must be set')
}

export interface SourceName {
  readonly kind: Source['kind']
  readonly name: string
}

/** Which store a task is about, without asking anybody. */
export const nameSource = ({ huggingFace, ollama }: TaskSource): SourceName => {
  if (huggingFace) return { kind: 'HuggingFace', name: toRepoId(huggingFace.repo) }
  if (!ollama) throw new WorkError('InvalidSpec', 'exactly one of huggingFace and ollama must be set')
  const { registry, namespace, model, tag } = parseOllamaName(ollama.name)
  return { kind: 'Ollama', name: `${registry}/${namespace}/${model}:${tag}` }
}
