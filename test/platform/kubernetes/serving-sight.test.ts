// A table: what stands in the cluster around a Runtime → what the domain is told about its serving.
import { describe, expect, it } from 'vitest'
import type { Reason } from '../../../src/domain/conditions.ts'
import type { Runtime } from '../../../src/domain/object.ts'
import type { ServingView } from '../../../src/domain/platform.ts'
import { markConfig, notes, recipeNote } from '../../../src/platform/kubernetes/deployment-notes.ts'
import { type ServingWorld, sightOf } from '../../../src/platform/kubernetes/serving-sight.ts'
import {
  aRuntime,
  claim,
  configMap,
  container,
  deployment,
  type Json,
  managed,
  node,
  pod,
  service,
  template,
} from './serving-objects.ts'

const world = (more: Partial<ServingWorld> = {}): ServingWorld => ({
  deployment: deployment(),
  pods: [pod()],
  configMap: undefined,
  service: undefined,
  claim: claim(),
  nodes: [node('n1')],
  autoscalers: [],
  others: [],
  ...more,
})

const kubernetes = (more: Json) => ({ kubernetes: { deploymentName: 'vllm', ...more } })
const byConfig = aRuntime(kubernetes({ configMap: { name: 'vllm-engine' } }))
const byService = aRuntime(kubernetes({ serviceName: 'vllm' }))
const made = aRuntime({ kubernetes: { podTemplate: template() as unknown as Json } })
const reasonsOf = (view: ServingView): Reason[] => view.problems.map(problem => problem.reason)
const withContainer = (more: Json) => deployment({ template: template([container(more)]) })
const twin = aRuntime({}, { name: 'older', uid: 'runtime-0', creationTimestamp: '2025-01-01T00:00:00Z' })
const controlledBy = (owner: Json) => deployment({}, { ownerReferences: [{ controller: true, ...owner }] })
const autoscaler = {
  metadata: { name: 'hpa', uid: 'h', resourceVersion: '1' },
  spec: { scaleTargetRef: { kind: 'Deployment', name: 'vllm' }, maxReplicas: 3 },
} as unknown as ServingWorld['autoscalers'][number]

const problemRows: readonly [string, Runtime, Partial<ServingWorld>, Reason[]][] = [
  ['a plain Deployment', aRuntime(), {}, []],
  ['no Deployment', aRuntime(), { deployment: undefined }, ['DeploymentNotFound']],
  ['a made one that is not made yet', made, { deployment: undefined }, []],
  ['a stranger under the name of a made one', made, {}, ['OwnedByController']],
  [
    'the Deployment of a made one',
    made,
    { deployment: controlledBy({ kind: 'Runtime', uid: 'runtime-1' }) },
    [],
  ],
  ['a container that is not there', aRuntime(kubernetes({ container: 'engine' })), {}, ['UnknownContainer']],
  [
    'two containers, none named like the engine',
    aRuntime(),
    { deployment: deployment({ template: template([container({ name: 'a' }), container({ name: 'b' })]) }) },
    ['UnknownContainer'],
  ],
  [
    'two containers, one named like the engine',
    aRuntime(),
    { deployment: deployment({ template: template([container({ name: 'proxy' }), container()]) }) },
    [],
  ],
  ['two replicas', aRuntime(), { deployment: deployment({ replicas: 2 }) }, ['TooManyReplicas']],
  ['an autoscaler', aRuntime(), { autoscalers: [autoscaler] }, ['ScaledByAutoscaler']],
  [
    'another operator',
    aRuntime(),
    { deployment: controlledBy({ kind: 'LLM', name: 'x', uid: 'u' }) },
    ['OwnedByController'],
  ],
  ['an older Runtime on it', aRuntime(), { others: [twin] }, ['DeploymentShared']],
  [
    'an older Runtime that came when this one had it',
    aRuntime(),
    {
      others: [twin],
      deployment: deployment({}, { annotations: { [notes.runtime]: '{"name":"gpu-a","uid":"runtime-1"}' } }),
    },
    [],
  ],
  [
    'an older Runtime that is being deleted',
    aRuntime(),
    { others: [{ ...twin, metadata: { ...twin.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } }] },
    [],
  ],
  ['no ConfigMap', byConfig, {}, ['ConfigMapNotFound']],
  ['no Service', byService, {}, ['ServiceNotFound']],
  ['no claim', aRuntime({ storage: { claimName: 'models' } }), { claim: undefined }, ['ClaimNotFound']],
  [
    'a hasty livenessProbe',
    aRuntime(),
    { deployment: withContainer({ livenessProbe: {} }) },
    ['ProbeWillKill'],
  ],
  [
    'a livenessProbe behind a startupProbe',
    aRuntime(),
    { deployment: withContainer({ livenessProbe: {}, startupProbe: {} }) },
    [],
  ],
  [
    'a patient livenessProbe',
    aRuntime(),
    { deployment: withContainer({ livenessProbe: { initialDelaySeconds: 1800 } }) },
    [],
  ],
]

describe('what stands in the way of a switch', () => {
  it.each(problemRows)('%s', (_name, runtime, more, reasons) => {
    expect(reasonsOf(sightOf(runtime, world(more)))).toEqual(reasons)
  })
})

const note = (name: string, value: unknown) => ({ [name]: JSON.stringify(value) })
const originals = note(notes.originals, { container: 'vllm' })
const written = { hash: 'bbbb', command: ['vllm', 'serve'], args: ['old/model', '--max-model-len', '4096'] }
const prepared = { strategy: { type: 'Recreate' } }
const argsPath = {
  'f:spec': { 'f:template': { 'f:spec': { 'f:containers': { 'k:{"name":"vllm"}': { 'f:args': {} } } } } },
}
const applied = note(notes.applied, written)
const fileWritten = note(notes.applied, { hash: 'bbbb', config: 'model: m\n' })
const dataOf = (manager: string, more: Json = {}) => ({
  managedFields: [managed(manager, { 'f:data': { 'f:engine.yaml': {} } }, more)],
})
const annotated = template([container()], {}, { [recipeNote]: 'bbbb' })

const recipeRows: readonly [string, Runtime, Partial<ServingWorld>, string | undefined][] = [
  ['nothing was ever written', aRuntime(), {}, undefined],
  ['the template says it', aRuntime(), { deployment: deployment({ template: annotated }) }, 'bbbb'],
  [
    'by arguments, the annotation is gone and the arguments stand',
    aRuntime(),
    { deployment: deployment(prepared, { annotations: { ...originals, ...applied } }) },
    'bbbb',
  ],
  [
    'by arguments, annotation and arguments are gone',
    aRuntime(),
    {
      deployment: deployment(
        { ...prepared, template: template([container({ args: ['x'] })]) },
        { annotations: { ...originals, ...applied } },
      ),
    },
    undefined,
  ],
  [
    'by config file, only the file is left of us',
    byConfig,
    { configMap: configMap(markConfig('model: m\n', 'bbbb')) },
    'bbbb',
  ],
  [
    'by config file, a first switch was cut before its second write',
    byConfig,
    {
      configMap: configMap(markConfig('model: m\n', 'bbbb')),
      deployment: deployment(prepared, { annotations: originals }),
    },
    undefined,
  ],
  [
    'by config file, the annotation is gone and the file stands',
    byConfig,
    {
      configMap: configMap(markConfig('model: m\n', 'bbbb')),
      deployment: deployment(prepared, { annotations: { ...originals, ...fileWritten } }),
    },
    'bbbb',
  ],
]

describe('which recipe stands there', () => {
  it.each(recipeRows)('%s', (_name, runtime, more, recipe) => {
    expect(sightOf(runtime, world(more)).recipe).toBe(recipe)
  })
})

const driftRows: readonly [string, Runtime, Partial<ServingWorld>, string | undefined][] = [
  [
    'nobody touched it',
    aRuntime(),
    { deployment: deployment(prepared, { annotations: { ...originals, ...applied } }) },
    undefined,
  ],
  [
    'another manager wrote the arguments',
    aRuntime(),
    {
      deployment: deployment(
        { ...prepared, template: template([container({ args: ['old'] })]) },
        { annotations: { ...originals, ...applied }, managedFields: [managed('argocd', argsPath)] },
      ),
    },
    'argocd owns args of container vllm',
  ],
  [
    'the strategy went back',
    aRuntime(),
    {
      deployment: deployment(
        {},
        { annotations: originals, managedFields: [managed('helm', { 'f:spec': { 'f:strategy': {} } })] },
      ),
    },
    'helm owns spec.strategy',
  ],
  [
    'another manager wrote the file',
    byConfig,
    {
      configMap: configMap('model: other\n', dataOf('kubectl-edit')),
      deployment: deployment(prepared, { annotations: { ...originals, ...fileWritten } }),
    },
    'kubectl-edit owns data.engine.yaml of ConfigMap vllm-engine',
  ],
  [
    'the file is newer than the Deployment and ours',
    byConfig,
    {
      configMap: configMap(markConfig('model: n\n', 'cccc'), dataOf('switchyard')),
      deployment: deployment(prepared, { annotations: { ...originals, ...fileWritten } }),
    },
    undefined,
  ],
  [
    'the file is of another launch of ours, in a ConfigMap that names no managers',
    byConfig,
    {
      configMap: configMap(markConfig('model: n\n', 'cccc')),
      deployment: deployment(prepared, { annotations: { ...originals, ...fileWritten } }),
    },
    undefined,
  ],
  [
    'the file of this launch was edited, in a ConfigMap that names no managers',
    byConfig,
    {
      configMap: configMap(markConfig('model: n\n', 'bbbb')),
      deployment: deployment(prepared, { annotations: { ...originals, ...fileWritten } }),
    },
    'another manager owns data.engine.yaml of ConfigMap vllm-engine',
  ],
  [
    'another manager changed the arguments beside the config file',
    byConfig,
    {
      configMap: configMap(markConfig('model: m\n', 'bbbb')),
      deployment: deployment(
        { ...prepared, template: template([container({ args: ['--config', '/etc/x'] })]) },
        { annotations: { ...originals, ...fileWritten } },
      ),
    },
    undefined,
  ],
]

describe('what somebody else changed', () => {
  it.each(driftRows)('%s', (_name, runtime, more, message) => {
    const { drift } = sightOf(runtime, world(more))
    if (message === undefined) expect(drift).toBeUndefined()
    else expect(drift).toMatchObject({ reason: 'FieldConflict', message: expect.stringContaining(message) })
  })
})

const statusOf = (more: Json) => ({ containerStatuses: [{ name: 'vllm', restartCount: 1, ...more }] })
const notReady = { conditions: [{ type: 'Ready', status: 'False' }] }

const podRows: readonly [string, Partial<ServingWorld>, Json][] = [
  [
    'a pod that serves',
    {},
    {
      isReady: true,
      isRunning: true,
      isInService: true,
      address: 'http://10.1.0.9:8000',
      readyAt: '2026-01-01T10:01:00Z',
    },
  ],
  ['an IPv6 pod', { pods: [pod({ podIP: 'fd00::9' })] }, { address: 'http://[fd00::9]:8000' }],
  ['a pod that is not ready', { pods: [pod(notReady)] }, { isReady: false, isInService: false }],
  [
    'a pod that leaves',
    { pods: [pod({}, { deletionTimestamp: '2026-01-01T11:00:00Z' })] },
    { isLeaving: true, isInService: false },
  ],
  ['a Service that selects others', { service: service({ app: 'x' }) }, { isInService: false }],
  [
    'a pod that was taken out',
    { pods: [pod({}, { labels: { 'switchyard.dev/serving': 'false' } })] },
    { isInService: false },
  ],
  [
    'a container that crashes',
    {
      pods: [
        pod(
          statusOf({
            state: { waiting: { reason: 'CrashLoopBackOff' } },
            lastState: { terminated: { exitCode: 3, reason: 'Error', message: 'no CUDA' } },
          }),
        ),
      ],
    },
    {
      isRunning: false,
      restarts: 1,
      problem: {
        reason: 'CrashLoop',
        message: 'CrashLoopBackOff: the container ended (exit code 3): no CUDA',
      },
    },
  ],
  [
    'a container that was killed for memory',
    { pods: [pod(statusOf({ state: { terminated: { exitCode: 137, reason: 'OOMKilled' } } }))] },
    { problem: { reason: 'OutOfMemory', message: 'the container ended (OOMKilled, exit code 137)' } },
  ],
  [
    'an image that is not there',
    {
      pods: [
        pod(
          statusOf({
            restartCount: 0,
            state: { waiting: { reason: 'ImagePullBackOff', message: 'no such image' } },
          }),
        ),
      ],
    },
    { problem: { reason: 'PodNotStarted', message: 'ImagePullBackOff: no such image' } },
  ],
  [
    'no node that fits',
    {
      pods: [
        pod({
          containerStatuses: [],
          conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message: 'no gpu' }],
        }),
      ],
    },
    { problem: { reason: 'PodNotStarted', message: 'Unschedulable: no gpu' } },
  ],
  [
    'a node that fits, and a scheduler that had no answer of it',
    {
      pods: [
        pod({
          conditions: [
            { type: 'PodScheduled', status: 'False', reason: 'SchedulerError', message: 'already assigned' },
            { type: 'Ready', status: 'True' },
          ],
        }),
      ],
    },
    expect.not.objectContaining({ problem: expect.anything() }),
  ],
  [
    'a node that does not answer',
    { nodes: [node('n1', {}, { ready: 'Unknown' })] },
    { isLost: true, problem: { reason: 'NodeLost' } },
  ],
]

describe('what a pod is', () => {
  it.each(podRows)('%s', (_name, more, expected) => {
    expect(sightOf(byService, world({ service: service(), ...more })).pods[0]).toMatchObject(expected)
  })

  it('pods that ended are left out, the newest stands first', () => {
    const older = pod({}, { name: 'a', uid: 'a', creationTimestamp: '2026-01-01T08:00:00Z' })
    const ended = pod({ phase: 'Failed' }, { name: 'b', uid: 'b' })
    expect(sightOf(aRuntime(), world({ pods: [older, ended, pod()] })).pods.map(one => one.name)).toEqual([
      'vllm-1',
      'a',
    ])
  })

  it('a pod without our annotation, begun after the file was written, has the recipe of the file', () => {
    const file = configMap(markConfig('model: m\n', 'bbbb'), dataOf('switchyard'))
    const [after] = sightOf(byConfig, world({ configMap: file })).pods
    const early = pod({}, { creationTimestamp: '2026-01-01T08:00:00Z' })
    const [before] = sightOf(byConfig, world({ configMap: file, pods: [early] })).pods
    expect([after?.recipe, before?.recipe]).toEqual(['bbbb', undefined])
  })

  it('without the right to list nodes no pod is lost', () => {
    expect(sightOf(aRuntime(), world({ nodes: undefined })).pods[0]?.isLost).toBeUndefined()
  })
})

describe('how the container starts', () => {
  const mounted = (volume: Json, mount: Json) =>
    deployment({
      template: template([container({ volumeMounts: [{ name: 'engine', ...mount }] })], {
        volumes: [{ name: 'engine', ...volume }],
      }),
    })
  const ref = { name: 'vllm-engine' }
  it.each([
    ['whole', { configMap: ref }, { mountPath: '/etc/vllm' }, '/etc/vllm/engine.yaml'],
    [
      'by item',
      { configMap: { ...ref, items: [{ key: 'engine.yaml', path: 'c.yaml' }] } },
      { mountPath: '/etc/vllm/' },
      '/etc/vllm/c.yaml',
    ],
    ['as one file', { configMap: ref }, { mountPath: '/etc/e.yaml', subPath: 'engine.yaml' }, '/etc/e.yaml'],
    ['projected', { projected: { sources: [{ configMap: ref }] } }, { mountPath: '/p' }, '/p/engine.yaml'],
    [
      'without our key',
      { configMap: { ...ref, items: [{ key: 'x', path: 'x' }] } },
      { mountPath: '/p' },
      undefined,
    ],
    ['from another ConfigMap', { configMap: { name: 'x' } }, { mountPath: '/p' }, undefined],
  ])('config file mounted %s', (_name, volume, mount, path) => {
    const view = sightOf(byConfig, world({ deployment: mounted(volume, mount), configMap: configMap() }))
    expect(view.container).toMatchObject({ config: '' })
    expect(view.container?.configPath).toBe(path)
  })

  it('our own mark is no part of the config text', () => {
    const view = sightOf(byConfig, world({ configMap: configMap(markConfig('model: m\n', 'bbbb')) }))
    expect(view.container?.config).toBe('model: m\n')
  })

  it('the Service tells the endpoint, the container the port', () => {
    const view = sightOf(byService, world({ service: service() }))
    expect([view.endpoint, view.container?.port]).toEqual(['http://vllm.llm.svc:80', 8000])
  })
})
