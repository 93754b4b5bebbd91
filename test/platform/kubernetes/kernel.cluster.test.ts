// The kernel on a real API server: verbs, conflicts, status, streaming lists and resumption, election, events.
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { KubeConfig } from '@kubernetes/client-node'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { Client, endsInitialEvents, type WatchEvent } from '../../../src/platform/kubernetes/kernel/client.ts'
import { Elector } from '../../../src/platform/kubernetes/kernel/elector.ts'
import type { ApiError } from '../../../src/platform/kubernetes/kernel/errors.ts'
import { EventRecorder } from '../../../src/platform/kubernetes/kernel/events.ts'
import { Freshness } from '../../../src/platform/kubernetes/kernel/freshness.ts'
import type { Lease } from '../../../src/platform/kubernetes/kernel/lease-record.ts'
import { Reflector, type ReflectorOptions } from '../../../src/platform/kubernetes/kernel/reflector.ts'
import {
  CONFIG_MAP,
  CORE_EVENT,
  DEPLOYMENT,
  EVENT,
  type KernelObject,
  LEASE,
  NAMESPACE,
  type Resource,
} from '../../../src/platform/kubernetes/kernel/resources.ts'
import { Transport } from '../../../src/platform/kubernetes/kernel/transport.ts'
import type { TestCluster } from '../../cluster/access.ts'

const provided: TestCluster = inject('cluster')
/** An API server is enough: a given kubeconfig does as well. */
const findKubeconfig = (): string => {
  if (provided.kind === 'absent') console.warn(`skipped: ${provided.reason}`)
  if (provided.kind === 'own') return provided.data.kubeconfigPath
  return provided.kind === 'given' ? provided.kubeconfigPath : ''
}
const kubeconfigPath = findKubeconfig()
const namespace = `kernel-${Date.now().toString(36)}`
const group = `${namespace}.test`

const CRD: Resource = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  plural: 'customresourcedefinitions',
  kind: 'CustomResourceDefinition',
  namespaced: false,
}
const PROBE: Resource = { group, version: 'v1', plural: 'probes', kind: 'Probe', namespaced: true }
const free = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true }
const probeDefinition = {
  metadata: { name: `probes.${group}` },
  spec: {
    group,
    scope: 'Namespaced',
    names: { plural: 'probes', singular: 'probe', kind: 'Probe' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: { status: {} },
        schema: { openAPIV3Schema: { type: 'object', properties: { spec: free, status: free } } },
      },
    ],
  },
}

interface Data extends KernelObject {
  readonly metadata: KernelObject['metadata'] & { readonly generation?: number; readonly labels?: object }
  readonly data?: Readonly<Record<string, string>>
  readonly status?: unknown
}

const failure = async (promise: Promise<unknown>): Promise<ApiError> => {
  try {
    await promise
  } catch (error) {
    return error as ApiError
  }
  throw new Error('it did not fail')
}
const until = async (isSo: () => boolean | Promise<boolean>, withinMs = 20_000): Promise<void> => {
  for (const endsAt = performance.now() + withinMs; !(await isSo()); await sleep(20))
    if (performance.now() > endsAt) throw new Error(`it did not come about: ${isSo}`)
}

describe.skipIf(!kubeconfigPath)('On a real API server', () => {
  let transport: Transport
  let client: Client
  const warnings: string[] = []

  const open = () => {
    const config = new KubeConfig()
    config.loadFromString(readFileSync(kubeconfigPath, 'utf8'))
    return new Transport(config, { onWarning: warning => warnings.push(warning) })
  }
  const named = (name: string) => ({ namespace, name })
  const aMap = (name: string, data: Record<string, string> = {}) => ({ metadata: named(name), data })
  const create = (name: string, data: Record<string, string> = {}) =>
    client.create<Data>(CONFIG_MAP, aMap(name, data))

  beforeAll(async () => {
    transport = open()
    client = new Client(transport)
    await client.create(NAMESPACE, { metadata: { name: namespace } } as never)
    await client.create(CRD, probeDefinition as never)
    await until(async () => {
      const found = await client.listAll(PROBE, { namespace }).catch(() => undefined)
      return found !== undefined
    })
  })
  afterAll(async () => {
    await client?.delete(CRD, { name: `probes.${group}` })
    await client?.delete(NAMESPACE, { name: namespace })
    await transport?.close()
  })

  describe('a verb', () => {
    it('creates, reads, patches and deletes', async () => {
      const made = await create('plain', { a: '1' })
      expect((await client.get<Data>(CONFIG_MAP, named('plain'))).data).toEqual({ a: '1' })
      const patched = await client.mergePatch<Data>(CONFIG_MAP, {
        ...named('plain'),
        patch: { data: { a: null, b: '2' } },
      })
      expect(patched.data).toEqual({ b: '2' })
      const again = await client.jsonPatch<Data>(CONFIG_MAP, {
        ...named('plain'),
        patch: [{ op: 'add', path: '/data/c', value: '3' }],
      })
      expect(again.data).toEqual({ b: '2', c: '3' })
      expect(await client.delete(CONFIG_MAP, named('plain'), { uid: made.metadata.uid })).toBe(true)
      expect(await client.delete(CONFIG_MAP, named('plain'))).toBe(false)
      expect(await client.find(CONFIG_MAP, named('plain'))).toBeUndefined()
    })

    it('lists in pages, with selectors', async () => {
      for (const name of ['p1', 'p2', 'p3', 'p4', 'p5'])
        await client.create(CONFIG_MAP, {
          metadata: { ...named(name), labels: { page: 'yes' } },
        } as never)
      const sizes: number[] = []
      const of = { namespace, labelSelector: 'page=yes' }
      for await (const page of client.list(CONFIG_MAP, of, { pageSize: 2 })) sizes.push(page.items.length)
      expect(sizes).toEqual([2, 2, 1])
    })

    it('on another object of the same name is a conflict', async () => {
      await create('twin')
      const error = await failure(client.delete(CONFIG_MAP, named('twin'), { uid: 'another-uid' }))
      expect(error.isConflict).toBe(true)
      expect((await failure(create('twin'))).isAlreadyExists).toBe(true)
    })

    it('with an old resourceVersion is a conflict', async () => {
      const { metadata } = await create('stale')
      await client.mergePatch(CONFIG_MAP, { ...named('stale'), patch: { data: { x: '1' } } })
      const patch = { metadata: { resourceVersion: metadata.resourceVersion }, data: { x: '2' } }
      expect((await failure(client.mergePatch(CONFIG_MAP, { ...named('stale'), patch }))).isConflict).toBe(
        true,
      )
    })

    it('that breaks a rule names the field', async () => {
      const error = await failure(client.create(CONFIG_MAP, aMap('Not A Name')))
      expect(error).toMatchObject({ isInvalid: true, reason: 'Invalid' })
      expect(error.details.causes?.[0]?.field).toBe('metadata.name')
    })

    it('with an unknown field is warned of, or refused when strict', async () => {
      const odd = { ...aMap('odd'), typo: true } as never
      await client.create(CONFIG_MAP, odd, { dryRun: true })
      expect(warnings.join()).toContain('unknown field "typo"')
      const strict = new Client(transport, { fieldValidation: 'Strict' })
      expect((await failure(strict.create(CONFIG_MAP, odd, { dryRun: true }))).status).toBe(400)
      expect(await client.find(CONFIG_MAP, named('odd'))).toBeUndefined()
    })

    it('of strategic merge keeps the other containers', async () => {
      const container = (name: string) => ({ name, image: 'none' })
      const labels = { app: 'strategic' }
      await client.create(DEPLOYMENT, {
        metadata: named('strategic'),
        spec: {
          replicas: 0,
          selector: { matchLabels: labels },
          template: { metadata: { labels }, spec: { containers: [container('a'), container('b')] } },
        },
      } as never)
      const patched = await client.strategicPatch<
        KernelObject & { spec: { template: { spec: { containers: { image: string }[] } } } }
      >(DEPLOYMENT, {
        ...named('strategic'),
        patch: { spec: { template: { spec: { containers: [{ name: 'b', image: 'new' }] } } } },
      })
      expect(patched.spec.template.spec.containers.map(each => each.image).sort()).toEqual(['new', 'none'])
    })
  })

  describe('server-side apply', () => {
    it('by a second manager is a conflict that names the first, until it is forced', async () => {
      await client.apply(CONFIG_MAP, aMap('owned', { mine: 'one' }) as never, { fieldManager: 'first' })
      const second = aMap('owned', { mine: 'two' }) as never
      const error = await failure(client.apply(CONFIG_MAP, second, { fieldManager: 'second' }))
      expect(error.isConflict).toBe(true)
      expect(error.details.causes?.[0]).toMatchObject({ reason: 'FieldManagerConflict', field: '.data.mine' })
      expect(error.details.causes?.[0]?.message).toContain('first')
      const forced = await client.apply<Data>(CONFIG_MAP, second, { fieldManager: 'second', force: true })
      expect(forced.data).toEqual({ mine: 'two' })
    })

    it('that changes nothing leaves the version as it is', async () => {
      const apply = () =>
        client.apply<Data>(CONFIG_MAP, aMap('still', { a: '1' }) as never, { fieldManager: 'us' })
      const first = await apply()
      expect((await apply()).metadata.resourceVersion).toBe(first.metadata.resourceVersion)
    })

    it('as a dry run answers and stores nothing', async () => {
      const options = { fieldManager: 'us', dryRun: true }
      expect((await client.apply<Data>(CONFIG_MAP, aMap('dry') as never, options)).metadata.name).toBe('dry')
      expect(await client.find(CONFIG_MAP, named('dry'))).toBeUndefined()
    })

    it('that names the uid of a deleted object does not bring it back', async () => {
      const { metadata } = await create('gone')
      await client.delete(CONFIG_MAP, named('gone'))
      const object = { metadata: { ...named('gone'), uid: metadata.uid }, data: {} } as never
      const error = await failure(client.apply(CONFIG_MAP, object, { fieldManager: 'us', force: true }))
      expect(error.isConflict).toBe(true)
      expect(await client.find(CONFIG_MAP, named('gone'))).toBeUndefined()
    })
  })

  describe('status', () => {
    it('is written apart from the spec, whole by apply and in part by patch', async () => {
      await client.create(PROBE, { metadata: named('s'), spec: { a: 1 } } as never)
      const applied = await client.applyStatus<Data>(
        PROBE,
        { metadata: named('s'), spec: { a: 2 }, status: { one: 1, two: 2 } } as never,
        { fieldManager: 'us', force: true },
      )
      expect(applied).toMatchObject({
        spec: { a: 1 },
        status: { one: 1, two: 2 },
        metadata: { generation: 1 },
      })
      const less = await client.applyStatus<Data>(
        PROBE,
        { metadata: named('s'), status: { one: 1 } } as never,
        {
          fieldManager: 'us',
          force: true,
        },
      )
      expect(less.status).toEqual({ one: 1 })
      const patch = { spec: { a: 3 }, status: { three: 3 } }
      const patched = await client.mergePatch<Data>(
        PROBE,
        { ...named('s'), patch },
        { subresource: 'status' },
      )
      expect(patched).toMatchObject({ spec: { a: 1 }, status: { one: 1, three: 3 } })
    })

    it('of an object that is gone is not created', async () => {
      const object = { metadata: named('never'), status: { one: 1 } } as never
      const error = await failure(client.applyStatus(PROBE, object, { fieldManager: 'us', force: true }))
      expect(error.isNotFound).toBe(true)
    })
  })

  describe('a watch', () => {
    it('streams what stands there, a bookmark, what happens, and a bookmark before its end', async () => {
      await client.create(PROBE, { metadata: named('w1') } as never)
      const seen: string[] = []
      const options = { sendInitialEvents: true, timeoutSeconds: 6 }
      for await (const event of client.watch<Data>(PROBE, { namespace }, options)) {
        seen.push(
          endsInitialEvents(event) ? 'initial end' : `${event.type} ${event.object.metadata.name ?? ''}`,
        )
        if (endsInitialEvents(event)) await client.create(PROBE, { metadata: named('w2') } as never)
      }
      expect(seen.slice(0, seen.indexOf('initial end'))).toContain('ADDED w1')
      const after = seen.slice(seen.indexOf('initial end') + 1)
      expect(after[0]).toBe('ADDED w2')
      expect(new Set(after.slice(1))).toEqual(new Set(['BOOKMARK ']))
    })

    it('from a version gives exactly what came after it', async () => {
      const { metadata } = await create('resume', { n: '0' })
      for (const n of ['1', '2', '3'])
        await client.mergePatch(CONFIG_MAP, { ...named('resume'), patch: { data: { n } } })
      await client.delete(CONFIG_MAP, named('resume'))
      const seen: WatchEvent<Data>[] = []
      const of = { namespace, fieldSelector: 'metadata.name=resume' }
      const { resourceVersion } = metadata
      for await (const event of client.watch<Data>(CONFIG_MAP, of, { resourceVersion, timeoutSeconds: 10 })) {
        seen.push(event)
        if (event.type === 'DELETED') break
      }
      expect(seen.map(event => `${event.type} ${event.object.data?.['n']}`)).toEqual([
        'MODIFIED 1',
        'MODIFIED 2',
        'MODIFIED 3',
        'DELETED 3',
      ])
    })
  })

  describe('a reflector', () => {
    const mirror = (options: ReflectorOptions = {}) => {
      const source = { resource: CONFIG_MAP, namespace, transform: (object: Data) => object }
      return new Reflector<Data>(client, source, options)
    }

    it('follows over the end of its watches without reading all again', async () => {
      const counted = { lists: 0, restarts: [] as string[] }
      const recorder = {
        listed: () => void counted.lists++,
        restarted: (reason: string) => void counted.restarts.push(reason),
        received: () => undefined,
        holds: () => undefined,
      }
      const reflector = mirror({ recorderFor: () => recorder, watchSeconds: 1 })
      reflector.start()
      await reflector.synced()
      for (let n = 0; n < 4; n++) {
        await create(`followed-${n}`)
        await sleep(700)
      }
      await until(() => reflector.get(named('followed-3')) !== undefined)
      const real = await client.listAll<Data>(CONFIG_MAP, { namespace })
      expect(
        reflector
          .list()
          .map(each => each.metadata.uid)
          .sort(),
      ).toEqual(real.map(each => each.metadata.uid).sort())
      expect(counted).toEqual({ lists: 1, restarts: [] })
      await reflector.stop()
    })

    it('tells when it has seen our own write', async () => {
      const reflector = mirror()
      reflector.start()
      await reflector.synced()
      const freshness = new Freshness()
      for (let n = 0; n < 20; n++) {
        const written = await client.apply<Data>(CONFIG_MAP, aMap('own', { n: String(n) }) as never, {
          fieldManager: 'us',
        })
        freshness.recordWrite('k', reflector, written)
        await until(() => !freshness.isBehind('k'))
        expect(reflector.get(named('own'))?.data).toEqual({ n: String(n) })
      }
      await reflector.stop()
    })

    it('tells another uid under one name as deleted and added', async () => {
      const reflector = mirror()
      reflector.start()
      await create('reborn')
      await reflector.synced()
      await until(() => reflector.get(named('reborn')) !== undefined)
      const told: string[] = []
      reflector.subscribe(({ type, object, isInitial }) => {
        if (object.metadata.name === 'reborn' && !isInitial) told.push(type)
      })
      await client.delete(CONFIG_MAP, named('reborn'))
      const again = await create('reborn')
      await until(() => reflector.get(named('reborn'))?.metadata.uid === again.metadata.uid)
      expect(told).toEqual(['deleted', 'added'])
      await reflector.stop()
    })
  })

  it('two electors hand the Lease over, the later with the higher epoch', async () => {
    const second = open()
    const settings = { namespace, name: 'leader', leaseMs: 4000, renewDeadlineMs: 3000, retryMs: 200 }
    const one = await new Elector(client, { ...settings, identity: 'one' }).acquire()
    const waiting = new Elector(new Client(second), { ...settings, identity: 'two' }).acquire()
    await sleep(1000)
    expect(one.mutationsAllowed()).toBe(true)
    await one.release()
    const startedAt = performance.now()
    const two = await waiting
    expect(performance.now() - startedAt).toBeLessThan(3000)
    expect(two.epoch).toBe(one.epoch + 1)
    const held = await client.get<Lease>(LEASE, named('leader'))
    expect(held.spec).toMatchObject({ holderIdentity: 'two', leaseTransitions: 1, leaseDurationSeconds: 4 })
    await two.release()
    expect((await client.get<Lease>(LEASE, named('leader'))).spec?.holderIdentity ?? '').toBe('')
    await second.close()
  })

  it('a leader that is cut off closes its fence before the other one may lead', async () => {
    const cut = open()
    const settings = { namespace, name: 'cut-off', leaseMs: 4000, renewDeadlineMs: 2000, retryMs: 200 }
    const one = await new Elector(new Client(cut), { ...settings, identity: 'one' }).acquire()
    await cut.close()
    const waiting = new Elector(client, { ...settings, identity: 'two' }).acquire()
    const takenAt = waiting.then(() => performance.now())
    await new Promise(resolve => one.signal.addEventListener('abort', resolve))
    const closedAt = performance.now()
    expect((await takenAt) - closedAt).toBeGreaterThan(1000)
    await (await waiting).release()
  })

  it('events are accepted, and seen by kubectl as a series', async () => {
    const made = await create('storied')
    const recorder = new EventRecorder(client, {
      controller: 'switchyard.dev/kernel-test',
      instance: 'pod-1',
    })
    const regarding = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      namespace,
      name: 'storied',
      uid: made.metadata.uid,
    }
    const note = {
      regarding,
      type: 'Warning',
      reason: 'Blocked',
      action: 'Download',
      note: 'ä'.repeat(900),
    } as const
    recorder.write(note)
    recorder.write(note)
    recorder.write(note)
    await recorder.close()
    type Seen = KernelObject & { series?: { count: number }; note: string; reason: string }
    const seen = await client.listAll<Seen>(EVENT, { namespace, fieldSelector: 'reason=Blocked' })
    expect(seen.map(event => event.series?.count)).toEqual([3])
    expect(Buffer.byteLength(seen[0]?.note ?? '')).toBeLessThanOrEqual(1024)
    const core = await client.listAll(CORE_EVENT, {
      namespace,
      fieldSelector: `involvedObject.uid=${made.metadata.uid}`,
    })
    expect(core).toHaveLength(1)
  })
})
