import { describe, expect, it } from 'vitest'
import {
  keepManagers,
  keepSpecManager,
  slimConfigMap,
  slimPod,
  slimReplicaSet,
  withoutManagers,
} from '../../../src/platform/kubernetes/cache-transforms.ts'
import type {
  RawConfigMap,
  RawCustom,
  RawPod,
  RawReplicaSet,
} from '../../../src/platform/kubernetes/kubernetes-objects.ts'

const known = { name: 'a', namespace: 'ai', uid: 'u', resourceVersion: '7' }
const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration'
const entry = (manager: string, fields: string[], time: string, more: object = {}) => ({
  manager,
  time,
  fieldsV1: Object.fromEntries(fields.map(field => [field, {}])),
  ...more,
})
const managed = [
  entry('kubectl-apply', ['f:metadata', 'f:spec'], '2026-01-01T00:00:00Z'),
  entry('argocd', ['f:spec'], '2026-01-02T00:00:00Z'),
  entry('switchyard', ['f:metadata'], '2026-01-03T00:00:00Z'),
  entry('switchyard', ['f:status'], '2026-01-04T00:00:00Z', { subresource: 'status' }),
]

describe('what a cache keeps', () => {
  it('of an ordinary object: neither managers nor the copy that kubectl makes', () => {
    const annotations = { [lastApplied]: '{}', own: 'x' }
    const kept = withoutManagers({ metadata: { ...known, annotations, managedFields: managed } })
    expect(kept).toEqual({ metadata: { ...known, annotations: { own: 'x' } } })
  })

  it('of a Model: the manager that wrote its spec last, not the one that wrote its finalizer or status', () => {
    const raw = {
      metadata: { ...known, managedFields: managed },
      spec: {},
      status: {},
    } as unknown as RawCustom
    expect(keepSpecManager(raw)).toEqual({ metadata: known, spec: {}, status: {}, specManager: 'argocd' })
  })

  it('of a Deployment: who wrote which field, without the writers of its status', () => {
    const kept = keepManagers({ metadata: { ...known, managedFields: managed } })
    expect(kept.metadata.managedFields.map(one => one.manager)).toEqual([
      'kubectl-apply',
      'argocd',
      'switchyard',
    ])
  })

  it('of a ConfigMap: its data only while it is small', () => {
    const configMap = (size: number) =>
      ({ metadata: known, data: { a: 'x'.repeat(size) } }) as unknown as RawConfigMap
    expect(slimConfigMap(configMap(10)).data).toEqual({ a: 'x'.repeat(10) })
    expect(slimConfigMap(configMap(100_000))).not.toHaveProperty('data')
  })

  it('of a pod: everything when a ReplicaSet made it, else that it is there', () => {
    const pod = (kind: string) =>
      ({
        metadata: { ...known, ownerReferences: [{ kind, uid: 'o' }] },
        spec: { nodeName: 'n' },
        status: { phase: 'Running' },
      }) as unknown as RawPod
    expect(slimPod(pod('ReplicaSet')).spec).toEqual({ nodeName: 'n' })
    expect(slimPod(pod('DaemonSet'))).toEqual({ metadata: known, status: { phase: 'Running' } })
  })

  it('of a ReplicaSet: the template’s metadata without its spec', () => {
    const template = { metadata: { annotations: { a: 'b' } }, spec: { containers: [] } }
    const set = { metadata: known, spec: { replicas: 1, template } } as unknown as RawReplicaSet
    expect(slimReplicaSet(set).spec).toEqual({
      replicas: 1,
      template: { metadata: { annotations: { a: 'b' } } },
    })
  })
})
