// The Store part on a real API server: each numbered MUST of the port.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Transient } from '../../../src/domain/failure.ts'
import { clusterOrSkip } from '../../cluster/access.ts'
import { ensureCrds, modelOf, openWorld, seen, type World } from './work-cluster.ts'

const { cluster, reason, kubeconfigPath = '' } = clusterOrSkip()
const namespace = `store-${Date.now().toString(36)}`
const kubectl = (args: readonly string[], input?: object) =>
  cluster().kubectl(['-n', namespace, ...args], input ? { input: JSON.stringify(input) } : {})
const aModel = (name: string) => ({
  apiVersion: 'switchyard.dev/v1alpha1',
  kind: 'Model',
  metadata: { name },
  spec: { source: { huggingFace: { repo: 'org/name' } } },
})

describe.skipIf(reason !== undefined)('the objects of a real cluster', () => {
  let world: World
  let removeCrds = async () => {}

  const fresh = async (name: string) => {
    await kubectl(['create', '-f', '-'], aModel(name))
    return modelOf(world, namespace, name)
  }
  const current = (name: string) =>
    seen(`the newest ${name}`, () =>
      world.store.isBehind(`Model/${namespace}/${name}`)
        ? undefined
        : world.store.getModel({ namespace, name }),
    )

  beforeAll(async () => {
    removeCrds = await ensureCrds(cluster())
    await cluster().kubectl(['create', 'namespace', namespace])
    world = await openWorld(kubeconfigPath, namespace)
  })
  afterAll(async () => {
    await world?.close()
    await cluster().kubectl(['delete', 'namespace', namespace, '--wait=true', '--timeout=60s'])
    await removeCrds()
  })

  it('1.1 a Model is parsed with its defaults and the manager that wrote its spec', async () => {
    const model = await fresh('parsed')
    expect(model).toMatchObject({
      kind: 'Model',
      spec: { deletionPolicy: 'Delete', paused: false },
      status: {},
    })
    expect(model.metadata.specManager).toBe('kubectl-create')
    expect(model.invalid).toBeUndefined()
    expect(world.store.getModel({ namespace, name: 'nobody' })).toBeUndefined()
  })

  it('1.2 objects come in order of creation, then name', async () => {
    await fresh('z-first')
    await fresh('a-second')
    const list = world.store.listModels(namespace)
    const sorted = [...list].sort(
      (a, b) =>
        a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp) ||
        a.metadata.name.localeCompare(b.metadata.name),
    )
    expect(list.map(one => one.metadata.name)).toEqual(sorted.map(one => one.metadata.name))
  })

  it('1.3 the whole status is replaced: what is left out is gone', async () => {
    const model = await fresh('status')
    await world.store.writeModelStatus(model, { phase: 'Resolving', inUseBy: ['one'] })
    const first = await current('status')
    expect(first.status).toEqual({ phase: 'Resolving', inUseBy: ['one'] })
    await world.store.writeModelStatus(first, { phase: 'Ready' })
    expect((await current('status')).status).toEqual({ phase: 'Ready' })
  })

  it('1.3 a stale view is refused as Transient and changes nothing', async () => {
    const model = await fresh('stale')
    await world.store.writeModelStatus(model, { phase: 'Resolving' })
    await expect(world.store.writeModelStatus(model, { phase: 'Ready' })).rejects.toBeInstanceOf(Transient)
    expect((await current('stale')).status.phase).toBe('Resolving')
  })

  it('1.4 the finalizer is added and removed, others stay, again is no write, gone is no error', async () => {
    const model = await fresh('held')
    await kubectl([
      'patch',
      'model',
      'held',
      '--type=merge',
      '-p',
      '{"metadata":{"finalizers":["example.com/other"]}}',
    ])
    await expect(
      world.store.setFinalizer({ ...model, metadata: { ...model.metadata, resourceVersion: '1' } }, true),
    ).rejects.toBeInstanceOf(Transient)
    const other = await seen('the other finalizer', () => {
      const now = world.store.getModel({ namespace, name: 'held' })
      return now?.metadata.finalizers.length === 1 ? now : undefined
    })
    await world.store.setFinalizer(other, true)
    const both = await current('held')
    expect(both.metadata.finalizers).toEqual(['example.com/other', 'switchyard.dev/cleanup'])
    await world.store.setFinalizer(both, true)
    await world.store.setFinalizer(both, false)
    expect((await current('held')).metadata.finalizers).toEqual(['example.com/other'])
    await kubectl(['patch', 'model', 'held', '--type=merge', '-p', '{"metadata":{"finalizers":null}}'])
    await kubectl(['delete', 'model', 'held'])
    await world.store.setFinalizer(both, false)
  })

  it('1.5 an object that is added, changed and gone wakes its key after the cache shows it', async () => {
    const key = `Model/${namespace}/woken`
    const wakes = () => world.wakes.filter(woken => woken === key).length
    await fresh('woken')
    expect(wakes()).toBeGreaterThan(0)
    const before = wakes()
    await kubectl(['annotate', 'model', 'woken', 'switchyard.dev/retry-requested-at=now'])
    await seen('a wake', () => wakes() > before)
    expect(world.store.getModel({ namespace, name: 'woken' })?.metadata.annotations).toMatchObject({
      'switchyard.dev/retry-requested-at': 'now',
    })
    const then = wakes()
    await kubectl(['delete', 'model', 'woken'])
    await seen('a wake', () => wakes() > then && !world.store.getModel({ namespace, name: 'woken' }))
  })

  it('1.6 a write of ours makes the key behind until the cache shows it', async () => {
    const model = await fresh('behind')
    const written = world.store.writeModelStatus(model, { phase: 'Ready' })
    await written
    const now = await current('behind')
    expect(now.status.phase).toBe('Ready')
    expect(world.store.isBehind(`Model/${namespace}/behind`)).toBe(false)
  })

  it('1.7 a namespace that stays is not terminating', () => {
    expect(world.store.isTerminating(namespace)).toBe(false)
  })
})
