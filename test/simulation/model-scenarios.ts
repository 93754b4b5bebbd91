// Scenarios of Models: edits, refreshes, deletions at every stage, and what is missing or in the way of their bytes.

import { evict } from '../../src/platform/memory/memory-mishaps.ts'
import { annotate, applyObject, deleteObject, patchSpec } from '../../src/platform/memory/memory-people.ts'
import type { World } from '../../src/platform/memory/memory-world.ts'
import { commit, publish, writeModel, writeRuntime } from '../builders/memory-cast.ts'
import { onGpu } from '../builders/memory-scenes.ts'
import { addClaim, addDeployment, modelIn, runtimeIn } from '../builders/memory-stage.ts'
import {
  aFor,
  firstOnGpu,
  isGone,
  isReady,
  modelPhase,
  runtimePhase,
  type Scenario,
  serves,
} from './scenario.ts'

const deletes = (name: string) => (world: World) => deleteObject(world, 'Model', name)
const hasRevision = (letter: string) => (world: World) =>
  isReady('a')(world) && modelIn(world, 'a')?.status.copies?.[0]?.revision === commit(letter)
const failsFor = (model: string, reason: string) => (world: World) =>
  modelIn(world, model)?.status.copies?.[0]?.failure?.reason === reason ||
  modelIn(world, model)?.status.failure?.reason === reason

const runningDownload = (world: World): string =>
  world.works.names().find(name => world.works.get(name)?.view.progress !== undefined) ?? ''

export const modelScenarios: readonly Scenario[] = [
  {
    name: 'a Model is invalid, then mended',
    scene: onGpu,
    steps: [
      {
        does: world => {
          writeRuntime(world, 'gpu', 'VLLM')
          applyObject(world, { kind: 'Model', name: 'a', spec: { source: {}, runtimes: [{ name: 'gpu' }] } })
        },
        until: modelPhase('a', 'Rejected'),
      },
      { does: world => writeModel(world, 'a', { runtimes: [{ name: 'gpu' }] }), until: isReady('a') },
    ],
  },
  {
    name: 'a moving revision is refreshed, and the next reload takes it',
    known: 1,
    scene: onGpu,
    steps: [
      firstOnGpu,
      {
        does: world => {
          publish(world, 'org/a', 'f')
          annotate(world, 'Model', 'a', { 'switchyard.dev/refresh-requested-at': 'now' })
        },
        until: hasRevision('f'),
      },
      {
        does: world => patchSpec(world, 'Runtime', 'gpu', { onModelUpdate: 'Auto' }),
        until: world =>
          serves('gpu', 'a')(world) && runtimeIn(world, 'gpu')?.status.active?.revision === commit('f'),
      },
    ],
  },
  {
    name: 'a Model asks for another revision',
    scene: onGpu,
    steps: [
      { does: aFor(), until: isReady('a') },
      {
        does: world => {
          publish(world, 'org/a', 'e')
          const huggingFace = { repo: 'org/a', revision: 'v2' }
          patchSpec(world, 'Model', 'a', { source: { huggingFace } })
        },
        until: hasRevision('e'),
      },
    ],
  },
  {
    name: 'a Model is verified again on request',
    known: 1,
    scene: onGpu,
    steps: [
      { does: aFor(), until: isReady('a') },
      {
        does: world => annotate(world, 'Model', 'a', { 'switchyard.dev/verify-requested-at': 'now' }),
        until: world => modelIn(world, 'a')?.status.lastHandled?.verify === 'now' && isReady('a')(world),
      },
    ],
  },
  {
    name: 'a Model is paused while it is fetched, then goes on',
    seconds: 90,
    scene: onGpu,
    steps: [
      { does: aFor(), until: modelPhase('a', 'Downloading') },
      { does: world => patchSpec(world, 'Model', 'a', { paused: true }), until: modelPhase('a', 'Paused') },
      { does: world => patchSpec(world, 'Model', 'a', { paused: false }), until: isReady('a') },
    ],
  },
  {
    name: 'a Model is cancelled while it is fetched, then tried again',
    seconds: 90,
    scene: onGpu,
    steps: [
      { does: aFor(), until: modelPhase('a', 'Downloading') },
      {
        does: world => annotate(world, 'Model', 'a', { 'switchyard.dev/cancel-requested-at': 'now' }),
        until: modelPhase('a', 'Cancelled'),
      },
      {
        does: world => annotate(world, 'Model', 'a', { 'switchyard.dev/retry-requested-at': 'now' }),
        until: isReady('a'),
      },
    ],
  },
  {
    name: 'a Model is deleted while it is fetched',
    seconds: 90,
    scene: onGpu,
    steps: [
      { does: aFor(), until: world => runningDownload(world) !== '' },
      { does: deletes('a'), until: isGone('a') },
    ],
  },
  {
    name: 'a Model is deleted while it waits for its turn',
    seconds: 90,
    maxDownloads: 1,
    scene: onGpu,
    steps: [
      { does: aFor(), until: world => runningDownload(world) !== '' },
      {
        does: world => writeModel(world, 'b', { runtimes: [{ name: 'gpu' }] }),
        until: modelPhase('b', 'Queued'),
      },
      { does: deletes('b'), until: world => isGone('b')(world) && isReady('a')(world) },
    ],
  },
  {
    name: 'a Model is deleted after it failed',
    scene: world => {
      onGpu(world)
      world.script.sources.delete('org/a')
    },
    steps: [
      { does: aFor(), until: modelPhase('a', 'Failed') },
      { does: deletes('a'), until: isGone('a') },
    ],
  },
  {
    name: 'a Model is deleted and written again under its name',
    known: 1,
    scene: onGpu,
    steps: [
      { does: aFor(), until: isReady('a') },
      { does: deletes('a'), until: isGone('a') },
      { does: world => writeModel(world, 'a', { runtimes: [{ name: 'gpu' }] }), until: isReady('a') },
    ],
  },
  {
    name: 'two Models want one place at once',
    scene: onGpu,
    steps: [
      {
        does: world => {
          aFor()(world)
          writeModel(world, 'b', { runtimes: [{ name: 'gpu' }] })
        },
        until: world => isReady('a')(world) && isReady('b')(world),
      },
    ],
  },
  {
    name: 'the quota is reached, then bytes go',
    scene: world => {
      addClaim(world, 'models', 10e9)
      addDeployment(world, 'gpu', 'VLLM')
      publish(world, 'org/a', 'a')
      publish(world, 'org/b', 'b')
    },
    steps: [
      { does: aFor(), until: isReady('a') },
      {
        does: world => writeModel(world, 'b', { runtimes: [{ name: 'gpu' }] }),
        until: modelPhase('b', 'Blocked'),
      },
      { does: deletes('a'), until: world => isGone('a')(world) && isReady('b')(world) },
    ],
  },
  {
    name: 'the Secret is missing, then there',
    scene: world => {
      onGpu(world)
      const known = world.script.sources.get('org/a')
      if (known) world.script.sources.set('org/a', { ...known, needsSecret: 'hub' })
    },
    steps: [
      {
        does: aFor({
          source: { huggingFace: { repo: 'org/a', tokenSecretRef: { name: 'hub', key: 'token' } } },
        }),
        until: modelPhase('a', 'Waiting'),
      },
      { does: world => void world.script.secrets.add('hub'), until: isReady('a') },
    ],
  },
  {
    name: 'the token is refused until it is rotated',
    scene: world => {
      onGpu(world)
      const failure = { reason: 'Unauthorized', message: 'the hub says 401', retry: 'Never' } as const
      world.script.workFails.push({ command: 'download', failure })
    },
    steps: [
      { does: aFor(), until: modelPhase('a', 'Failed') },
      { does: () => undefined, until: isReady('a') },
    ],
  },
  {
    name: 'the claim is missing, then there',
    scene: world => {
      addDeployment(world, 'gpu', 'VLLM')
      publish(world, 'org/a', 'a')
    },
    steps: [
      { does: aFor(), until: modelPhase('a', 'Waiting') },
      { does: world => addClaim(world), until: isReady('a') },
    ],
  },
  {
    name: 'the claim is lost and made anew',
    known: 1,
    scene: onGpu,
    steps: [
      { does: aFor(), until: isReady('a') },
      { does: world => void world.claims.drop('default/models'), until: modelPhase('a', 'Waiting') },
      { does: world => addClaim(world), until: isReady('a') },
    ],
  },
  {
    name: 'the worker cannot start, then can',
    scene: world => {
      onGpu(world)
      world.script.workProblem = { reason: 'PodNotStarted', message: 'ImagePullBackOff' }
    },
    steps: [
      { does: aFor(), until: modelPhase('a', 'Waiting') },
      {
        does: world => Object.assign(world.script, { workProblem: undefined }),
        until: isReady('a'),
      },
    ],
  },
  {
    name: 'the node is lost while bytes come',
    seconds: 90,
    scene: onGpu,
    steps: [
      { does: aFor(), until: world => runningDownload(world) !== '' },
      {
        does: world => evict(world, runningDownload(world)),
        until: failsFor('a', 'Interrupted'),
      },
      { does: () => undefined, until: isReady('a') },
    ],
  },
  {
    name: 'the operator is uninstalled, the world goes on, and it is installed again',
    known: 1,
    scene: onGpu,
    steps: [
      firstOnGpu,
      {
        does: (world, operator) => {
          operator.stop()
          writeModel(world, 'b', { runtimes: [{ name: 'gpu' }] })
          patchSpec(world, 'Runtime', 'gpu', { activeModel: 'b' })
          world.clock.after(60_000, () => operator.start())
        },
        until: serves('gpu', 'b'),
      },
    ],
  },
  {
    name: 'the namespace is deleted',
    known: 1,
    scene: onGpu,
    steps: [
      firstOnGpu,
      {
        does: world => {
          world.script.terminating.add('default')
          deleteObject(world, 'Model', 'a')
          deleteObject(world, 'Runtime', 'gpu')
        },
        until: world => world.models.list().length === 0 && world.runtimes.list().length === 0,
      },
    ],
  },
  {
    name: 'a Runtime comes after its Model',
    scene: onGpu,
    steps: [
      {
        does: world => writeModel(world, 'a', { runtimes: [{ name: 'gpu' }] }),
        until: modelPhase('a', 'Waiting'),
      },
      {
        does: world => writeRuntime(world, 'gpu', 'VLLM'),
        until: world => isReady('a')(world) && runtimePhase('gpu', 'Observing')(world),
      },
    ],
  },
]
