// The Work part on a real cluster: each numbered MUST of the port, and each way in which a pod does not start or ends.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { WorkOrder, WorkView } from '../../../src/domain/platform.ts'
import { clusterOrSkip } from '../../cluster/access.ts'
import { ensureCrds, importWorkerImage, modelOf, openWorld, seen, type World } from './work-cluster.ts'
import { aVolume } from './work-orders.ts'

const { cluster, reason, kubeconfigPath = '' } = clusterOrSkip()
const namespace = `work-${Date.now().toString(36)}`
const kubectl = (args: readonly string[], input?: object) =>
  cluster().kubectl(['-n', namespace, ...args], input ? { input: JSON.stringify(input) } : {})
const create = (object: object) => kubectl(['create', '-f', '-'], object)

const aModel = (name: string) => ({
  apiVersion: 'switchyard.dev/v1alpha1',
  kind: 'Model',
  metadata: { name },
  spec: { source: { huggingFace: { repo: 'org/name' } } },
})
const aClaim = (name: string) => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '10Mi' } } },
})

describe.skipIf(reason !== undefined)('works on a real cluster', () => {
  let world: World
  let removeCrds = async () => {}
  let owner: WorkOrder['owner']
  let count = 0

  const order = (behaviour: string, more: Partial<WorkOrder> = {}): WorkOrder => {
    const id = more.id ?? `${behaviour}-${count++}`
    const source = { huggingFace: { repo: `test/${behaviour}`, revision: 'main' } }
    const task = { owner: owner.uid, source, sourceHash: 'h', revision: 'r', listDigest: 'd' }
    const layout = { root: '/models', kind: 'HubCache', path: '/models/hub' } as const
    const identity = { id, owner, command: 'download', subject: id, attempt: 1 } as const
    return { ...identity, task: { command: 'download', ...task, layout }, ...more }
  }
  const view = (id: string, of = world) => of.work.list(owner).find(work => work.id === id)
  const until = (id: string, is: (work: WorkView) => boolean) =>
    seen(`work ${id}`, () => {
      const work = view(id)
      return work && is(work) ? work : undefined
    })
  const hasEnded = (work: WorkView) => work.phase === 'Succeeded' || work.phase === 'Failed'
  const on = (claim: string, access = {}) => ({ ...aVolume({ subPath: '', ...access }), claim, subPath: '' })

  beforeAll(async () => {
    await importWorkerImage(cluster())
    removeCrds = await ensureCrds(cluster())
    await cluster().kubectl(['create', 'namespace', namespace])
    await cluster().kubectl([
      'label',
      'namespace',
      namespace,
      'pod-security.kubernetes.io/enforce=restricted',
    ])
    await create(aModel('llama'))
    world = await openWorld(kubeconfigPath, namespace)
    const { metadata } = await modelOf(world, namespace, 'llama')
    owner = { namespace, name: 'llama', uid: metadata.uid }
  })

  afterAll(async () => {
    await world?.close()
    await cluster().kubectl(['delete', 'namespace', namespace, '--wait=true', '--timeout=60s'])
    await removeCrds()
  })

  it('2.1 2.6 a work runs: its progress comes through the log and its result through the termination message', async () => {
    const one = order('works')
    await world.work.start(one)
    const running = await until(one.id, work => work.phase === 'Running' && work.progress !== undefined)
    expect(running.progress).toMatchObject({ phase: 'Downloading', bytesTotal: 40 })
    expect(running.progressAt).toMatch(/^20/)
    const ended = await until(one.id, hasEnded)
    expect(ended).toMatchObject({ phase: 'Succeeded', command: 'download', subject: one.subject, owner })
    expect(ended.result?.copy).toMatchObject({ receipt: 'r1', path: '65532' })
    expect(ended.endedAt).toMatch(/^20/)
    expect(world.wakes).toContain(`Model/${namespace}/llama`)
  })

  it('2.2 only works that have not ended are running', async () => {
    const one = order('endless')
    await world.work.start(one)
    await until(one.id, work => work.phase === 'Running')
    expect(world.work.running(namespace).map(work => work.id)).toEqual([one.id])
    await world.work.cancel(one.id, namespace)
    await seen('nothing running', () => world.work.running(namespace).length === 0)
  })

  it('2.3 the same id again starts nothing, on this controller and on the next', async () => {
    const one = order('works')
    await world.work.start(one)
    await world.work.start(one)
    const next = await openWorld(kubeconfigPath, namespace)
    await next.work.start(one)
    await seen('the next controller sees it', () => view(one.id, next))
    await next.close()
    expect(world.work.list(owner).filter(work => work.id === one.id)).toHaveLength(1)
    const ended = await until(one.id, hasEnded)
    expect(ended.phase).toBe('Succeeded')
  })

  it('2.4 cancel ends the process, the work is seen until it is gone, and is forgotten then', async () => {
    const one = order('endless')
    await world.work.start(one)
    await until(one.id, work => work.phase === 'Running')
    await world.work.cancel(one.id, namespace)
    expect(view(one.id)?.phase).toBe('Running')
    await world.work.cancel(one.id, namespace)
    await seen('forgotten', () => view(one.id) === undefined)
    await seen('no pod left', () =>
      world.caches.workerPods.list(namespace).every(pod => pod.status?.phase !== 'Running'),
    )
    await world.work.cancel(one.id, namespace)
  })

  it('2.5 an ended work is forgotten at once, and again', async () => {
    const one = order('works')
    await world.work.start(one)
    await until(one.id, hasEnded)
    await world.work.forget(one.id, namespace)
    expect(view(one.id)).toBeUndefined()
    await world.work.forget(one.id, namespace)
    await seen(
      'Job gone',
      () => !JSON.stringify(world.caches.jobs.list(namespace)).includes(`\\"${one.id}\\"`),
    )
    await world.work.forget(one.id, namespace)
  })

  it('a worker that found a reason Failed with it, one that ended without a word Failed without', async () => {
    const [fails, silent] = [order('fails'), order('silent')]
    for (const each of [fails, silent]) await world.work.start(each)
    expect((await until(fails.id, hasEnded)).result?.failure).toMatchObject({
      reason: 'NotFound',
      retry: 'Never',
    })
    const ended = await until(silent.id, hasEnded)
    expect(ended).not.toHaveProperty('result')
    expect(ended.notStarted).toMatchObject({ reason: 'Interrupted' })
    expect(ended.notStarted?.message).toContain('exit code 1')
  })

  it('a worker that needs more memory than its limit Failed, and says that it was that', async () => {
    const resources = { limits: { memory: '128Mi' } }
    const other = await openWorld(kubeconfigPath, namespace, { overlay: { resources } })
    const one = order('eats')
    await other.work.start(one)
    const ended = await until(one.id, hasEnded)
    expect(ended).not.toHaveProperty('result')
    expect(ended.notStarted?.message).toMatch(/^OOMKilled: .*137/)
    await other.close()
  })

  it('writes to the claim as the engine does, and what it wrote is on the volume', async () => {
    await create(aClaim('models'))
    const one = order('writes', {
      volume: on('models', { runAsUser: 1234, runAsGroup: 1234, fsGroup: 2345 }),
    })
    await world.work.start(one)
    expect((await until(one.id, hasEnded)).phase).toBe('Succeeded')
    const folder = await cluster().volumePath(namespace, 'models')
    expect(readFileSync(join(folder, 'from-worker'), 'utf8')).toBe('1234:1234')
  })

  it('an image that is not there: Starting, with the words of the kubelet', async () => {
    const other = await openWorld(kubeconfigPath, namespace, { image: 'localhost/not-there:1' })
    const one = order('works')
    await other.work.start(one)
    const stuck = await until(one.id, work => work.notStarted !== undefined)
    expect(stuck).toMatchObject({ phase: 'Starting', notStarted: { reason: 'PodNotStarted' } })
    expect(stuck.notStarted?.message).toMatch(/^ErrImageNeverPull: .*localhost\/not-there:1/)
    await other.work.cancel(one.id, namespace)
    await other.close()
  })

  it('a claim that is not there: Starting, ClaimNotFound, and it runs once the claim is made', async () => {
    const one = order('works', { volume: on('later') })
    await world.work.start(one)
    const stuck = await until(one.id, work => work.notStarted !== undefined)
    expect(stuck).toMatchObject({ phase: 'Starting', notStarted: { reason: 'ClaimNotFound' } })
    expect(stuck.notStarted?.message).toContain('persistentvolumeclaim "later" not found')
    await create(aClaim('later'))
    expect((await until(one.id, hasEnded)).phase).toBe('Succeeded')
  })

  it('a node that nobody has: Starting, unschedulable, with the words of the scheduler', async () => {
    const one = order('works', { volume: on('models', { nodeSelector: { nobody: 'has-it' } }) })
    await world.work.start(one)
    const stuck = await until(one.id, work => work.notStarted !== undefined)
    expect(stuck.notStarted?.message).toMatch(/^Unschedulable: /)
    await world.work.cancel(one.id, namespace)
  })

  it('a user that the namespace forbids: the refusal is read from the events of the Job', async () => {
    const one = order('works', { volume: on('models', { runAsUser: 0, runAsRoot: true }) })
    await world.work.start(one)
    const stuck = await until(one.id, work => work.notStarted !== undefined)
    expect(stuck.notStarted?.message).toMatch(/^FailedCreate: .*violates PodSecurity/)
    await world.work.cancel(one.id, namespace)
  })

  it('a ConfigMap that cannot be mounted: the reason is read from the events of the pod', async () => {
    const caConfigMap = { name: 'no-such-ca', key: 'ca.crt' }
    const other = await openWorld(kubeconfigPath, namespace, { caConfigMap })
    const one = order('works')
    await other.work.start(one)
    const stuck = await until(one.id, work => work.notStarted !== undefined)
    expect(stuck.notStarted?.message).toMatch(/^FailedMount: .*no-such-ca/)
    await other.work.cancel(one.id, namespace)
    await other.close()
  })

  it('a quota on Jobs refuses the start: Waiting, with the quota’s own words', async () => {
    const hard = { 'count/jobs.batch': '0' }
    await create({ apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'none' }, spec: { hard } })
    await kubectl(['wait', '--for=jsonpath={.status.hard}', 'resourcequota/none', '--timeout=20s'])
    await sleep(500)
    const one = order('works')
    const refused = await world.work.start(one).catch((error: Error) => error)
    await kubectl(['delete', 'resourcequota', 'none'])
    expect(refused).toMatchObject({ name: 'Waiting', reason: 'PodNotStarted' })
    expect(String(refused)).toContain('exceeded quota')
  })

  it('a spec that the server does not take is Rejected', async () => {
    const other = await openWorld(kubeconfigPath, namespace, { overlay: { labels: { 'not a label!': 'x' } } })
    await expect(other.work.start(order('works'))).rejects.toMatchObject({
      name: 'Rejected',
      reason: 'InvalidSpec',
    })
    await other.close()
  })

  it('a missing token Secret does not hinder the start', async () => {
    const one = order('works', { tokenSecret: { name: 'not-there', key: 'token' } })
    await world.work.start(one)
    expect((await until(one.id, hasEnded)).phase).toBe('Succeeded')
  })

  it('a Model that is deleted takes its Jobs with it', async () => {
    await create(aModel('short'))
    const { metadata } = await modelOf(world, namespace, 'short')
    const one = order('endless', { owner: { namespace, name: 'short', uid: metadata.uid } })
    await world.work.start(one)
    const its = () => world.work.list({ uid: metadata.uid })
    await seen('running', () => its()[0]?.phase === 'Running')
    await kubectl(['delete', 'model', 'short'])
    await seen('gone', () => its().length === 0)
  })

  it('in a namespace that is being deleted a start is Waiting, and the store says so', async () => {
    const other = `${namespace}-gone`
    await cluster().kubectl(['create', 'namespace', other])
    const there = await openWorld(kubeconfigPath, other)
    await cluster().kubectl(['-n', other, 'create', '-f', '-'], {
      input: JSON.stringify({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'stays', finalizers: ['example.com/stay'] },
      }),
    })
    await cluster().kubectl(['delete', 'namespace', other, '--wait=false'])
    await seen('terminating', () => there.store.isTerminating(other))
    const one = order('works', { owner: { ...owner, namespace: other } })
    await expect(there.work.start(one)).rejects.toMatchObject({ name: 'Waiting' })
    await there.close()
    await cluster().kubectl([
      '-n',
      other,
      'patch',
      'configmap',
      'stays',
      '--type=json',
      '-p',
      '[{"op":"remove","path":"/metadata/finalizers"}]',
    ])
  })
})
