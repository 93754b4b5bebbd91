// The Service of a Runtime: the one that it names, or its own name when it makes its Deployment.
import { describe, expect, it } from 'vitest'
import {
  deploymentNameOf,
  isServiceOf,
  serviceNameOf,
} from '../../../src/platform/kubernetes/serving-name.ts'
import { aRuntime as seenRuntime } from '../../builders/seen.ts'
import { service } from './serving-objects.ts'

const named = (name: string, kubernetes: object) => seenRuntime({ metadata: { name }, spec: { kubernetes } })
const podTemplate = { spec: { containers: [] } }
const rows: readonly [string, object, string | undefined][] = [
  ['gpu', { deploymentName: 'vllm' }, undefined],
  ['gpu', { deploymentName: 'vllm', serviceName: 'front' }, 'front'],
  ['gpu', { podTemplate }, 'gpu'],
  ['gpu', { podTemplate, serviceName: 'front' }, 'front'],
  ['7b', { podTemplate }, 'runtime-7b'],
  [`7${'-'.repeat(60)}ab`, { podTemplate }, 'runtime-7'],
]

describe('The name of the Deployment', () => {
  // One of the Runtime's own name may be somebody's.
  it('is none for a Runtime that is for a host only', () => {
    expect(
      deploymentNameOf(seenRuntime({ metadata: { name: 'gpu' }, spec: { host: {}, kubernetes: undefined } })),
    ).toBe('')
  })
})

describe('The name of the Service', () => {
  it.each(rows)('of %s with %j is %s', (name, kubernetes, wanted) => {
    expect(serviceNameOf(named(name, kubernetes))).toBe(wanted)
  })

  it.each([
    [{ podTemplate }, { app: 'vllm' }, false],
    [{ podTemplate }, { 'switchyard.dev/runtime': 'gpu' }, true],
    [{ podTemplate, serviceName: 'vllm' }, { app: 'vllm' }, true],
  ])('with %j and one that selects %j: is it the Runtime’s? %s', (kubernetes, selector, wanted) => {
    expect(isServiceOf(named('gpu', kubernetes), service(selector))).toBe(wanted)
  })
})
