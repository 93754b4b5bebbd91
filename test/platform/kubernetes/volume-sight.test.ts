// A table: the claims around an engine → the volume that workers write to, or why there is none.
import { describe, expect, it } from 'vitest'
import type { Reason } from '../../../src/domain/conditions.ts'
import type { Runtime } from '../../../src/domain/object.ts'
import { type VolumeWorld, volumeOf } from '../../../src/platform/kubernetes/volume-sight.ts'
import { aRuntime, claim, container, deployment, type Json, node, pod, template } from './serving-objects.ts'

const world = (more: Partial<VolumeWorld> = {}): VolumeWorld => ({
  deploymentOf: () => deployment(),
  claim: name => (name === 'models' || name === 'second' ? claim({}, { name }) : undefined),
  pods: [],
  nodes: [],
  runtimes: [],
  ...more,
})
const standing = (of: Json, spec: Json = {}): Partial<VolumeWorld> => ({
  deploymentOf: () => deployment({ template: template([container(of)], spec) }),
})
const mounts = (...list: Json[]) => ({ volumeMounts: list.map(one => ({ name: 'models', ...one })) })
const env = (name: string, value: string) => ({ env: [{ name, value }] })
const ollama = (more: Json = {}) => aRuntime({ engine: 'Ollama', ...more })
const twoClaims = standing(mounts({ mountPath: '/a' }, { name: 'other', mountPath: '/b' }), {
  volumes: [
    { name: 'models', persistentVolumeClaim: { claimName: 'models' } },
    { name: 'other', persistentVolumeClaim: { claimName: 'second' } },
  ],
})
const gpu = { resources: { limits: { 'nvidia.com/gpu': '1' } } }
const unbound = { claim: () => claim({ volumeName: undefined }) }

const refused: readonly [string, Runtime, Partial<VolumeWorld>, Reason][] = [
  ['no Deployment', aRuntime(), { deploymentOf: () => undefined }, 'DeploymentNotFound'],
  [
    'no such container',
    aRuntime({ kubernetes: { deploymentName: 'vllm', container: 'x' } }),
    {},
    'UnknownContainer',
  ],
  ['no mount', aRuntime(), standing({ volumeMounts: [] }), 'ClaimNotMounted'],
  ['another claim than the one named', aRuntime({ storage: { claimName: 'x' } }), {}, 'ClaimNotMounted'],
  ['another path than the one named', aRuntime({ storage: { path: '/x' } }), {}, 'ClaimNotMounted'],
  [
    'a subPath made of the environment',
    aRuntime(),
    standing(mounts({ mountPath: '/m', subPathExpr: '$(A)' })),
    'ClaimNotMounted',
  ],
  ['two claims and nothing that tells', aRuntime(), twoClaims, 'ClaimNotMounted'],
  ['no claim', aRuntime(), { claim: () => undefined }, 'ClaimNotFound'],
  [
    'a claim that is being deleted',
    aRuntime(),
    { claim: () => claim({}, { deletionTimestamp: 'x' }) },
    'ClaimNotFound',
  ],
  [
    'a claim for reading only',
    aRuntime(),
    { claim: () => claim({ accessModes: ['ReadOnlyMany'] }) },
    'VolumeNotWritable',
  ],
  [
    'a claim for one pod, which has it',
    aRuntime(),
    { claim: () => claim({ accessModes: ['ReadWriteOncePod'] }), pods: [pod()] },
    'VolumeBusy',
  ],
  ['Ollama, adopted, without OLLAMA_MODELS', ollama(), {}, 'StoreNotOnVolume'],
  [
    'Ollama with its store elsewhere',
    ollama(),
    standing(env('OLLAMA_MODELS', '/modelsx/o')),
    'StoreNotOnVolume',
  ],
  [
    'unbound, no node with the device',
    aRuntime(),
    { ...standing(gpu), ...unbound, nodes: [node('cpu')] },
    'PlacementUnknown',
  ],
  [
    'unbound, nodes may not be listed',
    aRuntime(),
    { ...standing(gpu), ...unbound, nodes: undefined },
    'PlacementUnknown',
  ],
  [
    'unbound, the only device is cordoned',
    aRuntime(),
    {
      ...standing(gpu),
      ...unbound,
      nodes: [node('g', { 'nvidia.com/gpu': '1' }, { spec: { unschedulable: true } })],
    },
    'PlacementUnknown',
  ],
]

describe('why there is no volume', () => {
  it.each(refused)('%s', (_name, runtime, more, reason) => {
    expect(volumeOf(runtime, world(more))).toMatchObject({ reason })
  })
})

const required = 'requiredDuringSchedulingIgnoredDuringExecution'
const pin = (...values: string[]) => ({ key: 'kubernetes.io/hostname', operator: 'In', values })
const zone = { key: 'zone', operator: 'In', values: ['a'] }
const affinity = {
  nodeAffinity: { [required]: { nodeSelectorTerms: [{ matchExpressions: [zone] }] } },
  podAffinity: {},
}
const gpuNodes = [node('cpu'), node('g2', { 'nvidia.com/gpu': '1' }), node('g1', { 'nvidia.com/gpu': '2' })]
const podTemplate = template() as unknown as Json

const found: readonly [string, Runtime, Partial<VolumeWorld>, Json][] = [
  [
    'a plain claim',
    aRuntime(),
    {},
    {
      key: 'llm/models/',
      mountPath: '/models',
      quotaBytes: 20 * 2 ** 30,
      layout: { kind: 'HubCache', root: '/models', path: '/models/hub' },
    },
  ],
  [
    'a subPath',
    aRuntime(),
    standing(mounts({ mountPath: '/m/', subPath: 'a/b' })),
    { key: 'llm/models/a/b', mountPath: '/m', subPath: 'a/b' },
  ],
  [
    'HF_HUB_CACHE on the claim',
    aRuntime(),
    standing(env('HF_HUB_CACHE', '/models/c')),
    { layout: { path: '/models/c' } },
  ],
  [
    'HF_HOME on the claim',
    aRuntime(),
    standing(env('HF_HOME', '/models/hf')),
    { layout: { path: '/models/hf/hub' } },
  ],
  [
    'HF_HOME elsewhere',
    aRuntime(),
    standing(env('HF_HOME', '/root/hf')),
    { layout: { path: '/models/hub' } },
  ],
  [
    'Ollama with its store on the claim',
    ollama(),
    standing(env('OLLAMA_MODELS', '/models/o/')),
    { layout: { kind: 'OllamaStore', path: '/models/o' } },
  ],
  [
    'Ollama that is made',
    ollama({ kubernetes: { podTemplate } }),
    {},
    { layout: { path: '/models/ollama' } },
  ],
  [
    'two claims, one is named',
    aRuntime({ storage: { claimName: 'second' } }),
    twoClaims,
    { key: 'llm/second/' },
  ],
  [
    'two claims, the store is on one',
    aRuntime(),
    {
      deploymentOf: () =>
        deployment({
          template: template(
            [
              container({
                ...mounts({ mountPath: '/a' }, { name: 'other', mountPath: '/b' }),
                ...env('HF_HOME', '/b/hf'),
              }),
            ],
            {
              volumes: [
                { name: 'models', persistentVolumeClaim: { claimName: 'models' } },
                { name: 'other', persistentVolumeClaim: { claimName: 'second' } },
              ],
            },
          ),
        }),
    },
    { key: 'llm/second/' },
  ],
  ['the engine’s pod runs, one node only', aRuntime(), { pods: [pod()] }, { access: { nodeName: 'n1' } }],
  [
    'the user of the container before the pod’s',
    aRuntime(),
    standing(
      { securityContext: { runAsUser: 5 } },
      { securityContext: { runAsUser: 6, runAsGroup: 7, fsGroup: 8 } },
    ),
    { access: { runAsUser: 5, runAsGroup: 7, fsGroup: 8 } },
  ],
  [
    'a root-running engine that the Runtime follows',
    aRuntime({ worker: { securityContext: { runAsUser: 0 } } }),
    {},
    { access: { runAsRoot: true } },
  ],
  [
    'unbound, nodes with the device',
    aRuntime(),
    { ...standing(gpu), ...unbound, nodes: gpuNodes },
    {
      access: {
        nodeAffinity: { [required]: { nodeSelectorTerms: [{ matchExpressions: [pin('g1', 'g2')] }] } },
      },
    },
  ],
  [
    'unbound, the pin joins what the engine requires',
    aRuntime(),
    { ...standing(gpu, { affinity }), ...unbound, nodes: gpuNodes },
    {
      access: {
        nodeAffinity: { [required]: { nodeSelectorTerms: [{ matchExpressions: [zone, pin('g1', 'g2')] }] } },
      },
    },
  ],
  [
    'unbound, only the selected node has the device',
    aRuntime(),
    {
      ...standing(gpu, { nodeSelector: { pool: 'x' } }),
      ...unbound,
      nodes: [...gpuNodes, node('g3', { 'nvidia.com/gpu': '1' }, { labels: { pool: 'x' } })],
    },
    {
      access: {
        nodeSelector: { pool: 'x' },
        nodeAffinity: { [required]: { nodeSelectorTerms: [{ matchExpressions: [pin('g3')] }] } },
      },
    },
  ],
  [
    'unbound, placed by the Runtime',
    aRuntime({ placement: { nodeSelector: { a: 'b' } } }),
    { ...standing(gpu), ...unbound, nodes: [] },
    { key: 'llm/models/' },
  ],
]

describe('the volume', () => {
  it.each(found)('%s', (_name, runtime, more, expected) => {
    expect(volumeOf(runtime, world(more))).toMatchObject(expected)
  })

  it('a claim of many nodes is not bound to the engine’s node', () => {
    const shared = { claim: () => claim({ accessModes: ['ReadWriteMany'] }), pods: [pod()] }
    expect(volumeOf(aRuntime(), world(shared))).not.toMatchObject({ access: { nodeName: 'n1' } })
  })

  it('an unbound claim of an engine without a device follows its selectors only', () => {
    const view = volumeOf(aRuntime(), world({ ...standing({}, { nodeSelector: { a: 'b' } }), ...unbound }))
    expect(view).toMatchObject({ access: { nodeSelector: { a: 'b' } } })
    expect((view as { access: object }).access).not.toHaveProperty('nodeAffinity')
  })

  it('pod affinity is never copied', () => {
    const view = volumeOf(aRuntime(), world(standing({}, { affinity })))
    expect(JSON.stringify(view)).not.toContain('podAffinity')
  })

  it('two Runtimes on one claim share it, and the smaller quota wins', () => {
    const a = aRuntime({ storage: { quota: '8Gi' } })
    const b = aRuntime({ storage: { quota: '5Gi' } }, { name: 'b', uid: 'b' })
    const view = volumeOf(a, world({ runtimes: [a, b] }))
    expect(view).toMatchObject({ runtimes: ['b', 'gpu-a'], quotaBytes: 5 * 2 ** 30 })
  })
})
