// The Work part on a real cluster: the contract, and what only Jobs and pods have: each way in which one does not start or ends.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { WorkOrder, WorkView } from '../../../src/domain/platform.ts'
import { toJobName } from '../../../src/platform/kubernetes/work-identity.ts'
import { clusterOrSkip } from '../../cluster/access.ts'
import { hasEnded, workContract } from '../../contracts/work-contract.ts'
import {
  aClaim,
  ensureCrds,
  importWorkerImage,
  modelOf,
  openTerminating,
  openWorld,
  pass,
  seen,
  type World,
} from './work-cluster.ts'
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

describe.skipIf(reason !== undefined)('works on a real cluster', () => {
  let world: World
  let removeCrds = async () => {}
  let going: Awaited<ReturnType<typeof openTerminating>>
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
  const view = (id: string) => world.work.list(owner).find(work => work.id === id)
  const until = (id: string, is: (work: WorkView) => boolean) =>
    seen(`work ${id}`, () => {
      const work = view(id)
      return work && is(work) ? work : undefined
    })
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
    going = await openTerminating(world.client, `${namespace}-gone`)
  })

  afterAll(async () => {
    await going?.end()
    await world?.close()
    await cluster().kubectl(['delete', 'namespace', namespace, '--wait=true', '--timeout=60s'])
    await removeCrds()
  })

  workContract(() => ({
    ...world,
    namespace,
    pass,
    owner,
    order,
    isAlive: id =>
      world.caches.workerPods
        .list(namespace)
        .some(
          ({ metadata, status }) =>
            metadata.name.startsWith(`${toJobName(id)}-`) && status?.phase === 'Running',
        ),
    next: () => openWorld(kubeconfigPath, namespace),
    hindered: async () => ({
      order: order('works', { volume: on('later') }),
      heal: () => create(aClaim('later')),
    }),
    terminating: async () => going.namespace,
  }))

  it('a worker that ended without a word Failed without a result, and is forgotten at once', async () => {
    const one = order('silent')
    await world.work.start(one)
    const ended = await until(one.id, hasEnded)
    expect(ended).toMatchObject({ phase: 'Failed', notStarted: { reason: 'Interrupted' } })
    expect(ended).not.toHaveProperty('result')
    expect(ended.notStarted?.message).toContain('exit code 1')
    await world.work.forget(one.id, namespace)
    expect(view(one.id)).toBeUndefined()
    await seen('Job gone', () => !world.caches.jobs.get({ namespace, name: toJobName(one.id) }))
    await world.work.forget(one.id, namespace)
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
})
