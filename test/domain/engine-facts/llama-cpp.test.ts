// The embedded llama.cpp: its recipe, how it is started, what its log and its counters say, and where it may be named.
import { describe, expect, it } from 'vitest'
import { toCrd } from '../../../src/domain/crd.ts'
import { parseSpec } from '../../../src/domain/crd-parse.ts'
import type { ContainerSight, RecipeWish } from '../../../src/domain/engine.ts'
import { readLlamaCppCounters } from '../../../src/domain/engine-facts/llama-cpp-answers.ts'
import { llamaCppLog } from '../../../src/domain/engine-facts/llama-cpp-log.ts'
import { launchLlamaCpp, toLlamaCppRecipe } from '../../../src/domain/engine-facts/llama-cpp-recipe.ts'
import { readSign } from '../../../src/domain/engine-facts/load-log.ts'

const digest = `sha256:${'a'.repeat(64)}`
const wish = (more: Partial<RecipeWish> = {}): RecipeWish => ({
  ...{ modelName: 'smol', alias: 'active', ollamaName: 'hf.co/acme/smol-GGUF:smol', task: 'Chat' },
  ...{ revision: `${'c'.repeat(40)}+${digest}`, runtimeArgs: [], modelArgs: [] },
  ...more,
})
const recipeOf = (more: Partial<RecipeWish> = {}) => toLlamaCppRecipe(wish(more), () => 'f'.repeat(64))
const found: ContainerSight = {
  command: ['switchyard', 'embedded', 'serve'],
  args: ['--port', '8080', '--store', '/srv/models/ollama'],
  env: {},
  port: 8080,
}

describe('A recipe of LlamaCpp', () => {
  it('is a name of the store with the digest of its manifest', () => {
    expect(recipeOf()).toEqual({
      engine: 'LlamaCpp',
      model: 'hf.co/acme/smol-GGUF:smol',
      identity: digest,
      servedNames: ['smol', 'active'],
      args: [],
      task: 'Chat',
      hash: 'f'.repeat(16),
    })
  })

  it('takes the arguments of Runtime and Model, in both spellings', () => {
    const { args } = recipeOf({ runtimeArgs: ['--ctx-size=8192'], modelArgs: ['--threads', '2'] })
    expect(args).toEqual(['--ctx-size=8192', '--threads', '2'])
  })

  it.each([
    [
      ['--model', '/etc/passwd'],
      '"--model" is not allowed: LlamaCpp takes --ctx-size, --parallel, --threads',
    ],
    [['--ctx-size'], '"--ctx-size" is not allowed: it takes a whole number from 1 to 1048576'],
    [['--ctx-size', '0'], 'it takes a whole number from 1 to 1048576'],
    [['--parallel=65'], 'it takes a whole number from 1 to 64'],
    [['--threads', '--parallel'], 'it takes a whole number from 1 to 1024'],
    [['toString', '1'], '"toString" is not allowed'],
    [['--toString', '1'], '"--toString" is not allowed'],
  ])('refuses %j', (runtimeArgs, message) => {
    expect(() => recipeOf({ runtimeArgs })).toThrow(message)
  })
})

describe('The launch of LlamaCpp', () => {
  it('names the model and its names behind port and store', () => {
    expect(launchLlamaCpp(recipeOf({ runtimeArgs: ['--threads=2'] }), found)).toEqual({
      hash: 'f'.repeat(16),
      args: [
        ...found.args,
        ...['--model', 'hf.co/acme/smol-GGUF:smol', '--name', 'smol', '--name', 'active', '--threads=2'],
      ],
    })
  })

  it('is refused for another program, which could not prove what it serves', () => {
    const other = { ...found, command: ['/usr/bin/llama-server'] }
    expect(() => launchLlamaCpp(recipeOf(), other)).toThrow(
      'host.command: LlamaCpp is the engine inside Switchyard',
    )
  })
})

describe('The log of LlamaCpp', () => {
  it.each([
    ['embedded: loading 40%', { mark: 'Weights 40%', percent: 40 }],
    ['embedded: serving a at http://127.0.0.1:8080', { mark: 'Ready' }],
    ['embedded: installing llama.cpp (…)', { mark: 'Installing' }],
    [
      'embedded: not enough memory for 9 tokens',
      { mark: 'NoMemory', failure: { reason: 'OutOfMemory', message: 'not enough memory for 9 tokens' } },
    ],
  ])('%s', (line, sign) => {
    expect(readSign(line, llamaCppLog)).toEqual(sign)
  })
})

describe('The counters of LlamaCpp', () => {
  it('count what waits as running, and both kinds of tokens', () => {
    const text = [
      'llamacpp:requests_processing 2',
      'llamacpp:requests_deferred 3',
      'llamacpp:prompt_tokens_total 40',
      'llamacpp:tokens_predicted_total 2',
    ].join('\n')
    expect(readLlamaCppCounters(text)).toEqual({ running: 5, tokens: 42 })
  })

  it('say nothing where there are none', () => {
    expect(readLlamaCppCounters('<html>')).toEqual({})
  })
})

describe('engine: LlamaCpp', () => {
  it('is taken by the store of a host', () => {
    expect(parseSpec('Runtime', { engine: 'LlamaCpp', host: {} })).toMatchObject({
      spec: { engine: 'LlamaCpp' },
    })
    expect(parseSpec('Runtime', { engine: 'Llama', host: {} })).toEqual({
      invalid: 'spec.engine: "Llama" is not one of VLLM, Ollama, LlamaCpp (The program family)',
    })
  })

  it.each(['Model', 'Runtime'] as const)('stands nowhere in the CRD of a %s', kind => {
    expect(JSON.stringify(toCrd(kind))).not.toContain('LlamaCpp')
  })
})
