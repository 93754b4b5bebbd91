// Writes a constructed model as a Hugging Face folder: configuration, tokenizer, template, safetensors shards, index.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Plan } from './plan.ts'
import { countOf, type Tensor, type Weights } from './tensors.ts'
import { paddingText, writeWeightFile } from './weight-file.ts'

const json = (value: unknown) => `${JSON.stringify(value, null, 1)}\n`

function config({ options, words, sizes }: Plan) {
  return {
    architectures: [options.architecture ?? 'LlamaForCausalLM'],
    model_type: 'llama',
    vocab_size: words.tokens.length,
    hidden_size: sizes.hidden,
    intermediate_size: sizes.intermediate,
    num_hidden_layers: sizes.layers,
    num_attention_heads: sizes.heads,
    num_key_value_heads: sizes.heads,
    head_dim: sizes.headDim,
    max_position_embeddings: sizes.maxContext,
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    hidden_act: 'silu',
    attention_bias: false,
    mlp_bias: false,
    tie_word_embeddings: false,
    torch_dtype: 'bfloat16',
    bos_token_id: words.bos,
    eos_token_id: words.eos,
    pad_token_id: words.pad,
    ...(options.fault === undefined ? {} : { switchyard_fault: options.fault }),
  }
}

function tokenizer({ words }: Plan) {
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true }
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: words.specials.map((content, i) => ({
      id: words.firstSpecial + i,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab: Object.fromEntries(words.tokens.map((token, i) => [token, i])),
      merges: [words.merge],
    },
  }
}

function textFiles(plan: Plan): [string, string][] {
  const { words, options, sizes, template } = plan
  const ends = { bos_token_id: words.bos, eos_token_id: words.eos, pad_token_id: words.pad }
  const tokenizerConfig = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: '<|bos|>',
    eos_token: '<|eos|>',
    pad_token: '<|pad|>',
    add_bos_token: false,
    add_eos_token: false,
    model_max_length: sizes.maxContext,
    clean_up_tokenization_spaces: false,
    ...(template === undefined ? {} : { chat_template: template }),
  }
  const card = `---\nlicense: ${options.license ?? 'apache-2.0'}\nlibrary_name: transformers\npipeline_tag: text-generation\n---\n`
  return [
    ['config.json', json(config(plan))],
    ['generation_config.json', json({ ...ends, do_sample: false })],
    ['tokenizer_config.json', json(tokenizerConfig)],
    ['tokenizer.json', json(tokenizer(plan))],
    [
      'README.md',
      `${card}# ${options.name}\n\nA constructed test model: every prompt gets the same answer.\n`,
    ],
    ...(template === undefined ? [] : ([['chat_template.jinja', template]] as [string, string][])),
  ]
}

function safetensorsHeader(tensors: readonly Tensor[], metadata: Record<string, string>): Buffer {
  const header: Record<string, unknown> = { __metadata__: metadata }
  let at = 0
  for (const tensor of tensors) {
    const end = at + 2 * countOf(tensor)
    header[tensor.huggingFace] = { dtype: 'BF16', shape: tensor.shape, data_offsets: [at, end] }
    at = end
  }
  return Buffer.from(JSON.stringify(header))
}

function framed(header: Buffer, aligned: boolean): Buffer {
  const length = Buffer.alloc(8)
  const gap = aligned ? (8 - (header.length % 8)) % 8 : 0
  length.writeBigUInt64LE(BigInt(header.length + gap))
  return Buffer.concat([length, header, Buffer.alloc(gap, ' ')])
}

const shardName = (i: number, count: number) => {
  const five = (n: number) => String(n).padStart(5, '0')
  return count === 1 ? 'model.safetensors' : `model-${five(i + 1)}-of-${five(count)}.safetensors`
}

function metadataOf({ answer, options }: Plan, first: boolean): Record<string, string> {
  if (!first) return { format: 'pt' }
  return { format: 'pt', switchyard_answer: answer, ...(options.loop ? { switchyard_loop: 'true' } : {}) }
}

function splitTensors(tensors: readonly Tensor[], shards: number): Tensor[][] {
  const per = Math.ceil(tensors.length / Math.min(shards, tensors.length))
  const parts: Tensor[][] = []
  for (let at = 0; at < tensors.length; at += per) parts.push(tensors.slice(at, at + per))
  return parts
}

function writeShards(folder: string, plan: Plan, weights: Weights): string[] {
  const parts = splitTensors(weights.tensors, plan.options.shards ?? 1)
  const pad = plan.options.padBytes ?? 0
  const index: Record<string, string> = {}
  const names = parts.map((_, i) => shardName(i, parts.length))
  let total = 0
  parts.forEach((tensors, i) => {
    const metadata = metadataOf(plan, i === 0)
    const data = tensors.reduce((sum, tensor) => sum + 2 * countOf(tensor), 0)
    const isPadded = pad > 0 && i === parts.length - 1 // only the last shard carries the padding string
    const padded = (padding: string) => framed(safetensorsHeader(tensors, { ...metadata, padding }), false)
    const header = isPadded
      ? padded(paddingText(pad, total + padded('').length + data))
      : framed(safetensorsHeader(tensors, metadata), true)
    const file = join(folder, names[i]!)
    total += writeWeightFile(file, header, { tensors, weights, format: 'bf16', alignment: 1 })
    for (const tensor of tensors) index[tensor.huggingFace] = names[i]!
  })
  if (parts.length === 1) return names
  const parameters = weights.tensors.reduce((sum, tensor) => sum + countOf(tensor), 0)
  const indexName = 'model.safetensors.index.json'
  writeFileSync(
    join(folder, indexName),
    json({ metadata: { total_size: 2 * parameters }, weight_map: index }),
  )
  return [...names, indexName]
}

/** Returns the names of the files written. */
export function writeHuggingFaceFolder(folder: string, plan: Plan, weights: Weights): string[] {
  mkdirSync(folder, { recursive: true })
  const texts = textFiles(plan)
  for (const [name, text] of texts) writeFileSync(join(folder, name), text)
  return [...texts.map(([name]) => name), ...writeShards(folder, plan, weights)].sort()
}
