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

  it('whose deletionPolicy cannot be read keeps its bytes', () => {
    expect(parseObject('Model', { source, deletionPolicy: 'Keep' }, {}).spec).toMatchObject({
      deletionPolicy: 'Retain',
    })
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
