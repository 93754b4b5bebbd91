// Scenarios of an engine behind an API key: the key is there, comes late, or goes while a switch runs.
import { patchSpec } from '../../src/platform/memory/memory-people.ts'
import { letLeave, podsOf } from '../../src/platform/memory/memory-pods.ts'
import type { World } from '../../src/platform/memory/memory-world.ts'
import { writeModel, writeRuntime } from '../builders/memory-cast.ts'
import { onGpu } from '../builders/memory-scenes.ts'
import { runtimeIn } from '../builders/memory-stage.ts'
import { isReady, runtimePhase, type Scenario, type Step, secondOnGpu, serves, wants } from './scenario.ts'

const apiKeySecretRef = { name: 'engine-key', key: 'api-key' }

const behindKey = (world: World): void => {
  onGpu(world)
  world.script.engineKeys.set('default/gpu', 'engine-key')
}

const addSecret = (world: World) => void world.script.secrets.add('engine-key')

const firstBehindKey = (more: object): Step['does'] => {
  return world => {
    writeModel(world, 'a')
    writeRuntime(world, 'gpu', 'VLLM', { activeModel: 'a', ...more })
  }
}

/** Before anything is touched, or at its proof: a controller that was killed has to show the key again first. */
const waitsForKey = (world: World): boolean => {
  const { status } = runtimeIn(world, 'gpu') ?? {}
  const isSaid = status?.conditions?.some(one => one.reason === 'EngineKeyNeeded') ?? false
  return status?.switch !== undefined && isSaid
}

const isUp = (world: World) => world.pods.list().some(pod => pod.isReady)

export const keyScenarios: readonly Scenario[] = [
  {
    name: 'behind a key: active, switched, and its pod is another one',
    scene: world => {
      behindKey(world)
      addSecret(world)
    },
    steps: [
      { does: firstBehindKey({ apiKeySecretRef }), until: serves('gpu', 'a') },
      secondOnGpu,
      { does: wants('gpu', 'b'), until: serves('gpu', 'b') },
      {
        does: world => {
          for (const pod of podsOf(world, 'default/gpu')) letLeave(world, pod.name)
        },
        until: world => runtimePhase('gpu', 'Degraded')(world),
      },
      { does: () => undefined, until: serves('gpu', 'b') },
    ],
  },
  {
    name: 'behind a key: no Secret is named, then it is missing, then it comes',
    scene: behindKey,
    steps: [
      { does: () => undefined, until: isUp },
      {
        does: firstBehindKey({}),
        until: world => isReady('a')(world) && runtimePhase('gpu', 'Waiting')(world),
      },
      { does: world => patchSpec(world, 'Runtime', 'gpu', { apiKeySecretRef }), until: waitsForKey },
      { does: addSecret, until: serves('gpu', 'a') },
    ],
  },
  {
    name: 'behind a key: the Secret goes while the new model loads, and comes back',
    known: 2,
    scene: world => {
      behindKey(world)
      addSecret(world)
    },
    steps: [
      { does: firstBehindKey({ apiKeySecretRef }), until: serves('gpu', 'a') },
      secondOnGpu,
      {
        does: world => {
          world.script.secrets.clear()
          wants('gpu', 'b')(world)
        },
        until: waitsForKey,
      },
      { does: addSecret, until: serves('gpu', 'b') },
    ],
  },
]
