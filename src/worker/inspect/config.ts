// What config.json says: architecture, longest context, quantization, element type.
import type { Capabilities } from '../../domain/capabilities.ts'
import { type Json, toCount, toObject, toWord } from './read-json.ts'

export interface ConfigFacts
  extends Pick<Capabilities, 'architecture' | 'contextLength' | 'quantization' | 'dtype'> {
  /** a classifier with one label */
  readonly isRanker?: boolean
  /** config.json is there and names no quantization */
  readonly isUnquantized?: boolean
}

const contextNames = [
  'max_position_embeddings',
  'n_positions',
  'max_sequence_length',
  'max_seq_len',
  'seq_length',
  'n_ctx',
]
/** scalings whose factor is already part of max_position_embeddings */
const included = ['default', 'llama3', 'longrope', 'su', 'mrope']

const toLength = (config: Json, text: Json): number | undefined => {
  const given = contextNames.map(name => toCount(text[name])).find(Boolean)
  if (given === undefined) return undefined
  // these count two positions that hold no token
  if (/^(xlm-)?roberta/.test(String(config['model_type']))) return given - 2
  const scaling = toObject(text['rope_scaling'])
  const kind = scaling?.['rope_type'] ?? scaling?.['type'] ?? 'default'
  if (included.includes(String(kind))) return given
  const factor = Number(scaling?.['factor'])
  const start = toCount(scaling?.['original_max_position_embeddings']) ?? given
  return factor >= 1 && factor <= 1024 ? toCount(Math.floor(start * factor)) : undefined
}

const toQuantization = (config: Json, text: Json): string | undefined => {
  const quantization = toObject(config['quantization_config']) ?? toObject(text['quantization_config'])
  return toWord(quantization?.['quant_method'], 64)?.toLowerCase()
}

const defined = <T extends object>(facts: T): T =>
  Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as T

export const readConfig = (config: Json | undefined): ConfigFacts => {
  if (!config) return {}
  const text = toObject(config['text_config']) ?? config
  const architectures = config['architectures']
  const labels = toObject(config['id2label'])
  const isQuantized = 'quantization_config' in config || 'quantization_config' in text
  return defined({
    architecture: toWord(Array.isArray(architectures) ? architectures[0] : undefined, 128),
    contextLength: toLength(config, text),
    quantization: toQuantization(config, text),
    dtype: toWord(config['dtype'] ?? config['torch_dtype'] ?? text['dtype'] ?? text['torch_dtype'], 32),
    isRanker: config['num_labels'] === 1 || (labels && Object.keys(labels).length === 1),
    isUnquantized: !isQuantized,
  }) as ConfigFacts
}
