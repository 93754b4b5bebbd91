import { describe, expect, it } from 'vitest'
import type { RecipeWish } from '../../src/domain/engine.ts'
import { createOllama } from '../../src/engines/ollama.ts'
import { createVllm } from '../../src/engines/vllm.ts'

const vllm = createVllm({ fetch })
const ollama = createOllama({ fetch })
const digest = `sha256:${'a'.repeat(64)}`

const wish = (change: Partial<RecipeWish> = {}): RecipeWish => ({
  modelName: 'qwen',
  alias: 'active',
  path: '/models/hub/models--q/snapshots/abc/',
  ollamaName: 'llama3.2:3b',
  revision: digest,
  runtimeArgs: [],
  modelArgs: [],
  task: 'Chat',
  ...change,
})
const sight = (env: Record<string, string>) => ({ command: [], args: [], env, port: 1 })

describe('a recipe for vLLM', () => {
  it('names the folder, both served names, and the Runtime’s arguments before the Model’s', () => {
    expect(vllm.recipe(wish({ runtimeArgs: ['--seed', '1'], modelArgs: ['--seed', '2'] }))).toEqual({
      engine: 'VLLM',
      model: '/models/hub/models--q/snapshots/abc',
      identity: '/models/hub/models--q/snapshots/abc',
      servedNames: ['qwen', 'active'],
      args: ['--seed', '1', '--seed', '2'],
      task: 'Chat',
      hash: expect.stringMatching(/^[0-9a-f]{16}$/),
    })
  })

  it('keeps its hash from release to release and from task to task', () => {
    expect(vllm.recipe(wish()).hash).toBe('08b32adab3521c59')
    expect(vllm.recipe(wish({ task: 'Embedding' })).hash).toBe('08b32adab3521c59')
  })

  it.each<[string, Partial<RecipeWish>]>([
    ['folder', { path: '/models/other' }],
    ['name', { modelName: 'other' }],
    ['alias', { alias: 'other' }],
    ['argument', { modelArgs: ['--seed', '1'] }],
  ])('has another hash with another %s', (_, change) => {
    expect(vllm.recipe(wish(change)).hash).not.toBe(vllm.recipe(wish()).hash)
  })

  it('names a model once when it is called like the alias', () => {
    expect(vllm.recipe(wish({ modelName: 'active' })).servedNames).toEqual(['active'])
  })

  it.each(['relative', '/models/../etc', ''])('is refused for the folder %j', path => {
    expect(() => vllm.recipe(wish({ path }))).toThrow(expect.objectContaining({ reason: 'UnsafePath' }))
  })

  it.each(['runtimeArgs', 'modelArgs'] as const)('is refused for an owned flag in %s', field => {
    expect(() => vllm.recipe(wish({ [field]: ['--port', '1'] }))).toThrow(
      expect.objectContaining({ reason: 'ArgumentNotAllowed' }),
    )
  })

  it('is refused when the Runtime’s last flag would swallow a word of the Model', () => {
    expect(() => vllm.recipe(wish({ runtimeArgs: ['--seed'], modelArgs: ['7'] }))).toThrow(
      /belongs to no flag/,
    )
  })
})

describe('a recipe for Ollama', () => {
  it.each([
    ['llama3.2:3b', 'llama3.2:3b'],
    ['tiny', 'tiny:latest'],
    ['library/tiny:latest', 'tiny:latest'],
    ['registry.ollama.ai/library/tiny:1', 'tiny:1'],
    ['someone/tiny', 'someone/tiny:latest'],
    ['127.0.0.1:5000/library/tiny', '127.0.0.1:5000/library/tiny:latest'],
    ['hub.example/someone/tiny:q4', 'hub.example/someone/tiny:q4'],
  ])('of %s names the model as Ollama lists it: %s', (ollamaName, listed) => {
    const recipe = ollama.recipe(wish({ ollamaName }))
    expect(recipe).toMatchObject({
      model: listed,
      identity: digest,
      servedNames: [listed, 'active'],
      args: [],
    })
  })

  it('keeps its hash and takes the digest with or without sha256', () => {
    expect(ollama.recipe(wish()).hash).toBe('9c7849d5ed3c8ece')
    expect(ollama.recipe(wish({ revision: 'A'.repeat(64) })).hash).toBe('9c7849d5ed3c8ece')
  })

  it('is refused with an argument, a bad name or a bad digest', () => {
    expect(() => ollama.recipe(wish({ modelArgs: ['--x'] }))).toThrow(/Ollama takes no arguments/)
    expect(() => ollama.recipe(wish({ ollamaName: '../x' }))).toThrow(
      expect.objectContaining({ reason: 'InvalidName' }),
    )
    expect(() => ollama.recipe(wish({ revision: 'main' }))).toThrow(
      expect.objectContaining({ reason: 'InvalidName' }),
    )
  })
})

describe('the store of an engine', () => {
  it.each([
    [{}, undefined],
    [{ OLLAMA_MODELS: '/models/ollama/' }, '/models/ollama'],
    [{ OLLAMA_MODELS: ' "/models" ' }, '/models'],
    [{ OLLAMA_MODELS: 'relative' }, undefined],
  ])('of Ollama with %j is %s', (env, path) => {
    expect(ollama.storePath(sight(env as Record<string, string>))).toBe(path)
  })

  it('of vLLM is never moved by its environment', () => {
    expect(vllm.storePath(sight({ HF_HOME: '/x' }))).toBeUndefined()
  })
})

describe('what an engine cannot do', () => {
  it('vLLM neither loads nor unloads in place', async () => {
    await expect(vllm.load('http://127.0.0.1:1', vllm.recipe(wish()), 10)).rejects.toMatchObject({
      reason: 'NotSupported',
    })
    await expect(vllm.unload('http://127.0.0.1:1', undefined, 10)).rejects.toMatchObject({
      reason: 'NotSupported',
    })
  })

  it('Ollama launches with nothing but the hash', () => {
    const recipe = ollama.recipe(wish())
    expect(ollama.launch(recipe, sight({}))).toEqual({ hash: recipe.hash })
  })
})
