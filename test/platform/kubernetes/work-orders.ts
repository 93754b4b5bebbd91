// Orders and settings that the tests of Jobs share; each says one thing beside the plain one.
import type { Runtime } from '../../../src/domain/object.ts'
import type { VolumeView, WorkOrder } from '../../../src/domain/platform.ts'
import { RuntimeSpec } from '../../../src/domain/runtime.ts'
import type { VolumeAccess } from '../../../src/platform/kubernetes/volume-access.ts'
import type { WorkerSettings } from '../../../src/platform/kubernetes/worker-settings.ts'

export const settings: WorkerSettings = {
  image: 'registry.example/switchyard:0.1.0',
  imagePullPolicy: 'IfNotPresent',
}

export const aVolume = (access: Partial<VolumeAccess> = {}): VolumeView => ({
  key: 'ai/models/llm',
  claim: 'models',
  subPath: 'llm',
  claimUID: 'c1',
  runtimes: ['vllm'],
  mountPath: '/models',
  layout: { root: '/models', kind: 'HubCache', path: '/models/hub' },
  access: { mountPath: '/models', subPath: 'llm', ...access },
})

export const aRuntime = (spec: object = {}): Runtime => ({
  kind: 'Runtime',
  metadata: {
    namespace: 'ai',
    name: 'vllm',
    uid: 'r1',
    generation: 1,
    resourceVersion: '1',
    creationTimestamp: '2026-01-01T00:00:00Z',
    finalizers: [],
    annotations: {},
    labels: {},
  },
  spec: RuntimeSpec.parse({ engine: 'VLLM', kubernetes: { deploymentName: 'vllm' }, ...spec }),
  status: {},
})

const source = { huggingFace: { repo: 'org/name', revision: 'main' } }

export const aResolve = (more: Partial<WorkOrder> = {}): WorkOrder => ({
  id: 'resolve:h1#0/1',
  owner: { namespace: 'ai', name: 'llama', uid: 'm1' },
  command: 'resolve',
  subject: 'h1#0',
  attempt: 1,
  task: { command: 'resolve', owner: 'm1', source, sourceHash: 'h1' },
  ...more,
})

export const aDownload = (more: Partial<WorkOrder> = {}): WorkOrder => {
  const volume = more.volume ?? aVolume()
  return {
    id: 'download:ai/models/llm@abc#0/1',
    owner: { namespace: 'ai', name: 'llama', uid: 'm1' },
    command: 'download',
    subject: 'ai/models/llm@abc#0',
    attempt: 1,
    task: {
      command: 'download',
      owner: 'm1',
      source,
      sourceHash: 'h1',
      revision: 'abc',
      listDigest: 'd1',
      layout: volume.layout,
    },
    volume,
    runtime: aRuntime(),
    ...more,
  }
}

export const anAsk = (more: Partial<WorkOrder> = {}): WorkOrder => ({
  id: 'ask:p1/0/r1/1',
  owner: { namespace: 'ai', name: 'vllm', uid: 'r1' },
  command: 'ask',
  subject: 'p1/0/r1',
  attempt: 1,
  task: {
    command: 'ask',
    owner: 'r1',
    engine: 'VLLM',
    address: 'http://10.0.0.7:8000',
    mode: 'Task',
    timeoutSeconds: 20,
    wanted: { model: '/m/a', identity: '/m/a', servedNames: ['a', 'active'], task: 'Chat', hash: 'h1' },
  },
  tokenSecret: { name: 'engine', key: 'api-key' },
  runtime: aRuntime(),
  ...more,
})
