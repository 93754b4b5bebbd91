// The CRDs, samples and chart on the real API server: accepted, strict where they must be, and of one opinion with our own parser.
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { root } from '../scripts/crds.ts'
import { parseSpec } from '../src/domain/crd-parse.ts'
import { kinds } from '../src/domain/kinds.ts'
import type { Kind } from '../src/domain/object.ts'
import { type ApiServer, connect, pathOf } from './crds-api-server.ts'
import { adopting, badInputs, fromHub, fromOllama, ruleCases } from './domain/crd-cases.ts'

type Json = Record<string, unknown>

const kubeconfig = process.env['SWITCHYARD_TEST_KUBECONFIG'] ?? process.env['KUBECONFIG'] ?? ''
if (!kubeconfig) console.log('The CRDs are not tried on a real API server: there is no test cluster.')

const namespace = `crds-${Date.now().toString(36)}`
const crds = globSync('crds/*.yaml', { cwd: root }).map(
  file => parse(readFileSync(join(root, file), 'utf8')) as Json,
)
const crdPath = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions'
const nameOf = (object: Json) => String((object['metadata'] as Json)['name'])
const listOf = (kind: Kind) => `/apis/switchyard.dev/v1alpha1/namespaces/${namespace}/${kinds[kind].plural}`
const anObject = (kind: Kind, spec: unknown, name = 'a-name') => ({
  apiVersion: 'switchyard.dev/v1alpha1',
  kind,
  metadata: { name },
  spec,
})

describe.skipIf(!kubeconfig)('On a real API server', () => {
  let server: ApiServer
  const ours: string[] = []

  const create = (kind: Kind, spec: unknown, query: Record<string, string> = { dryRun: 'All' }) =>
    server.call(listOf(kind), {
      method: 'POST',
      body: anObject(kind, spec, query['name'] ?? 'a-name'),
      query: { fieldValidation: 'Strict', ...query },
    })
  const replaceSpec = (kind: Kind, name: string, spec: unknown) =>
    server.call(`${listOf(kind)}/${name}`, {
      method: 'PATCH',
      type: 'application/json-patch+json',
      body: [{ op: 'replace', path: '/spec', value: spec }],
      query: { dryRun: 'All' },
    })

  beforeAll(async () => {
    server = await connect(kubeconfig)
    await server.call('/api/v1/namespaces', {
      method: 'POST',
      body: { metadata: { name: namespace, labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } } },
    })
    for (const crd of crds) {
      const isThere = (await server.call(`${crdPath}/${nameOf(crd)}`)).code === 200
      const said = await server.apply(crd, crdPath, isThere)
      expect(said.message).toBe('')
      if (!isThere) ours.push(nameOf(crd))
    }
    for (const kind of ['Model', 'Runtime'] as const) {
      while ((await server.call(listOf(kind))).code !== 200) await sleep(100)
    }
  })

  afterAll(async () => {
    await server.call(`/api/v1/namespaces/${namespace}`, { method: 'DELETE' })
    // left behind they would stand in the way of a chart that brings its own
    for (const name of ours) await server.call(`${crdPath}/${name}`, { method: 'DELETE' })
    for (const name of ours) while ((await server.call(`${crdPath}/${name}`)).code !== 404) await sleep(100)
    await server.close()
  })

  it('both kinds are accepted: structural, with all their rules within the cost limits', async () => {
    for (const crd of crds) {
      const { body } = await server.call(`${crdPath}/${nameOf(crd)}`)
      const conditions = (body['status'] as { conditions: { type: string; status: string }[] }).conditions
      expect(conditions).toContainEqual(expect.objectContaining({ type: 'Established', status: 'True' }))
      expect(conditions.map(condition => condition.type)).not.toContain('NonStructuralSchema')
    }
  })

  it('both have their short names and the category', async () => {
    const { body } = await server.call('/apis/switchyard.dev/v1alpha1')
    const found = (body['resources'] as { name: string; shortNames?: string[]; categories?: string[] }[])
      .filter(resource => !resource.name.includes('/'))
      .sort((one, other) => one.name.localeCompare(other.name))
    expect(found.map(({ name, shortNames, categories }) => ({ name, shortNames, categories }))).toEqual([
      { name: 'models', shortNames: ['mdl'], categories: ['switchyard'] },
      { name: 'runtimes', shortNames: ['rt'], categories: ['switchyard'] },
    ])
  })

  describe('each rule', () => {
    ruleCases.forEach(({ kind, at, message, good, bad, before }, index) => {
      it(`${kind} ${at || 'spec'}: "${message}" lets one through and refuses one`, async () => {
        const name = `rule-${index}`
        if (before) expect((await create(kind, before, { name })).message).toBe('')
        const ask = (spec: Json) => (before ? replaceSpec(kind, name, spec) : create(kind, spec))
        expect((await ask(good)).message).toBe('')
        const refused = await ask(bad)
        expect([refused.code, refused.message]).toEqual([422, expect.stringContaining(message)])
        if (at) expect(refused.message).toContain(`spec.${at.split('[')[0]}`)
      })
    })

    it('the name: 63 characters pass, 64 and a dot do not', async () => {
      expect((await create('Model', fromHub(), { name: 'a'.repeat(63), dryRun: 'All' })).message).toBe('')
      for (const name of ['a'.repeat(64), 'llama3.2']) {
        const { code, message } = await create('Model', fromHub(), { name, dryRun: 'All' })
        expect([code, message]).toEqual([422, expect.stringContaining('metadata.name')])
      }
    })
  })

  describe('bad input', () => {
    for (const { what, kind, spec, field } of badInputs) {
      it(`with ${what} is refused and ${field} is named`, async () => {
        const { code, message } = await create(kind, spec)
        expect(code === 400 || code === 422).toBe(true)
        expect(message).toContain(field)
      })
    }

    it('that is not an object of the kind is refused, and a good object still passes', async () => {
      for (const spec of [null, 5, 'text', []])
        expect((await create('Model', spec)).code).toBeGreaterThan(399)
      expect((await create('Model', fromHub())).message).toBe('')
    })
  })

  it('the defaults are those of our own parser', async () => {
    const specs: [Kind, Json][] = [
      ['Model', fromHub({ tokenSecretRef: { name: 'hf-token' } })],
      ['Model', fromOllama('llama3.2:1b')],
      ['Runtime', adopting({ storage: { quota: '1Gi' } }, { configMap: { name: 'engine' } })],
    ]
    for (const [kind, spec] of specs) {
      const { body } = await create(kind, spec)
      expect(parseSpec(kind, spec)).toEqual({ spec: body['spec'] })
    }
  })

  it('the status is a subresource: it moves without the generation, and prints in the columns', async () => {
    await create('Model', fromHub(), { name: 'printed' })
    const at = '2026-01-01T00:00:00Z'
    const ready = {
      type: 'Ready',
      status: 'False',
      reason: 'Downloading',
      message: 'x',
      lastTransitionTime: at,
    }
    const display = { progress: '45%', size: '15.2 GB', source: 'hf:a/b', speed: '112 MB/s', eta: '2m10s' }
    const status = { phase: 'Downloading', display, conditions: [ready] }
    const object = { ...anObject('Model', undefined, 'printed'), status }
    const said = await server.call(`${listOf('Model')}/printed/status`, {
      method: 'PATCH',
      body: object,
      type: 'application/apply-patch+yaml',
      query: { fieldManager: 'crds-test', fieldValidation: 'Strict' },
    })
    expect(said.message).toBe('')
    expect((said.body['metadata'] as Json)['generation']).toBe(1)
    const row = await tableRow('Model', 'printed')
    expect(row).toMatchObject({
      ...{ Name: 'printed', Ready: 'False', Phase: 'Downloading', Progress: '45%', Size: '15.2 GB' },
      ...{ Source: 'hf:a/b', Reason: 'Downloading', Speed: '112 MB/s', ETA: '2m10s' },
    })
    expect(row['Age']).toMatch(/^\d+s$/)
  })

  it('a Runtime prints its active model and the step of its switch', async () => {
    await create('Runtime', adopting(), { name: 'printed' })
    const at = '2026-01-01T00:00:00Z'
    const times = { startedAt: at, stepSince: at, lastProgressAt: at }
    const status = {
      phase: 'Switching',
      active: { model: 'old', revision: 'r', recipe: 'h', since: at },
      switch: { id: 'i', step: 'Loading', attempt: 1, ...times },
      display: { expected: '1m30s' },
    }
    const said = await server.call(`${listOf('Runtime')}/printed/status`, {
      method: 'PATCH',
      body: { ...anObject('Runtime', undefined, 'printed'), status },
      type: 'application/apply-patch+yaml',
      query: { fieldManager: 'crds-test', fieldValidation: 'Strict' },
    })
    expect(said.message).toBe('')
    expect(await tableRow('Runtime', 'printed')).toMatchObject({
      ...{
        Name: 'printed',
        Phase: 'Switching',
        Active: 'old',
        Step: 'Loading',
        Engine: 'VLLM',
        Expected: '1m30s',
      },
    })
  })

  const tableRow = async (kind: Kind, name: string): Promise<Json> => {
    const { body } = await server.call(`${listOf(kind)}/${name}`, {
      accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
    })
    const columns = body['columnDefinitions'] as { name: string }[]
    const [row] = body['rows'] as { cells: unknown[] }[]
    return Object.fromEntries(columns.map((column, i) => [column.name, row?.cells[i]]))
  }

  const samples = globSync('config/samples/*.yaml', { cwd: root }).sort()
  it.each(samples)('the sample %s is accepted as it stands', async file => {
    for (const document of parseAllDocuments(readFileSync(join(root, file), 'utf8'))) {
      const object = document.toJS() as Json
      const said = await server.apply(object, pathOf(object, namespace), true)
      expect([nameOf(object), said.message]).toEqual([nameOf(object), ''])
    }
  })

  it.each(['default', 'full', 'namespaced'])(
    'the chart with the values "%s" is accepted, its pod in a restricted namespace',
    async values => {
      const text = readFileSync(join(root, `test/golden/chart/${values}.yaml`), 'utf8')
      const manifests = parseAllDocuments(text).map(document => document.toJS() as Json | null)
      for (const object of manifests.filter(manifest => manifest !== null)) {
        const here = { ...object, metadata: { ...(object['metadata'] as Json), namespace } }
        const isClusterWide = String(object['kind']).startsWith('Cluster')
        const said = await server.apply(isClusterWide ? object : here, pathOf(object, namespace), true)
        expect([object['kind'], said.message]).toEqual([object['kind'], ''])
        if (object['kind'] === 'Deployment') expect(await tryPod(object)).toBe('')
      }
    },
  )

  const tryPod = async (deployment: Json): Promise<string> => {
    const { template } = deployment['spec'] as { template: { metadata: Json; spec: Json } }
    const { message } = await server.call(`/api/v1/namespaces/${namespace}/pods`, {
      method: 'POST',
      body: {
        metadata: { ...template.metadata, name: 'a-pod' },
        spec: { ...template.spec, serviceAccountName: 'default' },
      },
      query: { dryRun: 'All', fieldValidation: 'Strict' },
    })
    return message
  }
})
