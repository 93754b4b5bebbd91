// Golden stories on the memory platform: one text per story; reviewing behaviour is reading the difference of a text.
import { afterEach, describe, expect, it } from 'vitest'
import { annotate, deleteObject, patchSpec } from '../../src/platform/memory/memory-people.ts'
import { letLeave, podsOf } from '../../src/platform/memory/memory-pods.ts'
import type { World } from '../../src/platform/memory/memory-world.ts'
import {
  publish,
  writeMadeRuntime,
  writeModel,
  writeOllamaModel,
  writeRuntime,
} from '../builders/memory-cast.ts'
import { onGpu, onOllama } from '../builders/memory-scenes.ts'
import { modelIn, runtimeIn } from '../builders/memory-stage.ts'
import { openStage, type Stage } from './memory-story.ts'

let open: ReturnType<typeof openStage> | undefined
afterEach(() => open?.close())

const phaseIs = (stage: Stage, kind: 'Model' | 'Runtime', name: string, phase: string): Promise<void> =>
  stage.until(`${kind} ${name} is ${phase}`, () => {
    const object = kind === 'Model' ? modelIn(stage.world, name) : runtimeIn(stage.world, name)
    return object?.status.phase === phase
  })

const serves = (stage: Stage, runtime: string, model: string): Promise<void> =>
  stage.until(`${runtime} serves ${model}`, () => {
    const status = runtimeIn(stage.world, runtime)?.status
    return status?.phase === 'Active' && status.active?.model === model && status.switch === undefined
  })

const fileOf = (name: string): string => `golden/memory/${name.replaceAll(/[^A-Za-z0-9]+/g, '-')}.txt`

const story = (name: string, scene: (world: World) => void, play: (stage: Stage) => Promise<void>): void =>
  it(name, async () => {
    const stage = openStage(scene)
    open = stage
    await play(stage)
    await stage.pass(30)
    expect(stage.world.violations).toEqual([])
    await expect(stage.text()).toMatchFileSnapshot(fileOf(name))
  })

const activeOnGpu = async (stage: Stage): Promise<void> => {
  stage.does('Anna writes Model a and makes it active on gpu', () => {
    writeModel(stage.world, 'a')
    writeRuntime(stage.world, 'gpu', 'VLLM', { activeModel: 'a' })
  })
  await serves(stage, 'gpu', 'a')
}

const activeOnOllama = async (stage: Stage): Promise<void> => {
  stage.does('Anna writes Models a and b and makes a active on ollama', () => {
    writeOllamaModel(stage.world, 'a', { runtimes: [{ name: 'ollama' }] })
    writeOllamaModel(stage.world, 'b', { runtimes: [{ name: 'ollama' }] })
    writeRuntime(stage.world, 'ollama', 'Ollama', { activeModel: 'a' })
  })
  await serves(stage, 'ollama', 'a')
  await phaseIs(stage, 'Model', 'b', 'Ready')
}

const wants = (stage: Stage, runtime: string, model: string): void =>
  stage.does(`Anna makes ${model} active on ${runtime}`, () =>
    patchSpec(stage.world, 'Runtime', runtime, { activeModel: model }),
  )

describe('a Model that comes and goes', () => {
  story('a Model is fetched and becomes active', onGpu, activeOnGpu)

  story('a Model waits for its Runtime', onGpu, async stage => {
    stage.does('Anna writes Model a for a Runtime that is not there', () =>
      writeModel(stage.world, 'a', { runtimes: [{ name: 'gpu' }] }),
    )
    await phaseIs(stage, 'Model', 'a', 'Waiting')
    stage.does('Anna writes Runtime gpu', () => writeRuntime(stage.world, 'gpu', 'VLLM'))
    await phaseIs(stage, 'Model', 'a', 'Ready')
  })

  story('a Runtime waits for its Model', onGpu, async stage => {
    stage.does('Anna writes Runtime gpu for a Model that is not there', () =>
      writeRuntime(stage.world, 'gpu', 'VLLM', { activeModel: 'a' }),
    )
    await phaseIs(stage, 'Runtime', 'gpu', 'Waiting')
    stage.does('Anna writes Model a', () => writeModel(stage.world, 'a'))
    await serves(stage, 'gpu', 'a')
  })

  story(
    'a token Secret is missing and comes',
    world => {
      onGpu(world)
      const source = world.script.sources.get('org/a')
      if (source) world.script.sources.set('org/a', { ...source, needsSecret: 'hf' })
    },
    async stage => {
      stage.does('Anna writes Model a with a Secret that is not there', () => {
        const source = { huggingFace: { repo: 'org/a', tokenSecretRef: { name: 'hf', key: 'token' } } }
        writeModel(stage.world, 'a', { source })
        writeRuntime(stage.world, 'gpu', 'VLLM', { activeModel: 'a' })
      })
      await phaseIs(stage, 'Model', 'a', 'Waiting')
      await stage.pass(20)
      stage.does('Anna makes the Secret', () => void stage.world.script.secrets.add('hf'))
      await serves(stage, 'gpu', 'a')
    },
  )

  story('a quota is too small and grows', onGpu, async stage => {
    stage.does('Anna writes Model a for a Runtime with a quota of 5 GB', () => {
      writeModel(stage.world, 'a')
      writeRuntime(stage.world, 'gpu', 'VLLM', { activeModel: 'a', storage: { quota: '5G' } })
    })
    await phaseIs(stage, 'Model', 'a', 'Blocked')
    await stage.pass(20)
    stage.does('Anna raises the quota to 20 GB', () =>
      patchSpec(stage.world, 'Runtime', 'gpu', { storage: { quota: '20G' } }),
    )
    await serves(stage, 'gpu', 'a')
  })

  story('an active Model is deleted and goes when another is active', onGpu, async stage => {
    await activeOnGpu(stage)
    stage.does('Anna deletes Model a', () => deleteObject(stage.world, 'Model', 'a'))
    await phaseIs(stage, 'Model', 'a', 'Deleting')
    await stage.pass(60)
    stage.does('Anna writes Model b', () => writeModel(stage.world, 'b'))
    wants(stage, 'gpu', 'b')
    await serves(stage, 'gpu', 'b')
    await stage.until('Model a is gone', () => modelIn(stage.world, 'a') === undefined)
    expect(stage.world.claims.get('default/models')?.copies.map(copy => copy.revision[0])).toEqual(['b'])
  })

  story('a Model that failed is tried again when asked', onGpu, async stage => {
    stage.world.script.sources.delete('org/a')
    stage.does('Anna writes Model a whose repository is not there', () =>
      writeModel(stage.world, 'a', { runtimes: [{ name: 'gpu' }] }),
    )
    stage.does('Anna writes Runtime gpu', () => writeRuntime(stage.world, 'gpu', 'VLLM'))
    await phaseIs(stage, 'Model', 'a', 'Failed')
    stage.does('Somebody publishes the repository', () => publish(stage.world, 'org/a', 'a'))
    await stage.pass(10)
    stage.does('Anna asks for a retry', () =>
      annotate(stage.world, 'Model', 'a', { 'switchyard.dev/retry-requested-at': 'now' }),
    )
    await phaseIs(stage, 'Model', 'a', 'Ready')
  })

  story('a copy leaves spec.runtimes and comes back', onGpu, async stage => {
    stage.does('Anna writes Model a for gpu', () => {
      writeRuntime(stage.world, 'gpu', 'VLLM')
      writeModel(stage.world, 'a', { runtimes: [{ name: 'gpu' }] })
    })
    await phaseIs(stage, 'Model', 'a', 'Ready')
    stage.does('Anna takes gpu out of spec.runtimes', () =>
      patchSpec(stage.world, 'Model', 'a', { runtimes: [] }),
    )
    await stage.until(
      'the bytes are gone',
      () => stage.world.claims.get('default/models')?.copies.length === 0,
    )
    await stage.pass(10)
    stage.does('Anna names gpu again', () =>
      patchSpec(stage.world, 'Model', 'a', { runtimes: [{ name: 'gpu' }] }),
    )
    await stage.until(
      'the bytes are back',
      () => stage.world.claims.get('default/models')?.copies.length === 1,
    )
    await phaseIs(stage, 'Model', 'a', 'Ready')
  })

  story('a Model is verified twice and refreshed', onGpu, async stage => {
    await activeOnGpu(stage)
    const ask = async (what: 'verify' | 'refresh', when: string): Promise<void> => {
      stage.does(`Anna asks to ${what}`, () =>
        annotate(stage.world, 'Model', 'a', { [`switchyard.dev/${what}-requested-at`]: when }),
      )
      await stage.until(
        `${what} was handled`,
        () => modelIn(stage.world, 'a')?.status.lastHandled?.[what] === when,
      )
      await phaseIs(stage, 'Model', 'a', 'Ready')
    }
    await ask('verify', 'first')
    await ask('verify', 'second')
    stage.does('Somebody pushes a new commit', () => publish(stage.world, 'org/a', 'c'))
    await ask('refresh', 'third')
    expect(modelIn(stage.world, 'a')?.status.resolved?.revision).toBe('c'.repeat(40))
  })
})

describe('a switch', () => {
  story('vLLM switches from a to b and back', onGpu, async stage => {
    await activeOnGpu(stage)
    stage.does('Anna writes Model b', () => writeModel(stage.world, 'b', { runtimes: [{ name: 'gpu' }] }))
    await phaseIs(stage, 'Model', 'b', 'Ready')
    wants(stage, 'gpu', 'b')
    await serves(stage, 'gpu', 'b')
    wants(stage, 'gpu', 'a')
    await serves(stage, 'gpu', 'a')
  })

  story('Ollama switches from a to b and back', onOllama, async stage => {
    await activeOnOllama(stage)
    wants(stage, 'ollama', 'b')
    await serves(stage, 'ollama', 'b')
    wants(stage, 'ollama', 'a')
    await serves(stage, 'ollama', 'a')
  })

  story('a made Runtime is made, switched and deleted', onGpu, async stage => {
    stage.does('Anna writes Models a and b and a Runtime of her own', () => {
      writeModel(stage.world, 'a', { runtimes: [{ name: 'own' }] })
      writeModel(stage.world, 'b', { runtimes: [{ name: 'own' }] })
      writeMadeRuntime(stage.world, 'own', { activeModel: 'a' })
    })
    await serves(stage, 'own', 'a')
    await phaseIs(stage, 'Model', 'b', 'Ready')
    wants(stage, 'own', 'b')
    await serves(stage, 'own', 'b')
    stage.does('Anna deletes Runtime own', () => deleteObject(stage.world, 'Runtime', 'own'))
    await stage.until('it is gone', () => runtimeIn(stage.world, 'own') === undefined)
    await stage.pass(10)
    expect(podsOf(stage.world, 'default/own')).toEqual([])
  })

  story('the second vLLM model cannot be loaded and the first serves again', onGpu, async stage => {
    await activeOnGpu(stage)
    stage.world.script.loadFails.set('org--b', 'torch.OutOfMemoryError: CUDA out of memory.')
    stage.does('Anna writes Model b', () => writeModel(stage.world, 'b'))
    wants(stage, 'gpu', 'b')
    await phaseIs(stage, 'Runtime', 'gpu', 'RolledBack')
    await stage.pass(60)
    stage.world.script.loadFails.clear()
    stage.does('Anna frees memory and asks for a retry', () =>
      annotate(stage.world, 'Runtime', 'gpu', { 'switchyard.dev/retry-requested-at': 'now' }),
    )
    await serves(stage, 'gpu', 'b')
  })

  story('the second Ollama model cannot be loaded and the first serves again', onOllama, async stage => {
    await activeOnOllama(stage)
    stage.world.script.loadFails.set('b:latest', 'model requires more system memory')
    wants(stage, 'ollama', 'b')
    await phaseIs(stage, 'Runtime', 'ollama', 'RolledBack')
    expect(podsOf(stage.world, 'default/ollama')[0]?.loaded).toEqual(['a:latest'])
  })

  story('a wish is taken back while the new model loads', onGpu, async stage => {
    await activeOnGpu(stage)
    stage.does('Anna writes Model b', () => writeModel(stage.world, 'b'))
    wants(stage, 'gpu', 'b')
    await stage.until('b loads', () => runtimeIn(stage.world, 'gpu')?.status.switch?.step === 'Loading')
    wants(stage, 'gpu', 'a')
    await serves(stage, 'gpu', 'a')
    await stage.pass(60)
    expect(podsOf(stage.world, 'default/gpu').length).toBe(1)
  })

  story('edited arguments are a switch to the same model', onGpu, async stage => {
    await activeOnGpu(stage)
    stage.does('Anna sets --max-num-seqs', () =>
      patchSpec(stage.world, 'Runtime', 'gpu', { engineArgs: ['--max-num-seqs', '8'] }),
    )
    await phaseIs(stage, 'Runtime', 'gpu', 'Switching')
    await serves(stage, 'gpu', 'a')
    expect(podsOf(stage.world, 'default/gpu')[0]?.template.args).toContain('--max-num-seqs')
  })
})

describe('a Runtime', () => {
  story('without a wish is observed and left alone', onGpu, async stage => {
    stage.does('Anna writes Runtime gpu without a model', () => writeRuntime(stage.world, 'gpu', 'VLLM'))
    await phaseIs(stage, 'Runtime', 'gpu', 'Observing')
    await stage.pass(60)
    expect(stage.world.deployments.get('default/gpu')?.generation).toBe(1)
  })

  story('is idle and comes back', onGpu, async stage => {
    await activeOnGpu(stage)
    stage.does('Anna wants it idle', () => patchSpec(stage.world, 'Runtime', 'gpu', { desiredState: 'Idle' }))
    await phaseIs(stage, 'Runtime', 'gpu', 'Idle')
    await stage.pass(30)
    stage.does('Anna wants it active', () =>
      patchSpec(stage.world, 'Runtime', 'gpu', { desiredState: 'Active' }),
    )
    await serves(stage, 'gpu', 'a')
  })

  story('is paused and nothing is changed', onGpu, async stage => {
    await activeOnGpu(stage)
    stage.does('Anna writes Model b', () => writeModel(stage.world, 'b', { runtimes: [{ name: 'gpu' }] }))
    await phaseIs(stage, 'Model', 'b', 'Ready')
    stage.does('Anna pauses gpu', () => patchSpec(stage.world, 'Runtime', 'gpu', { paused: true }))
    await phaseIs(stage, 'Runtime', 'gpu', 'Paused')
    wants(stage, 'gpu', 'b')
    await stage.pass(60)
    expect(runtimeIn(stage.world, 'gpu')?.status.active?.model).toBe('a')
    stage.does('Anna goes on', () => patchSpec(stage.world, 'Runtime', 'gpu', { paused: false }))
    await serves(stage, 'gpu', 'b')
  })

  story('whose model another client evicted loads it again', onOllama, async stage => {
    await activeOnOllama(stage)
    stage.does('Somebody unloads a', () => {
      for (const pod of podsOf(stage.world, 'default/ollama'))
        stage.world.edit(stage.world.pods, pod.name, one => ({ ...one, loaded: [] }))
    })
    await stage.until(
      'it is noticed',
      () => runtimeIn(stage.world, 'ollama')?.status.phase === 'Degraded',
      120,
    )
    await serves(stage, 'ollama', 'a')
  })

  story('whose pod is deleted waits for the next one', onGpu, async stage => {
    await activeOnGpu(stage)
    stage.does('Somebody deletes the pod', () => {
      for (const pod of podsOf(stage.world, 'default/gpu')) letLeave(stage.world, pod.name)
    })
    await phaseIs(stage, 'Runtime', 'gpu', 'Degraded')
    await serves(stage, 'gpu', 'a')
  })
})
