// Paths of resources: the right group, every part encoded, no way to climb.
import { describe, expect, it } from 'vitest'
import {
  apiVersionOf,
  DEPLOYMENT,
  JOB,
  MODEL,
  NODE,
  POD,
  pathOf,
  resources,
  titleOf,
} from '../../../../src/platform/kubernetes/kernel/resources.ts'

describe('the path of a resource', () => {
  const rows = [
    ['an old group', POD, { namespace: 'a', name: 'b' }, '/api/v1/namespaces/a/pods/b'],
    ['a named group', JOB, { namespace: 'a' }, '/apis/batch/v1/namespaces/a/jobs'],
    ['all namespaces', MODEL, {}, '/apis/switchyard.dev/v1alpha1/models'],
    ['a kind of the whole cluster', NODE, { name: 'n1' }, '/api/v1/nodes/n1'],
    ['a namespace it cannot have', NODE, { namespace: 'a', name: 'n1' }, '/api/v1/nodes/n1'],
    [
      'a part of the object',
      DEPLOYMENT,
      { namespace: 'a', name: 'b', subresource: 'scale' },
      '/apis/apps/v1/namespaces/a/deployments/b/scale',
    ],
    ['a name with a slash', POD, { namespace: 'a', name: 'b/../c' }, '/api/v1/namespaces/a/pods/b%2F..%2Fc'],
    [
      'a name with a question mark',
      POD,
      { namespace: 'a', name: 'b?x=1' },
      '/api/v1/namespaces/a/pods/b%3Fx%3D1',
    ],
  ] as const
  it.each(rows)('%s is written as the server expects it', (_case, resource, parts, path) => {
    expect(pathOf(resource, parts)).toBe(path)
  })

  it.each([
    ['no namespace for a name', { name: 'b' }],
    ['an empty name', { namespace: 'a', name: '' }],
    ['a name that climbs', { namespace: 'a', name: '..' }],
    ['a namespace that climbs', { namespace: '..', name: 'b' }],
  ])('%s is refused before anything is sent', (_case, parts) => {
    expect(() => pathOf(POD, parts)).toThrow(TypeError)
  })

  it('a resource in a group has its group in its version and title', () => {
    expect([apiVersionOf(JOB), titleOf(JOB), apiVersionOf(POD), titleOf(POD)]).toEqual([
      'batch/v1',
      'jobs.batch',
      'v1',
      'pods',
    ])
  })

  it('no two resources share a path', () => {
    const paths = Object.values(resources).map(each => pathOf(each))
    expect(new Set(paths).size).toBe(paths.length)
  })
})
