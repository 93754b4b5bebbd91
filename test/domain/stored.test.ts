// Objects as an older schema, another writer or nobody's care may have stored them: what is good of them is kept.
import { describe, expect, it } from 'vitest'
import { annotations, pendingRequest } from '../../src/domain/object.ts'
import { parseObject } from '../../src/domain/stored.ts'
import { aModel } from '../builders/seen.ts'

const source = { huggingFace: { repo: 'org/a' } }
const made = (spec: object) => ({ engine: 'VLLM', kubernetes: { podTemplate: { spec } } })
const copy = { claim: 'models', runtimes: [], phase: 'Ready' }

describe('A stored object', () => {
  it.each([
    ['Model', null, 'spec: must be of type object'],
    ['Model', { source, runtimes: null }, 'spec.runtimes: must be of type array'],
    ['Model', { source, runtimes: [{ name: 'gpu' }, 7] }, 'spec.runtimes[1]: must be of type object'],
    ['Model', { source, colour: 'red' }, 'spec.colour: unknown field'],
    [
      'Model',
      { source: { huggingFace: { repo: 'x'.repeat(1e6) } } },
      'spec.source.huggingFace.repo: must be at',
    ],
    ['Runtime', { engine: 'Other' }, 'spec.engine: "Other" is not one of VLLM, Ollama'],
    ['Runtime', { engine: 'VLLM', kubernetes: 'x' }, 'spec.kubernetes: must be of type object'],
    ['Runtime', made({ containers: 'x' }), 'spec.kubernetes.podTemplate.spec.containers: '],
    ['Runtime', made({ containers: [{ name: 'a', args: [1] }] }), 'podTemplate.spec.containers.0.args.0: '],
    ['Runtime', made({ containers: null, volumes: [null] }), 'spec.kubernetes.podTemplate.spec.volumes.0: '],
    ['Runtime', { ...made({}), worker: { resources: { limits: 5 } } }, 'spec.worker.resources.limits: '],
  ] as const)('%s with the spec %j says which field is wrong', (kind, spec, wanted) => {
    expect(parseObject(kind, spec, undefined).invalid).toContain(wanted)
  })

  it.each([
    [{ metadata: { labels: { a: 1 } } }, 'metadata.labels.a'],
    [{ metadata: { annotations: [] } }, 'metadata.annotations'],
    [{ metadata: 5 }, 'metadata'],
    [{ spec: 5 }, 'spec'],
    ...Object.entries({
      'containers.0.name': { containers: [{}] },
      'containers.0.command.0': { containers: [{ name: 'a', command: [1] }] },
      'containers.0.env.0.name': { containers: [{ name: 'a', env: [{}] }] },
      'containers.0.env.0.value': { containers: [{ name: 'a', env: [{ name: 'b', value: 1 }] }] },
      'containers.0.env.0.valueFrom': { containers: [{ name: 'a', env: [{ name: 'b', valueFrom: 1 }] }] },
      'containers.0.ports.0.name': { containers: [{ name: 'a', ports: [{ name: 1 }] }] },
      'containers.0.ports.0.containerPort': { containers: [{ name: 'a', ports: [{ containerPort: 'b' }] }] },
      'containers.0.volumeMounts.0.name': { containers: [{ name: 'a', volumeMounts: [{ mountPath: '/' }] }] },
      'containers.0.volumeMounts.0.mountPath': { containers: [{ name: 'a', volumeMounts: [{ name: 'b' }] }] },
      'containers.0.volumeMounts.0.subPath': {
        containers: [{ name: 'a', volumeMounts: [{ name: 'b', mountPath: '/', subPath: 1 }] }],
      },
      'containers.0.volumeMounts.0.subPathExpr': {
        containers: [{ name: 'a', volumeMounts: [{ name: 'b', mountPath: '/', subPathExpr: 1 }] }],
      },
      'containers.0.resources.requests.cpu': {
        containers: [{ name: 'a', resources: { requests: { cpu: true } } }],
      },
      'containers.0.resources.limits.cpu': {
        containers: [{ name: 'a', resources: { limits: { cpu: true } } }],
      },
      'containers.0.securityContext.runAsUser': {
        containers: [{ name: 'a', securityContext: { runAsUser: 'root' } }],
      },
      'containers.0.securityContext.runAsGroup': {
        containers: [{ name: 'a', securityContext: { runAsGroup: 'root' } }],
      },
      'containers.0.livenessProbe.periodSeconds': {
        containers: [{ name: 'a', livenessProbe: { periodSeconds: '1' } }],
      },
      'containers.0.livenessProbe.failureThreshold': {
        containers: [{ name: 'a', livenessProbe: { failureThreshold: '1' } }],
      },
      'containers.0.startupProbe.initialDelaySeconds': {
        containers: [{ name: 'a', startupProbe: { initialDelaySeconds: '1' } }],
      },
      'volumes.0.name': { volumes: [{}] },
      'volumes.0.persistentVolumeClaim.claimName': { volumes: [{ name: 'a', persistentVolumeClaim: {} }] },
      'volumes.0.configMap.name': { volumes: [{ name: 'a', configMap: { name: 1 } }] },
      'volumes.0.configMap.items.0.key': { volumes: [{ name: 'a', configMap: { items: [{ path: 'b' }] } }] },
      'volumes.0.configMap.items.0.path': { volumes: [{ name: 'a', configMap: { items: [{ key: 'b' }] } }] },
      'volumes.0.projected.sources': { volumes: [{ name: 'a', projected: { sources: 1 } }] },
      'volumes.0.projected.sources.0.configMap.name': {
        volumes: [{ name: 'a', projected: { sources: [{ configMap: { name: 1 } }] } }],
      },
      'nodeSelector.gpu': { nodeSelector: { gpu: true } },
      'tolerations.0.key': { tolerations: [{ key: 1 }] },
      'affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms.0.matchExpressions':
        {
          affinity: {
            nodeAffinity: {
              requiredDuringSchedulingIgnoredDuringExecution: {
                nodeSelectorTerms: [{ matchExpressions: 1 }],
              },
            },
          },
        },
      'securityContext.fsGroup': { securityContext: { fsGroup: '1' } },
      'securityContext.supplementalGroups.0': { securityContext: { supplementalGroups: ['1'] } },
      terminationGracePeriodSeconds: { terminationGracePeriodSeconds: '30' },
    }).map(([path, spec]) => [{ spec }, `spec.${path}`] as const),
  ] as const)('whose pod template has %j says that it is wrong at %s', (podTemplate, path) => {
    const { invalid, spec } = parseObject('Runtime', { engine: 'VLLM', kubernetes: { podTemplate } }, {})
    expect(invalid?.split(': ')[0]).toBe(`spec.kubernetes.podTemplate.${path}`)
    expect(spec).not.toHaveProperty('kubernetes')
  })

  it('with two parts that nobody can read names the first and has neither', () => {
    const worker = { resources: { requests: 5 } }
    const { invalid, spec } = parseObject('Runtime', { ...made({ containers: 'x' }), worker }, {})
    expect(invalid).toContain('spec.kubernetes.podTemplate.spec.containers: ')
    expect(Object.keys(spec as object)).not.toEqual(expect.arrayContaining(['worker']))
    expect(spec).not.toHaveProperty('kubernetes')
  })

  it('that fits is not called invalid', () => {
    expect(Object.keys(parseObject('Model', { source }, {}))).toEqual(['spec', 'status'])
    expect(parseObject('Model', { source }, undefined).status).toEqual({})
  })

  it('with one bad field in its spec keeps the good ones, and defaults for the rest', () => {
    const { spec } = parseObject('Runtime', { engine: 'Ollama', activeModel: 'a', proof: null, alias: 5 }, {})
    expect(spec).toMatchObject({
      engine: 'Ollama',
      activeModel: 'a',
      alias: 'active',
      proof: { mode: 'Task' },
    })
  })

  it('with a pod template that nobody can read has none, and keeps the rest', () => {
    const { spec } = parseObject('Runtime', { ...made({ containers: 'x' }), activeModel: 'a' }, {})
    expect(spec).toMatchObject({ activeModel: 'a' })
    expect(spec).not.toHaveProperty('kubernetes')
  })

  it('with a pod template as people write them is read as it is, nulls and unknown fields too', () => {
    const spec = {
      containers: [{ name: 'a', args: null, image: 'i', lifecycle: {} }],
      volumes: null,
      hostPID: false,
    }
    const parsed = parseObject('Runtime', made(spec), {})
    expect(parsed.invalid).toBeUndefined()
    expect(parsed.spec).toMatchObject(made(spec))
  })

  it('with one bad item in a list of its status keeps the others', () => {
    const { status } = parseObject('Model', { source }, { phase: 5, copies: [copy, null, { claim: 5 }] })
    expect(status).toEqual({ copies: [{ ...copy, subPath: '', origin: 'Fetched', isNamed: false }] })
  })

  it.each([[null], ['text'], [[1]], [7]])('with the status %j has none', status => {
    expect(parseObject('Model', { source }, status).status).toEqual({})
  })

  it('with more items in a list than any list of ours may have is read as far as that', () => {
    const copies = [...Array.from({ length: 128 }, () => null), copy]
    expect(parseObject('Model', { source }, { copies }).status).toEqual({ copies: [] })
    expect(parseObject('Model', { source }, { copies: copies.slice(1) }).status).toMatchObject({
      copies: [copy],
    })
  })

  it('whose deletionPolicy cannot be read keeps its bytes, and only then', () => {
    const policyOf = (spec: unknown) =>
      (parseObject('Model', spec, {}).spec as { deletionPolicy?: unknown }).deletionPolicy
    expect(policyOf({ source, deletionPolicy: 'Keep' })).toBe('Retain')
    expect(policyOf({ source, deletionPolicy: 'Delete', colour: 'red' })).toBe('Delete')
    expect(policyOf({ source, colour: 'red' })).toBe('Delete')
    expect(policyOf({ source, deletionPolicy: 'Retain', colour: 'red' })).toBe('Retain')
    const runtime = parseObject('Runtime', { engine: 'VLLM', deletionPolicy: 'Keep' }, {})
    expect(runtime.spec).not.toHaveProperty('deletionPolicy')
  })
})

describe('A request of a megabyte', () => {
  it('is one that status can echo, so that it is handled once', () => {
    const long = 'x'.repeat(1_000_000)
    const model = aModel({ metadata: { annotations: { [annotations.retry]: long } } })
    const asked = pendingRequest(model, 'retry')
    expect(asked).toHaveLength(256)
    const handled = { ...model, status: { lastHandled: { retry: asked } } }
    expect(pendingRequest(handled, 'retry')).toBeUndefined()
  })
})
