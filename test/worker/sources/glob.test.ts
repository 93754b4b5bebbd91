// File patterns as the Hub's own clients read them.
import { describe, expect, it } from 'vitest'
import { toMatcher } from '../../../src/worker/sources/glob.ts'

describe('a pattern', () => {
  it.each([
    ['*.json', 'config.json', true],
    ['*.json', 'a/b/config.json', true],
    ['*.json', 'config.jsonl', false],
    ['tokenizer*', 'tokenizer.model', true],
    ['tokenizer*', 'x/tokenizer.model', false],
    ['model-0000?-of-*.safetensors', 'model-00001-of-00003.safetensors', true],
    ['model-[0-2].bin', 'model-1.bin', true],
    ['model-[!0-2].bin', 'model-1.bin', false],
    ['model-[ab', 'model-[ab', true],
    ['onnx/', 'onnx/model.json', true],
    ['onnx/', 'xonnx/model.json', false],
    ['a.b', 'axb', false],
    ['**', 'a/b', true],
    ['', '', true],
  ])('%s and the name %s: %s', (pattern, name, isMatch) => {
    expect(toMatcher([pattern])(name)).toBe(isMatch)
  })

  it('made to be slow is not', () => {
    const started = Date.now()
    expect(toMatcher([`${'*a'.repeat(100)}b`])('a'.repeat(1000))).toBe(false)
    expect(Date.now() - started).toBeLessThan(5000)
  })
})
