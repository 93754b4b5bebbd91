// What an engine is to load, and what of it makes it another recipe.
import { describe, expect, it } from 'vitest'
import type { RecipeWish } from '../../../src/domain/engine.ts'
import { toDigestText, toListedName } from '../../../src/domain/engine-facts/ollama-names.ts'
import { findOllamaStore, toOllamaRecipe } from '../../../src/domain/engine-facts/ollama-recipe.ts'
import { toVllmRecipe } from '../../../src/domain/engine-facts/vllm-recipe.ts'

const asked: string[] = []
const sha256 = (text: string) => {
  asked.push(text)
  return 'f'.repeat(64)
}
const hex = 'a'.repeat(64)
const wish = (more: Partial<RecipeWish> = {}): RecipeWish =>
  ({
    modelName: 'qwen',
    alias: 'active',
    path: '/models/a/',
    ollamaName: 'llama3.2',
    revision: `sha256-${hex.toUpperCase()}`,
    task: 'Chat',
    runtimeArgs: [],
    modelArgs: [],
    ...more,
  }) as RecipeWish

describe('A recipe of vLLM', () => {
  it('is named by its folder, under both names, with the arguments of Runtime and Model in that order', () => {
    const recipe = toVllmRecipe(
      wish({ runtimeArgs: ['--dtype', 'half'], modelArgs: ['--max-model-len', '1'] }),
      sha256,
    )
    expect(recipe).toEqual({
      engine: 'VLLM',
      model: '/models/a',
      identity: '/models/a',
      servedNames: ['qwen', 'active'],
      args: ['--dtype', 'half', '--max-model-len', '1'],
      task: 'Chat',
      hash: 'f'.repeat(16),
    })
    expect(asked.at(-1)).toBe(
      '["VLLM","/models/a","/models/a",["qwen","active"],["--dtype","half","--max-model-len","1"]]',
    )
  })

  it('has one name when the alias is the name', () => {
    expect(toVllmRecipe(wish({ alias: 'qwen' }), sha256).servedNames).toEqual(['qwen'])
  })

  it.each([undefined, '', 'models/a', '/models/../a', '/models/..', '/./a', '/a/.', '/a\nb', '/a\x00'])(
    'is refused for the folder %j',
    path => {
      expect(() => toVllmRecipe({ ...wish(), path } as RecipeWish, sha256)).toThrow(
        /is not an absolute folder/,
      )
    },
  )

  it.each(['/a/..b', '/a/b..', '/a.b/.c'])('may be of the folder %s', path => {
    expect(toVllmRecipe(wish({ path }), sha256).model).toBe(path)
  })

  it('is refused when Runtime or Model bring an argument that is ours', () => {
    for (const more of [{ runtimeArgs: ['--model', 'x'] }, { modelArgs: ['--served-model-name', 'x'] }])
      expect(() => toVllmRecipe(wish(more), sha256)).toThrow(/engineArgs|args/)
  })
})

describe('A recipe of Ollama', () => {
  it('is named as Ollama lists it, with the whole digest', () => {
    expect(toOllamaRecipe(wish({ task: 'Embedding' as never }), sha256)).toEqual({
      engine: 'Ollama',
      model: 'llama3.2:latest',
      identity: `sha256:${hex}`,
      servedNames: ['llama3.2:latest', 'active'],
      args: [],
      task: 'Embedding',
      hash: 'f'.repeat(16),
    })
  })

  it('takes no arguments, and needs a name and a digest', () => {
    const refused: [Partial<RecipeWish>, RegExp][] = [
      [{ runtimeArgs: ['--a'] }, /"--a" is not allowed/],
      [{ modelArgs: ['--b'] }, /"--b" is not allowed/],
      [{ ollamaName: undefined as never }, /is not an Ollama name/],
      [{ revision: 'sha256:1' }, /^revision: /],
      [{ revision: '' }, /^revision: ""/],
    ]
    for (const [more, why] of refused) expect(() => toOllamaRecipe(wish(more), sha256)).toThrow(why)
  })

  it.each([
    ['llama3.2', 'llama3.2:latest'],
    ['library/llama3.2:3b', 'llama3.2:3b'],
    ['me/own', 'me/own:latest'],
    ['registry.ollama.ai/library/a', 'a:latest'],
    ['reg.example:5000/library/a:b', 'reg.example:5000/library/a:b'],
  ])('of %s is listed as %s', (name, listed) => {
    expect(toListedName(name)).toBe(listed)
  })

  it.each([
    [`sha256:${hex}`, `sha256:${hex}`],
    [`sha256-${hex}`, `sha256:${hex}`],
    [hex.toUpperCase(), `sha256:${hex}`],
    ['', ''],
    ['sha256:', ''],
    ['xsha256:a', 'sha256:xsha256:a'],
  ])('the digest %s reads %s', (written, read) => {
    expect(toDigestText(written)).toBe(read)
  })

  it.each([
    ['/models', '/models'],
    [' "/models/" ', '/models'],
    ["'/models//'", '/models'],
    ['""/models""', '/models'],
    ['/', '/'],
    ['models', undefined],
    ['', undefined],
    [undefined, undefined],
  ])('keeps its models where OLLAMA_MODELS=%j says: %s', (value, path) => {
    const env = value === undefined ? {} : { OLLAMA_MODELS: value }
    expect(findOllamaStore({ command: [], args: [], env, port: 1 } as never)).toBe(path)
  })
})
