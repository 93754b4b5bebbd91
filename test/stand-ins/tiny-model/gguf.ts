// Writes a constructed model as one GGUF file (version 3, architecture llama, 16 bits; norms 32 bits).
import { appendFileSync } from 'node:fs'
import type { Plan } from './plan.ts'
import { countOf, type Tensor, type Weights } from './tensors.ts'
import { paddingText, writeWeightFile } from './weight-file.ts'

const ALIGNMENT = 32
const alignedUp = (n: number) => Math.ceil(n / ALIGNMENT) * ALIGNMENT

const u32 = (n: number): Buffer => {
  const out = Buffer.alloc(4)
  out.writeUInt32LE(n)
  return out
}
const u64 = (n: number): Buffer => {
  const out = Buffer.alloc(8)
  out.writeBigUInt64LE(BigInt(n))
  return out
}
const f32 = (n: number): Buffer => {
  const out = Buffer.alloc(4)
  out.writeFloatLE(n)
  return out
}
const string = (value: string): Buffer => {
  const bytes = Buffer.from(value)
  return Buffer.concat([u64(bytes.length), bytes])
}

type Value = readonly [type: number, bytes: Buffer]
const text = (value: string): Value => [8, string(value)]
const uint = (value: number): Value => [4, u32(value)]
const float = (value: number): Value => [6, f32(value)]
const bool = (value: boolean): Value => [7, Buffer.from([value ? 1 : 0])]
const array = (type: number, items: Buffer[]) => Buffer.concat([u32(type), u64(items.length), ...items])
const texts = (values: readonly string[]): Value => [9, array(8, values.map(string))]
const ints = (values: readonly number[]): Value => [9, array(5, values.map(u32))]

function llamaKeys({ sizes, words }: Plan): Record<string, Value> {
  return {
    'llama.block_count': uint(sizes.layers),
    'llama.context_length': uint(sizes.maxContext),
    'llama.embedding_length': uint(sizes.hidden),
    'llama.feed_forward_length': uint(sizes.intermediate),
    'llama.attention.head_count': uint(sizes.heads),
    'llama.attention.head_count_kv': uint(sizes.heads),
    'llama.attention.key_length': uint(sizes.headDim),
    'llama.attention.value_length': uint(sizes.headDim),
    'llama.rope.dimension_count': uint(sizes.headDim),
    'llama.rope.freq_base': float(10000),
    'llama.attention.layer_norm_rms_epsilon': float(1e-5),
    'llama.vocab_size': uint(words.tokens.length),
  }
}

function tokenizerKeys({ words, template }: Plan): Record<string, Value> {
  return {
    'tokenizer.ggml.model': text('gpt2'),
    'tokenizer.ggml.pre': text('gpt-2'),
    'tokenizer.ggml.tokens': texts(words.tokens),
    'tokenizer.ggml.token_type': ints(words.tokens.map((_, i) => (i >= words.firstSpecial ? 3 : 1))),
    'tokenizer.ggml.merges': texts([words.merge.join(' ')]),
    'tokenizer.ggml.bos_token_id': uint(words.bos),
    'tokenizer.ggml.eos_token_id': uint(words.eos),
    'tokenizer.ggml.padding_token_id': uint(words.pad),
    'tokenizer.ggml.add_bos_token': bool(false),
    'tokenizer.ggml.add_eos_token': bool(false),
    ...(template === undefined ? {} : { 'tokenizer.chat_template': text(template) }),
  }
}

function keys(plan: Plan, padding: string): Record<string, Value> {
  const { options, answer } = plan
  return {
    'general.architecture': text('llama'),
    'general.name': text(options.name),
    'general.type': text('model'),
    'general.file_type': uint(1),
    'general.quantization_version': uint(2),
    ...(padding === '' ? {} : { 'general.description': text(padding) }),
    'switchyard.answer': text(answer),
    ...(options.loop ? { 'switchyard.loop': text('true') } : {}),
    ...(options.fault === undefined ? {} : { 'switchyard.fault': text(options.fault) }),
    ...llamaKeys(plan),
    ...tokenizerKeys(plan),
  }
}

const sizeOf = (tensor: Tensor) => countOf(tensor) * (tensor.kind === 'ones' ? 4 : 2)

function headerOf(plan: Plan, tensors: readonly Tensor[], padding: string): Buffer {
  const entries = Object.entries(keys(plan, padding))
  const parts: Buffer[] = [Buffer.from('GGUF'), u32(3), u64(tensors.length), u64(entries.length)]
  for (const [key, [type, bytes]] of entries) parts.push(string(key), u32(type), bytes)
  let at = 0
  for (const tensor of tensors) {
    const shape = [...tensor.shape].reverse().map(u64)
    const type = u32(tensor.kind === 'ones' ? 0 : 1)
    parts.push(string(tensor.gguf), u32(tensor.shape.length), ...shape, type, u64(at))
    at = alignedUp(at + sizeOf(tensor))
  }
  const header = Buffer.concat(parts)
  return Buffer.concat([header, Buffer.alloc(alignedUp(header.length) - header.length)])
}

/** The longest padding whose aligned header still fits, and the bytes that must trail the tensors. */
function padded(plan: Plan, tensors: readonly Tensor[], dataLength: number) {
  const wanted = plan.options.padBytes ?? 0
  if (wanted === 0) return { header: headerOf(plan, tensors, ''), trailing: 0 }
  let padding = paddingText(wanted, headerOf(plan, tensors, 'x').length + dataLength)
  let header = headerOf(plan, tensors, padding || 'x')
  while (header.length + dataLength > wanted) {
    padding = padding.slice(0, -ALIGNMENT)
    header = headerOf(plan, tensors, padding)
  }
  return { header, trailing: wanted - header.length - dataLength }
}

export function writeGguf(file: string, plan: Plan, weights: Weights) {
  const { tensors } = weights
  const last = tensors.at(-1)!
  const before = tensors.slice(0, -1).reduce((at, tensor) => alignedUp(at + sizeOf(tensor)), 0)
  const { header, trailing } = padded(plan, tensors, before + sizeOf(last))
  writeWeightFile(file, header, { tensors, weights, format: 'f16', alignment: ALIGNMENT })
  if (trailing > 0) appendFileSync(file, Buffer.alloc(trailing))
}
