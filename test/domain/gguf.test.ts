// A GGUF of the Hub is a matter of Ollama, under a name of ours and proved by our manifest's digest.
import { describe, expect, it } from 'vitest'
import type { StartWork } from '../../src/domain/decision.ts'
import { toGgufName } from '../../src/domain/engine-facts/ollama-names.ts'
import { toOllamaRecipe } from '../../src/domain/engine-facts/ollama-recipe.ts'
import { decideModel } from '../../src/domain/model-rules.ts'
import { settleModel } from '../../src/domain/model-settle.ts'
import type { ModelObservation, WantingRuntime } from '../../src/domain/observation.ts'
import { aModel, digest, resolved, revision, seenModel, wanting } from '../builders/seen.ts'

const decide = (seen: ModelObservation) => decideModel(settleModel(seen))
const onOllama: WantingRuntime = { ...wanting, why: 'Named', engine: 'Ollama' }
const gguf = { ...resolved, format: 'GGUF' } as const

describe('A Model of the Hub on Ollama', () => {
  it('is looked into before anybody can say whether Ollama serves it', () => {
    const { phase, actions } = decide(seenModel({ runtimes: [onOllama] }))
    expect(phase).toBe('Resolving')
    expect((actions as readonly StartWork[])[0]?.task).toMatchObject({
      source: { huggingFace: { repo: 'Qwen/Qwen', tag: 'qwen' } },
    })
  })

  it('is fetched when it is a GGUF, which vLLM is not given', () => {
    const model = aModel({ status: { resolved: gguf } })
    expect(decide(seenModel({ model, runtimes: [onOllama] })).phase).toBe('Downloading')
    const onVllm = decide(seenModel({ model, runtimes: [{ ...wanting, why: 'Named' }] }))
    expect(onVllm).toMatchObject({ phase: 'Rejected', reason: 'EngineCannotServe' })
  })

  it('has the tag of its Model, so that two Models of one repository are two', () => {
    expect(toGgufName('acme/tiny-GGUF', 'mine')).toBe('hf.co/acme/tiny-GGUF:mine')
    expect(toGgufName('gpt2', 'mine')).toBe('hf.co/library/gpt2:mine')
    expect(() => toGgufName('acme/tiny', '')).toThrow('is not an Ollama name')
  })

  it('is proved by the digest of the manifest behind its commit', () => {
    const identity = `sha256:${'c'.repeat(64)}`
    const recipe = toOllamaRecipe(
      {
        ...{ modelName: 'mine', alias: 'active', runtimeArgs: [], modelArgs: [], task: 'Chat' },
        revision: `${revision}+${identity}`,
        ollamaName: toGgufName('acme/tiny', 'mine'),
      },
      digest,
    )
    expect(recipe).toMatchObject({ identity, model: 'hf.co/acme/tiny:mine' })
  })
})
