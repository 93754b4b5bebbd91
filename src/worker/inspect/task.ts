// How the engine will be asked. Only what is certain is said.
import type { Task } from '../../domain/capabilities.ts'

export interface TaskEvidence {
  readonly architecture: string | undefined
  readonly declaredTask: string | undefined
  readonly paths: ReadonlySet<string>
  readonly hasTemplate: boolean
  readonly isRanker: boolean
}

const embeddingTasks = ['feature-extraction', 'sentence-similarity']
const otherTasks = [
  'automatic-speech-recognition',
  'text-to-speech',
  'text-to-image',
  'translation',
  'summarization',
]

export const decideTask = (evidence: TaskEvidence): Task | undefined => {
  const { architecture = '', declaredTask = '', paths, hasTemplate } = evidence
  const isSentenceModel = paths.has('modules.json') || paths.has('config_sentence_transformers.json')
  if (architecture.endsWith('ForSequenceClassification')) {
    return evidence.isRanker && declaredTask === 'text-ranking' ? 'Rerank' : undefined
  }
  if (embeddingTasks.includes(declaredTask)) return 'Embedding'
  if (isSentenceModel && declaredTask !== 'text-ranking') return 'Embedding'
  if (otherTasks.includes(declaredTask)) return undefined
  if (/For(CausalLM|ConditionalGeneration)$/.test(architecture) && hasTemplate) return 'Chat'
  return architecture.endsWith('ForCausalLM') ? 'Completion' : undefined
}
