// Scenarios of Runtimes: switches there and back, idle, wishes that cannot be met, engines that people change or take away.
import { annotate, deleteObject, patchSpec } from '../../src/platform/memory/memory-people.ts'
import { letLeave, podsOf } from '../../src/platform/memory/memory-pods.ts'
import type { World } from '../../src/platform/memory/memory-world.ts'
import { publish, writeMadeRuntime, writeModel } from '../builders/memory-cast.ts'
import { onGpu, onOllama } from '../builders/memory-scenes.ts'
import { addClaim, addDeployment, runtimeIn } from '../builders/memory-stage.ts'
import {
  bothOnOllama,
  firstOnGpu,
  isGone,
  modelPhase,
  runtimePhase,
  type Scenario,
  secondOnGpu,
  serves,
  wants,
} from './scenario.ts'

const patches = (change: object) => (world: World) => patchSpec(world, 'Runtime', 'gpu', change)
/** A late controller may drop a switch that its own view does not want: that one was not tried yet. */
const isRolledBack = (runtime: string) => (world: World) =>
  runtimeIn(world, runtime)?.status.lastSwitch?.result === 'RolledBack'
const steps = (step: string) => (world: World) => runtimeIn(world, 'gpu')?.status.switch?.step === step

export const runtimeScenarios: readonly Scenario[] = [
  {
    name: 'vLLM: fetched, active, switched, and back',
    scene: onGpu,
    steps: [
      firstOnGpu,
      secondOnGpu,
      { does: wants('gpu', 'b'), until: serves('gpu', 'b') },
      { does: wants('gpu', 'a'), until: serves('gpu', 'a') },
    ],
  },
  {
    name: 'Ollama: fetched, active, switched',
    scene: onOllama,
    steps: [...bothOnOllama, { does: wants('ollama', 'b'), until: serves('ollama', 'b') }],
  },
  {
    name: 'vLLM: the second cannot be loaded, then can',
    known: 2,
    scene: world => {
      onGpu(world)
      world.script.loadFails.set('org--b', 'torch.OutOfMemoryError: CUDA out of memory.')
    },
    steps: [
      firstOnGpu,
      secondOnGpu,
      { does: wants('gpu', 'b'), until: isRolledBack('gpu') },
      {
        does: world => {
          world.script.loadFails.clear()
          annotate(world, 'Runtime', 'gpu', { 'switchyard.dev/retry-requested-at': 'now' })
        },
        until: serves('gpu', 'b'),
      },
    ],
  },
  {
    name: 'Ollama: the second cannot be loaded',
    known: 2,
    scene: world => {
      onOllama(world)
      world.script.loadFails.set('b:latest', 'model requires more system memory')
    },
    steps: [...bothOnOllama, { does: wants('ollama', 'b'), until: isRolledBack('ollama') }],
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
        until: modelPhase('a', 'Deleting'),
      },
      { does: wants('gpu', 'b'), until: world => serves('gpu', 'b')(world) && isGone('a')(world) },
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
        until: runtimePhase('own', 'Idle'),
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
    name: 'a made Runtime: requests run while it is switched, until they are cut',
    scene: world => {
      onGpu(world)
      world.script.requests.set('default/own', 2)
    },
    known: 1,
    steps: [
      {
        does: world => {
          writeModel(world, 'a', { runtimes: [{ name: 'own' }] })
          writeModel(world, 'b', { runtimes: [{ name: 'own' }] })
          writeMadeRuntime(world, 'own', { activeModel: 'a', switch: { drainSeconds: 10 } })
        },
        until: world => serves('own', 'a')(world) && modelPhase('b', 'Ready')(world),
      },
      { does: wants('own', 'b'), until: serves('own', 'b') },
    ],
  },
  {
    name: 'a made Runtime: a wish is taken back as soon as its pod is out of the Service',
    isTimed: true,
    scene: onGpu,
    known: 1,
    steps: [
      {
        does: world => {
          writeModel(world, 'a', { runtimes: [{ name: 'own' }] })
          writeModel(world, 'b', { runtimes: [{ name: 'own' }] })
          writeMadeRuntime(world, 'own', { activeModel: 'a' })
        },
        until: world => serves('own', 'a')(world) && modelPhase('b', 'Ready')(world),
      },
      { does: wants('own', 'b'), until: world => podsOf(world, 'default/own').some(pod => !pod.isInService) },
      {
        does: wants('own', 'a'),
        until: world =>
          serves('own', 'a')(world) && podsOf(world, 'default/own').every(pod => pod.isInService),
      },
    ],
  },
  {
    name: 'a wish is taken back while the new model loads',
    known: 2,
    seconds: 90,
    scene: onGpu,
    steps: [
      firstOnGpu,
      secondOnGpu,
      { does: wants('gpu', 'b'), until: steps('Loading') },
      { does: wants('gpu', 'a'), until: serves('gpu', 'a') },
    ],
  },
  {
    name: 'no model is wanted any more, then one is',
    known: 1,
    scene: onGpu,
    steps: [
      firstOnGpu,
      { does: patches({ activeModel: undefined }), until: runtimePhase('gpu', 'Observing') },
      { does: wants('gpu', 'a'), until: serves('gpu', 'a') },
    ],
  },
  {
    name: 'a wish that cannot be met leaves what serves alone',
    known: 1,
    scene: onGpu,
    steps: [
      firstOnGpu,
      { does: wants('gpu', 'nobody'), until: runtimePhase('gpu', 'Waiting') },
      {
        does: patches({ activeModel: 'a', engineArgs: ['--model', 'x'] }),
        until: runtimePhase('gpu', 'Rejected'),
      },
      { does: patches({ engineArgs: undefined }), until: serves('gpu', 'a') },
    ],
  },
  {
    name: 'arguments are edited',
    known: 1,
    scene: onGpu,
    steps: [
      firstOnGpu,
      { does: patches({ engineArgs: ['--max-num-seqs', '8'] }), until: runtimePhase('gpu', 'Switching') },
      { does: () => undefined, until: serves('gpu', 'a') },
    ],
  },
  {
    name: 'a Runtime is deleted while it serves, then written again',
    known: 1,
    scene: onGpu,
    steps: [
      firstOnGpu,
      {
        does: world => deleteObject(world, 'Runtime', 'gpu'),
        until: world => runtimeIn(world, 'gpu') === undefined,
      },
      { does: firstOnGpu.does, until: serves('gpu', 'a') },
    ],
  },
  {
    name: 'its Deployment is deleted and comes back as it was found',
    known: 1,
    scene: onGpu,
    steps: [
      firstOnGpu,
      {
        does: world => void world.deployments.drop('default/gpu'),
        until: world => runtimePhase('gpu', 'Waiting')(world) && world.pods.list().length === 0,
      },
      { does: world => addDeployment(world, 'gpu', 'VLLM'), until: serves('gpu', 'a') },
    ],
  },
  {
    name: 'its Deployment is scaled to zero by somebody',
    known: 1,
    scene: onGpu,
    steps: [
      firstOnGpu,
      {
        does: world => world.edit(world.deployments, 'default/gpu', one => ({ ...one, replicas: 0 })),
        until: world => world.deployments.get('default/gpu')?.replicas === 1,
      },
      { does: () => undefined, until: serves('gpu', 'a') },
    ],
  },
  {
    name: 'its Deployment is edited by somebody, and taken back on request',
    known: 1,
    scene: onGpu,
    steps: [
      firstOnGpu,
      {
        does: world =>
          world.edit(world.deployments, 'default/gpu', one => ({
            ...one,
            template: { command: [], args: ['serve', '/models/other'] },
            generation: one.generation + 1,
          })),
        until: world =>
          runtimePhase('gpu', 'Rejected')(world) &&
          world.pods.list().length > 0 &&
          world.pods.list().every(pod => pod.isReady && pod.template.args.includes('/models/other')),
      },
      {
        does: world => annotate(world, 'Runtime', 'gpu', { 'switchyard.dev/retry-requested-at': 'now' }),
        until: serves('gpu', 'a'),
      },
    ],
  },
  {
    name: 'its node is drained while the new model loads',
    known: 2,
    seconds: 90,
    scene: onGpu,
    steps: [
      firstOnGpu,
      secondOnGpu,
      { does: wants('gpu', 'b'), until: steps('Loading') },
      {
        does: world => {
          for (const pod of podsOf(world, 'default/gpu')) letLeave(world, pod.name)
        },
        until: serves('gpu', 'b'),
      },
    ],
  },
]
