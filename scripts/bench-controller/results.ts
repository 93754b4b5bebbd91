// What a worker ends with when it did what it was asked: the results of a model of seven billion parameters.
import type { Resolution } from '../../src/domain/artifact.ts'
import type { WorkerResult, WorkerTask } from '../../src/domain/worker-task.ts'

export const revision = '0123456789abcdef0123456789abcdef01234567'
const bytes = 15_231_233_024

/** What a real worker says of a model of seven billion parameters. */
export const resultOf = (task: WorkerTask): WorkerResult => {
  if (task.command === 'resolve') return { resolution: resolutionOf(task.sourceHash) }
  if (task.command === 'ask') throw new Error('no engine of the bench asks for a key')
  if (task.command === 'remove') return { removed: { bytesFreed: bytes } }
  const folder = `models--${task.source.huggingFace?.repo.replace('/', '--')}`
  const path = `${task.layout.path}/${folder}/snapshots/${revision}`
  const copy = { receipt: 'a'.repeat(64), bytes, bytesFetched: bytes, bytesReused: 0 }
  return { copy: { ...copy, path, seconds: 61 } }
}

const resolutionOf = (sourceHash: string): Resolution => ({
  ...{ sourceHash, revision, files: 12, bytes, listDigest: 'b'.repeat(64) },
  format: 'Safetensors',
  ...{ licence: 'apache-2.0', gated: false },
  capabilities: {
    ...{ task: 'Chat', architecture: 'Qwen2ForCausalLM', contextLength: 32_768, dtype: 'bfloat16' },
    ...{ promptTemplateSha256: 'c'.repeat(64), promptTemplatePath: 'tokenizer_config.json' },
    ...{ promptTemplate: `{% for message in messages %}${'{{ message.content }}'.repeat(24)}{% endfor %}` },
    weightBytes: bytes,
  },
})
