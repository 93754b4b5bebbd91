// Six main journeys as data: a scene, then what people do, each with what must come of it before the next.
import { deleteObject, patchSpec } from '../../src/platform/memory/memory-people.ts'
import type { World } from '../../src/platform/memory/memory-world.ts'
import {
  publish,
  writeMadeRuntime,
  writeModel,
  writeOllamaModel,
  writeRuntime,
} from '../builders/memory-cast.ts'
import { onGpu, onOllama } from '../builders/memory-scenes.ts'
import { addClaim, modelIn, runtimeIn } from '../builders/memory-stage.ts'

export interface Step {
  readonly does: (world: World) => void
  readonly until: (world: World) => boolean
}

export interface Journey {
  readonly name: string
  readonly scene: (world: World) => void
  readonly steps: readonly Step[]
  /** steps that another journey has too: nobody is killed in them again */
  readonly known?: number
}

const serves = (runtime: string, model: string) => (world: World) => {
  const status = runtimeIn(world, runtime)?.status
  return status?.phase === 'Active' && status.active?.model === model && status.switch === undefined
}
const isReady = (model: string) => (world: World) => modelIn(world, model)?.status.phase === 'Ready'
const phaseOf = (runtime: string, phase: string) => (world: World) =>
  runtimeIn(world, runtime)?.status.phase === phase
const wants = (runtime: string, model: string) => (world: World) =>
  patchSpec(world, 'Runtime', runtime, { activeModel: model })

const firstOnGpu: Step = {
  does: world => {
    writeModel(world, 'a')
    writeRuntime(world, 'gpu', 'VLLM', { activeModel: 'a' })
  },
  until: serves('gpu', 'a'),
}

const secondOnGpu: Step = {
  does: world => writeModel(world, 'b', { runtimes: [{ name: 'gpu' }] }),
  until: isReady('b'),
}

export const journeys: readonly Journey[] = [
  {
    name: 'vLLM: fetched, active, switched',
    scene: onGpu,
    steps: [firstOnGpu, secondOnGpu, { does: wants('gpu', 'b'), until: serves('gpu', 'b') }],
  },
  {
    name: 'Ollama: fetched, active, switched',
    scene: onOllama,
    steps: [
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
      { does: wants('ollama', 'b'), until: serves('ollama', 'b') },
    ],
  },
  {
    name: 'vLLM: the second cannot be loaded',
    known: 2,
    scene: world => {
      onGpu(world)
      world.script.loadFails.set('org--b', 'torch.OutOfMemoryError: CUDA out of memory.')
    },
    steps: [firstOnGpu, secondOnGpu, { does: wants('gpu', 'b'), until: phaseOf('gpu', 'RolledBack') }],
  },
  {
    name: 'an active Model is deleted, another takes its place',
    known: 1,
    scene: onGpu,
    steps: [
      firstOnGpu,
      {
        does: world => {
          deleteObject(world, 'Model', 'a')
          writeModel(world, 'b')
        },
        until: world => modelIn(world, 'a')?.status.phase === 'Deleting',
      },
      { does: wants('gpu', 'b'), until: world => serves('gpu', 'b')(world) && !modelIn(world, 'a') },
    ],
  },
  {
    name: 'a made Runtime: made, idle, active again, deleted',
    scene: world => {
      addClaim(world)
      publish(world, 'org/a', 'a')
    },
    steps: [
      {
        does: world => {
          writeModel(world, 'a', { runtimes: [{ name: 'own' }] })
          writeMadeRuntime(world, 'own', { activeModel: 'a' })
        },
        until: serves('own', 'a'),
      },
      {
        does: world => patchSpec(world, 'Runtime', 'own', { desiredState: 'Idle' }),
        until: phaseOf('own', 'Idle'),
      },
      {
        does: world => patchSpec(world, 'Runtime', 'own', { desiredState: 'Active' }),
        until: serves('own', 'a'),
      },
      {
        does: world => deleteObject(world, 'Runtime', 'own'),
        until: world => runtimeIn(world, 'own') === undefined && world.pods.list().length === 0,
      },
    ],
  },
  {
    name: 'a wish is taken back while the new model loads',
    known: 2,
    scene: onGpu,
    steps: [
      firstOnGpu,
      secondOnGpu,
      {
        does: wants('gpu', 'b'),
        until: world => runtimeIn(world, 'gpu')?.status.switch?.step === 'Loading',
      },
      { does: wants('gpu', 'a'), until: serves('gpu', 'a') },
    ],
  },
]

/** What has to be the same at the end, whatever happened to the controller on the way. */
export const picture = (world: World) => ({
  models: world.models.list().map(({ metadata, status }) => ({
    name: metadata.name,
    phase: status.phase,
    revision: status.resolved?.revision,
    copies: status.copies?.map(({ claim, phase, revision, receipt }) => ({
      claim,
      phase,
      revision,
      receipt,
    })),
    open: status.operations?.filter(operation => operation.phase === 'Running').length,
    // A Model that nobody wanted yet when it was resolved has one entry for that and one for its copy: who sees first is chance.
    history: [...new Set(status.operations?.map(operation => `${operation.type} ${operation.phase}`))],
  })),
  runtimes: world.runtimes.list().map(({ metadata, status }) => ({
    name: metadata.name,
    phase: status.phase,
    active: status.active?.model,
    switch: status.switch,
    last: status.lastSwitch?.result,
    history: status.operations?.map(operation => `${operation.type} ${operation.phase}`),
  })),
  pods: world.pods.list().map(pod => ({ ...shown(pod) })),
  deployments: world.deployments
    .list()
    .map(({ name, template, replicas, strategy }) => ({ name, template, replicas, strategy })),
  stored: world.claims.list().map(claim => claim.copies.map(copy => copy.model).sort()),
  works: world.works.list().length,
  done: world.done.map(({ command, owner, isGood }) => `${command} ${owner} ${isGood}`).sort(),
})

const shown = ({ template, isReady, loaded }: ReturnType<World['pods']['list']>[number]) => ({
  recipe: template.recipe,
  isReady,
  loaded,
})
