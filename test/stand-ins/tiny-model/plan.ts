// What a constructed model is asked to be, what came of it, and what its writers read.
import type { Sizes } from './tensors.ts'
import type { Vocabulary } from './vocabulary.ts'

export interface TinyModelOptions {
  readonly name: string
  /** Default: "I am NAME." */
  readonly answer?: string
  /** The answer goes on with " 1 2 … repeat". */
  readonly repeat?: number
  /** The answer starts again at its end, for ever. */
  readonly loop?: boolean
  /** Weights of exactly this many bytes (Hugging Face: the sum of the shards; GGUF: the file). */
  readonly padBytes?: number
  readonly shards?: number
  readonly hidden?: number
  /** 16 makes a real vLLM on CPU that says healthy and dies on its first request. */
  readonly headDim?: number
  readonly layers?: number
  readonly maxContext?: number
  /** One tensor too many: every real engine refuses to load it. */
  readonly extraTensor?: boolean
  /** false: no chat template (chat is refused, completion is not). */
  readonly chatTemplate?: boolean
  /** Default LlamaForCausalLM; the engine stand-in derives the task from it. */
  readonly architecture?: string
  /** A fault that only the engine stand-in knows, carried by config.json and the GGUF. */
  readonly fault?: string
  readonly license?: string
  readonly seed?: number
  /** Which forms to write; default both. */
  readonly forms?: readonly ('huggingFace' | 'gguf')[]
}

export interface TinyModel {
  readonly name: string
  /** The text that every engine must give, as far as it ends. */
  readonly answer: string
  readonly folder: string
  /** File names inside `folder`. */
  readonly files: readonly string[]
  readonly gguf: string
  readonly parameters: number
  readonly answerTokens: number
}

/** What both writers read. */
export interface Plan {
  readonly options: TinyModelOptions
  readonly answer: string
  readonly words: Vocabulary
  readonly sizes: Sizes
  readonly template: string | undefined
}
