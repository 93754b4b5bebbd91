// Capabilities from the files of a repository: what stands there is said, what does not is absent.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findContextLength } from '../../../src/worker/inspect/gguf.ts'
import { inspectRepository } from '../../../src/worker/inspect/repository.ts'
import type { Listing, SourceFile } from '../../../src/worker/sources/source.ts'
import { digestOf, sha256 } from '../../../src/worker/transfer/digest.ts'

const inspect = (texts: Record<string, string | object>, declaredTask?: string) => {
  const contents = Object.entries(texts).map(
    ([path, value]) =>
      [path, Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))] as const,
  )
  const all = contents.map(([path, bytes]): SourceFile => {
    const hex = digestOf('gitSha1', bytes)
    return { path, size: bytes.length, digest: { algorithm: 'gitSha1', hex }, blob: hex }
  })
  const listing: Listing = { revision: 'c', files: all, all, format: 'Safetensors' }
  return inspectRepository({ listing, declaredTask, read: async file => new Map(contents).get(file.path)! })
}

const causal = { architectures: ['LlamaForCausalLM'] }

describe('the task of a repository', () => {
  const cases: [string, Record<string, string | object>, string | undefined, string | undefined][] = [
    [
      'a causal model with a chat template',
      { 'config.json': causal, 'chat_template.jinja': 'x' },
      undefined,
      'Chat',
    ],
    ['a causal model without one', { 'config.json': causal }, 'text-generation', 'Completion'],
    [
      'a model that sees, with a template',
      {
        'config.json': { architectures: ['XForConditionalGeneration'] },
        'chat_template.json': { chat_template: 'x' },
      },
      'image-text-to-text',
      'Chat',
    ],
    [
      'a speech recogniser',
      { 'config.json': { architectures: ['WhisperForConditionalGeneration'] } },
      'automatic-speech-recognition',
      undefined,
    ],
    [
      'a sentence model',
      { 'config.json': { architectures: ['BertModel'] }, 'modules.json': '[]' },
      undefined,
      'Embedding',
    ],
    ['a causal sentence model', { 'config.json': causal, 'modules.json': '[]' }, undefined, 'Embedding'],
    [
      'an encoder that says nothing',
      { 'config.json': { architectures: ['BertModel'] } },
      undefined,
      undefined,
    ],
    [
      'a ranker',
      { 'config.json': { architectures: ['XForSequenceClassification'], id2label: { 0: 'a' } } },
      'text-ranking',
      'Rerank',
    ],
    [
      'a classifier of two labels',
      { 'config.json': { architectures: ['XForSequenceClassification'], id2label: { 0: 'a', 1: 'b' } } },
      'text-classification',
      undefined,
    ],
    ['no configuration', {}, undefined, undefined],
  ]
  it.each(cases)('with %s is told only when certain', async (_, texts, declared, task) => {
    expect((await inspect(texts, declared)).task).toBe(task)
  })
})

describe('the longest context', () => {
  const cases: [object, number | undefined][] = [
    [{ max_position_embeddings: 4096 }, 4096],
    [{ n_positions: 1024 }, 1024],
    [{ text_config: { max_position_embeddings: 131072 } }, 131072],
    [{ max_position_embeddings: 131072, rope_scaling: { rope_type: 'llama3', factor: 8 } }, 131072],
    [
      {
        max_position_embeddings: 32768,
        rope_scaling: { type: 'yarn', factor: 4, original_max_position_embeddings: 32768 },
      },
      131072,
    ],
    [{ max_position_embeddings: 514, model_type: 'xlm-roberta' }, 512],
    [{ max_position_embeddings: 4096, rope_scaling: { type: 'linear', factor: 'x' } }, undefined],
    [{ max_position_embeddings: -1 }, undefined],
    [{ max_position_embeddings: 1e30 }, undefined],
    [{}, undefined],
  ]
  it.each(cases)('of %o', async (config, length) => {
    expect((await inspect({ 'config.json': config })).contextLength).toBe(length)
  })
})

describe('quantization', () => {
  it('is the method named, none when there is none, and unknown when another file says it', async () => {
    expect(
      (await inspect({ 'config.json': { quantization_config: { quant_method: 'AWQ' } } })).quantization,
    ).toBe('awq')
    expect((await inspect({ 'config.json': {} })).quantization).toBe('none')
    expect((await inspect({ 'config.json': {}, 'hf_quant_config.json': '{}' })).quantization).toBeUndefined()
    expect((await inspect({ 'config.json': { quantization_config: 7 } })).quantization).toBeUndefined()
  })
})

describe('the chat template', () => {
  it('in a file of its own wins over the tokenizer’s', async () => {
    const found = await inspect({
      'chat_template.jinja': 'own',
      'tokenizer_config.json': { chat_template: 'other' },
    })
    expect(found).toMatchObject({ promptTemplate: 'own', promptTemplatePath: 'chat_template.jinja' })
    expect(found.promptTemplateSha256).toBe(sha256('own'))
  })
  it('of several is the one called default', async () => {
    const chat_template = [
      { name: 'tool_use', template: 'a' },
      { name: 'default', template: 'b' },
    ]
    expect((await inspect({ 'tokenizer_config.json': { chat_template } })).promptTemplate).toBe('b')
  })
  it('that is long is told by hash and path only', async () => {
    const found = await inspect({ 'chat_template.jinja': 'x'.repeat(2000) })
    expect(found.promptTemplate).toBeUndefined()
    expect(found.promptTemplateSha256).toBe(sha256('x'.repeat(2000)))
  })
})

describe('hostile metadata', () => {
  it('of any JSON never throws', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue(), fc.jsonValue(), async (config, tokenizer) => {
        await inspect({
          'config.json': JSON.stringify(config),
          'tokenizer_config.json': JSON.stringify(tokenizer),
        })
      }),
      { numRuns: 200 },
    )
  })
  it('of any bytes after a GGUF magic never throws and never reads past the end', () => {
    const start = Buffer.from('GGUF\x03\0\0\0\x01\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0', 'latin1')
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), tail => {
        findContextLength(Buffer.concat([start, tail]))
      }),
    )
  })
})
