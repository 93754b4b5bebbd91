// From a task to its source: which one, at which address, with which token.
import { toGgufName } from '../../domain/engine-facts/ollama-names.ts'
import { parseOllamaName, toLocalPath, toRepoId } from '../../domain/names.ts'
import type { BytesTask, Layout, TaskSource } from '../../domain/worker-task.ts'
import { WorkError } from '../outcome.ts'
import { defaultRetry, type RetryPolicy, type Wire } from '../transfer/wire.ts'
import { openHuggingFace } from './huggingface.ts'
import { openLocal } from './local.ts'
import { openOllama } from './ollama.ts'
import type { Source } from './source.ts'

export interface Network {
  readonly fetch: typeof fetch
  readonly signal: AbortSignal
  readonly retry?: RetryPolicy
  readonly partSize?: (size: number) => number
  readonly hasProxy?: boolean
  /** told of what a host still allows */
  readonly onAllowance?: NonNullable<Wire['onAllowance']>
  /** what is hashed of a folder that nobody lists the digests of */
  readonly onHashed?: (done: number, total: number) => void
}

const notOne = 'exactly one of huggingFace, ollama and local must be set'

export const openSource = async (task: BytesTask, { onHashed, ...network }: Network): Promise<Source> => {
  const wire = { ...network, retry: network.retry ?? defaultRetry }
  const { huggingFace, ollama, local } = task.source
  if ([huggingFace, ollama, local].filter(Boolean).length !== 1) throw new WorkError('InvalidSpec', notOne)
  if (huggingFace) return openHuggingFace({ ...huggingFace, task, wire })
  if (ollama) return openOllama({ ...ollama, task, wire })
  if (!task.layout) throw new WorkError('InvalidSpec', 'a local source needs the volume that it lies on')
  return openLocal({ root: task.layout.root, path: local!.path, wire, ...(onHashed ? { onHashed } : {}) })
}

export interface SourceName {
  readonly kind: Source['kind']
  readonly name: string
}

/** Which store a task is about, without asking anybody: in Ollama's a repository's GGUF has a name of ours. */
export const nameSource = (
  { huggingFace, ollama, local }: TaskSource,
  layout: Pick<Layout, 'kind'>,
): SourceName => {
  if (local) return { kind: 'Local', name: toLocalPath(local.path) }
  if (huggingFace) {
    const { repo, tag = '' } = huggingFace
    return {
      kind: 'HuggingFace',
      name: layout.kind === 'OllamaStore' ? toGgufName(repo, tag) : toRepoId(repo),
    }
  }
  if (!ollama) throw new WorkError('InvalidSpec', notOne)
  const { registry, namespace, model, tag } = parseOllamaName(ollama.name)
  return { kind: 'Ollama', name: `${registry}/${namespace}/${model}:${tag}` }
}
