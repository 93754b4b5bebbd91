// The weights of a constructed one-answer Llama, produced block by block: attention and MLP add exactly zero, the
// embedding is a code of +1/-1, and the head is a table "last token -> next token".
import type { Vocabulary } from './vocabulary.ts'

type TensorKind = 'zero' | 'noise' | 'ones' | 'embed' | 'head'
export interface Tensor {
  readonly huggingFace: string
  readonly gguf: string
  readonly shape: readonly number[]
  readonly kind: TensorKind
}
export type NumberFormat = 'bf16' | 'f16'

export interface Sizes {
  readonly hidden: number
  readonly headDim: number
  readonly heads: number
  readonly layers: number
  readonly intermediate: number
  readonly maxContext: number
}

export interface Weights {
  readonly tensors: readonly Tensor[]
  readonly blocks: (tensor: Tensor, format: NumberFormat) => Generator<Buffer>
}

const BLOCK = 1 << 20
const FORMATS = {
  bf16: { one: 0x3f80, scaled: (power: number) => 0x3f80 + (power << 7), noise: 0x3c },
  f16: { one: 0x3c00, scaled: (power: number) => 0x3c00 + (power << 10), noise: 0x20 },
} as const

export const countOf = (tensor: Tensor) => tensor.shape.reduce((product, n) => product * n, 1)

function xorshift(seed: number): () => number {
  let state = Math.imul(seed, 2654435761) >>> 0 || 1
  return () => {
    state ^= state << 13
    state >>>= 0
    state ^= state >>> 17
    state ^= state << 5
    state >>>= 0
    return state
  }
}

/** Codes of +1/-1 that are at most half alike, so that the right token always wins by far. */
function makeCodes(count: number, width: number, random: () => number): Int8Array[] {
  const codes: Int8Array[] = []
  const isApart = (code: Int8Array) =>
    codes.every(other => Math.abs(other.reduce((sum, x, j) => sum + x * code[j]!, 0)) <= width / 2)
  while (codes.length < count) {
    const code = new Int8Array(width).map(() => ((random() >>> 9) & 1 ? 1 : -1))
    if (isApart(code)) codes.push(code)
  }
  return codes
}

function listTensors(vocabularySize: number, sizes: Sizes, extra: boolean): Tensor[] {
  const { hidden: h, intermediate: i } = sizes
  const tensors: Tensor[] = []
  const add = (huggingFace: string, gguf: string, shape: number[], kind: TensorKind) =>
    tensors.push({ huggingFace: `${huggingFace}.weight`, gguf: `${gguf}.weight`, shape, kind })
  add('model.embed_tokens', 'token_embd', [vocabularySize, h], 'embed')
  for (let l = 0; l < sizes.layers; l++) {
    const [hf, gg] = [`model.layers.${l}`, `blk.${l}`]
    add(`${hf}.input_layernorm`, `${gg}.attn_norm`, [h], 'ones')
    add(`${hf}.self_attn.q_proj`, `${gg}.attn_q`, [h, h], 'noise')
    add(`${hf}.self_attn.k_proj`, `${gg}.attn_k`, [h, h], 'noise')
    add(`${hf}.self_attn.v_proj`, `${gg}.attn_v`, [h, h], 'zero')
    add(`${hf}.self_attn.o_proj`, `${gg}.attn_output`, [h, h], 'noise')
    add(`${hf}.post_attention_layernorm`, `${gg}.ffn_norm`, [h], 'ones')
    add(`${hf}.mlp.gate_proj`, `${gg}.ffn_gate`, [i, h], 'zero')
    add(`${hf}.mlp.up_proj`, `${gg}.ffn_up`, [i, h], 'noise')
    add(`${hf}.mlp.down_proj`, `${gg}.ffn_down`, [h, i], 'noise')
  }
  add('model.norm', 'output_norm', [h], 'ones')
  add('lm_head', 'output', [vocabularySize, h], 'head')
  if (extra) add('extra', 'extra', [h, h], 'zero')
  return tensors
}

function* repeatBlock(block: Buffer, bytes: number): Generator<Buffer> {
  for (let left = bytes; left > 0; left -= block.length)
    yield left < block.length ? block.subarray(0, left) : block
}

function noiseBlock(noise: Uint8Array, shift: number, high: number): Buffer {
  const block = Buffer.alloc(BLOCK)
  for (let i = 0; i < BLOCK; i += 2) {
    const next = noise[(i + 1 + shift) & (BLOCK - 1)]!
    block[i] = noise[(i + shift) & (BLOCK - 1)]!
    block[i + 1] = high | (next & 0x80) | (next & 1)
  }
  return block
}

function seededFrom(name: string): number {
  let sum = 7
  for (const byte of Buffer.from(name)) sum = (Math.imul(sum, 31) + byte) >>> 0
  return sum
}

export function makeWeights(
  words: Vocabulary,
  sizes: Sizes,
  extras: { readonly loop: boolean; readonly extraTensor: boolean; readonly seed: number },
): Weights {
  const { hidden } = sizes
  const random = xorshift(extras.seed)
  const codes = makeCodes(words.pieces.length + 1, hidden, random)
  const noise = new Uint8Array(BLOCK).map(() => random() >>> 8)
  const power = Math.log2(64 / hidden)

  function embedding(one: number): Uint16Array {
    const out = new Uint16Array(words.tokens.length * hidden)
    for (let token = 0; token < words.tokens.length; token++) {
      const isPiece = token >= words.firstPiece && token < words.firstSpecial
      const code = codes[isPiece ? token - words.firstPiece + 1 : 0]!
      for (let j = 0; j < hidden; j++) out[token * hidden + j] = code[j]! > 0 ? one : one | 0x8000
    }
    return out
  }

  function head(scaled: (power: number) => number): Uint16Array {
    const out = new Uint16Array(words.tokens.length * hidden)
    const put = (token: number, value: (j: number) => number, bits: number) => {
      for (let j = 0; j < hidden; j++) {
        const sign = value(j)
        if (sign !== 0) out[token * hidden + j] = sign < 0 ? bits | 0x8000 : bits
      }
    }
    for (let i = 0; i < words.pieces.length; i++) put(words.firstPiece + i, j => codes[i]![j]!, scaled(power))
    const last = codes[words.pieces.length]!
    if (extras.loop) put(words.firstPiece, j => codes[0]![j]! + last[j]!, scaled(power + 1))
    else put(words.eos, j => last[j]!, scaled(power))
    return out
  }

  function* blocks(tensor: Tensor, format: NumberFormat): Generator<Buffer> {
    const { one, scaled, noise: high } = FORMATS[format]
    const count = countOf(tensor)
    switch (tensor.kind) {
      case 'ones': // a GGUF keeps its norms in 32 bits
        yield format === 'f16'
          ? Buffer.from(new Float32Array(count).fill(1).buffer)
          : Buffer.from(new Uint16Array(count).fill(one).buffer)
        return
      case 'zero':
        yield* repeatBlock(Buffer.alloc(BLOCK), count * 2)
        return
      case 'noise':
        yield* repeatBlock(noiseBlock(noise, seededFrom(tensor.gguf), high), count * 2)
        return
      case 'embed':
        yield Buffer.from(embedding(one).buffer)
        return
      case 'head':
        yield Buffer.from(head(scaled).buffer)
    }
  }

  return { tensors: listTensors(words.tokens.length, sizes, extras.extraTensor), blocks }
}
