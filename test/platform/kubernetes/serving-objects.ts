// Runtimes, Deployments and pods as the tests of servings and volumes need them: small, and changed in place by a patch.
import { parseSpec } from '../../../src/domain/crd-parse.ts'
import type { Runtime } from '../../../src/domain/object.ts'
import type { RawTemplate } from '../../../src/platform/kubernetes/engine-container.ts'
import type {
  RawClaim,
  RawConfigMap,
  RawDeployment,
  RawNode,
  RawPod,
  RawService,
} from '../../../src/platform/kubernetes/kubernetes-objects.ts'

export type Json = Record<string, unknown>

export const aRuntime = (spec: Json = {}, metadata: Partial<Runtime['metadata']> = {}): Runtime => {
  const kubernetes = { deploymentName: 'vllm' }
  const parsed = parseSpec('Runtime', { engine: 'VLLM', kubernetes, ...spec })
  if ('invalid' in parsed) throw new Error(parsed.invalid)
  return {
    kind: 'Runtime',
    metadata: {
      namespace: 'llm',
      name: 'gpu-a',
      uid: 'runtime-1',
      generation: 1,
      resourceVersion: '1',
      creationTimestamp: '2026-01-01T00:00:00Z',
      finalizers: [],
      annotations: {},
      labels: {},
      ...metadata,
    },
    spec: parsed.spec as Runtime['spec'],
    status: {},
  }
}

export const meta = (name: string, more: Json = {}) => ({
  name,
  namespace: 'llm',
  uid: `uid-${name}`,
  resourceVersion: '7',
  ...more,
})

export const container = (more: Json = {}): Json => ({
  name: 'vllm',
  image: 'vllm',
  command: ['vllm', 'serve'],
  args: ['old/model', '--max-model-len', '4096'],
  ports: [{ name: 'http', containerPort: 8000 }],
  volumeMounts: [{ name: 'models', mountPath: '/models' }],
  ...more,
})

export const template = (
  containers: Json[] = [container()],
  spec: Json = {},
  annotations?: Json,
): RawTemplate =>
  ({
    metadata: { labels: { app: 'vllm' }, ...(annotations ? { annotations } : {}) },
    spec: {
      containers,
      volumes: [{ name: 'models', persistentVolumeClaim: { claimName: 'models' } }],
      ...spec,
    },
  }) as unknown as RawTemplate

export const deployment = (spec: Json = {}, metadata: Json = {}): RawDeployment =>
  ({
    metadata: meta('vllm', { generation: 2, ...metadata }),
    spec: {
      replicas: 1,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: '25%' } },
      template: template(),
      ...spec,
    },
    status: { observedGeneration: 2 },
  }) as unknown as RawDeployment

export const configMap = (text?: string, metadata: Json = {}): RawConfigMap =>
  ({
    metadata: meta('vllm-engine', metadata),
    ...(text === undefined ? {} : { data: { 'engine.yaml': text } }),
  }) as unknown as RawConfigMap

export const service = (selector: Json = { app: 'vllm' }): RawService =>
  ({ metadata: meta('vllm'), spec: { selector, ports: [{ port: 80 }] } }) as unknown as RawService

export const claim = (spec: Json = {}, metadata: Json = {}): RawClaim =>
  ({
    metadata: meta('models', metadata),
    spec: {
      accessModes: ['ReadWriteOnce'],
      volumeName: 'pv-1',
      resources: { requests: { storage: '10Gi' } },
      ...spec,
    },
    status: { phase: 'Bound', capacity: { storage: '20Gi' } },
  }) as unknown as RawClaim

export const node = (name: string, allocatable: Json = {}, more: Json = {}): RawNode =>
  ({
    metadata: { ...meta(name), labels: { 'kubernetes.io/hostname': name, ...(more['labels'] as Json) } },
    spec: more['spec'] ?? {},
    status: { allocatable, conditions: [{ type: 'Ready', status: more['ready'] ?? 'True' }] },
  }) as unknown as RawNode

export const pod = (status: Json = {}, metadata: Json = {}, spec: Json = {}): RawPod =>
  ({
    metadata: meta('vllm-1', {
      creationTimestamp: '2026-01-01T10:00:00Z',
      labels: { app: 'vllm' },
      ...metadata,
    }),
    spec: { nodeName: 'n1', containers: [container()], ...spec },
    status: {
      phase: 'Running',
      podIP: '10.1.0.9',
      conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T10:01:00Z' }],
      containerStatuses: [{ name: 'vllm', restartCount: 0, state: { running: {} } }],
      ...status,
    },
  }) as unknown as RawPod

/** A managedFields entry. */
export const managed = (manager: string, fieldsV1: Json, more: Json = {}): Json => ({
  manager,
  operation: 'Update',
  time: '2026-01-01T09:00:00Z',
  fieldsV1,
  ...more,
})
