// Builds (not trains) a tiny Llama that gives one fixed answer to every prompt, as a Hugging Face folder, a GGUF file
// and an Ollama layer set. The same options give the same bytes.
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { writeGguf } from './tiny-model/gguf.ts'
import { writeHuggingFaceFolder } from './tiny-model/hugging-face.ts'
import type { Plan, TinyModel, TinyModelOptions } from './tiny-model/plan.ts'
import { makeWeights, type Sizes } from './tiny-model/tensors.ts'
import { makeVocabulary } from './tiny-model/vocabulary.ts'

export { type OllamaImage, ollamaLayers, writeOllamaStore } from './tiny-model/ollama-layers.ts'
export type { TinyModel, TinyModelOptions } from './tiny-model/plan.ts'

const CHAT_TEMPLATE =
  "{% for m in messages %}<|{{ m['role'] }}|>\n{{ m['content'] }}<|eos|>\n{% endfor %}{% if add_generation_prompt %}<|assistant|>\n{% endif %}"

function defaultWidth(pad: number): number {
  if (pad > 2e8) return 1024
  return pad > 2e7 ? 512 : 128
}

/** Padding first takes wider and more layers (which do cost compute); a string makes up the exact length. */
function sizesFor(options: TinyModelOptions, vocabularySize: number): Sizes {
  const pad = options.padBytes ?? 0
  const hidden = options.hidden ?? defaultWidth(pad)
  const headDim = options.headDim ?? 64
  const wanted = options.layers ?? 1
  const rest = { hidden, headDim, heads: hidden / headDim, maxContext: options.maxContext ?? 2048 }
  if (pad === 0) return { ...rest, layers: wanted, intermediate: 2 * hidden }
  const room = pad - 4 * vocabularySize * hidden - 65536 - 40 * vocabularySize
  const perLayer = (intermediate: number) => 2 * (4 * hidden * hidden + 3 * hidden * intermediate) + 4096
  const least = pad - room + wanted * perLayer(64)
  if (room < wanted * perLayer(64)) throw new Error(`padBytes is too small; the least is about ${least}`)
  const layers = Math.max(wanted, Math.floor(room / perLayer(4 * hidden)))
  const wide = ((room / layers - 4096) / 2 - 4 * hidden * hidden) / (3 * hidden)
  return { ...rest, layers, intermediate: Math.max(64, Math.floor(wide / 64) * 64) }
}

/** Writes `<folder>/hf/` and `<folder>/<name>.gguf`. */
export function writeTinyModel(folder: string, options: TinyModelOptions): TinyModel {
  const words = makeVocabulary(options.answer ?? `I am ${options.name}.`, options.repeat ?? 0)
  const sizes = sizesFor(options, words.tokens.length)
  const weights = makeWeights(words, sizes, {
    loop: options.loop ?? false,
    extraTensor: options.extraTensor ?? false,
    seed: options.seed ?? 1,
  })
  const answer = words.pieces.join('')
  const template = options.chatTemplate === false ? undefined : CHAT_TEMPLATE
  const plan: Plan = { options, answer, words, sizes, template }
  const forms = options.forms ?? ['huggingFace', 'gguf']
  const huggingFace = join(folder, 'hf')
  const gguf = join(folder, `${options.name}.gguf`)
  rmSync(huggingFace, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const files = forms.includes('huggingFace') ? writeHuggingFaceFolder(huggingFace, plan, weights) : []
  if (forms.includes('gguf')) writeGguf(gguf, plan, weights)
  return {
    name: options.name,
    answer,
    folder: huggingFace,
    files,
    gguf,
    parameters: weights.tensors.reduce((sum, t) => sum + t.shape.reduce((a, b) => a * b, 1), 0),
    answerTokens: words.pieces.length,
  }
}
