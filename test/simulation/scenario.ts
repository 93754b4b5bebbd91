// A scenario: a scene, then what people and the world do, each with what must come of it before the next.
import { patchSpec } from '../../src/platform/memory/memory-people.ts'
import type { World } from '../../src/platform/memory/memory-world.ts'
import { writeModel, writeOllamaModel, writeRuntime } from '../builders/memory-cast.ts'
import { modelIn, runtimeIn } from '../builders/memory-stage.ts'

/** The program that is played with. */
export interface Operator {
  stop(): void
  start(): void
}

export interface Step {
  readonly does: (world: World, operator: Operator) => void
  readonly until: (world: World) => boolean
}

export interface Scenario {
  readonly name: string
  readonly scene: (world: World) => void
  readonly steps: readonly Step[]
  /** steps that another scenario has too: nobody is killed in them again */
  readonly known?: number
  /** what comes of it depends on how soon a wish is seen: played with nothing worse than kills */
  readonly isTimed?: true
  /** downloads at a time; two */
  readonly maxDownloads?: number
  /** of a download and of a load, when a step waits for one under way: long enough that no weather hides it; four */
  readonly seconds?: number
}

export const serves = (runtime: string, model: string) => (world: World) => {
  const status = runtimeIn(world, runtime)?.status
  return status?.phase === 'Active' && status.active?.model === model && status.switch === undefined
}
export const modelPhase = (model: string, phase: string) => (world: World) =>
  modelIn(world, model)?.status.phase === phase
export const isReady = (model: string) => modelPhase(model, 'Ready')
export const isGone = (model: string) => (world: World) => modelIn(world, model) === undefined
export const runtimePhase = (runtime: string, phase: string) => (world: World) =>
  runtimeIn(world, runtime)?.status.phase === phase
export const wants = (runtime: string, model: string) => (world: World) =>
  patchSpec(world, 'Runtime', runtime, { activeModel: model })

export const firstOnGpu: Step = {
  does: world => {
    writeModel(world, 'a')
    writeRuntime(world, 'gpu', 'VLLM', { activeModel: 'a' })
  },
  until: serves('gpu', 'a'),
}

export const secondOnGpu: Step = {
  does: world => writeModel(world, 'b', { runtimes: [{ name: 'gpu' }] }),
  until: isReady('b'),
}

export const bothOnOllama: readonly Step[] = [
  {
    does: world => {
      writeOllamaModel(world, 'a', { runtimes: [{ name: 'ollama' }] })
      writeRuntime(world, 'ollama', 'Ollama', { activeModel: 'a' })
    },
    until: serves('ollama', 'a'),
  },
  {
    does: world => writeOllamaModel(world, 'b', { runtimes: [{ name: 'ollama' }] }),
    until: isReady('b'),
  },
]

/** A Runtime that observes, and one Model that is fetched for it. */
export const aFor =
  (more: object = {}) =>
  (world: World) => {
    writeRuntime(world, 'gpu', 'VLLM')
    writeModel(world, 'a', { runtimes: [{ name: 'gpu' }], ...more })
  }
