// v0.1.0 and now side by side: each takes over from the other in the middle of a download and of a switch, forwards and back again.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client } from '../../src/platform/kubernetes/kernel/client.ts'
import type { Lease } from '../../src/platform/kubernetes/kernel/lease-record.ts'
import {
  type KernelObject,
  LEASE,
  MODEL,
  NAMESPACE,
  RUNTIME,
} from '../../src/platform/kubernetes/kernel/resources.ts'
import type { Transport } from '../../src/platform/kubernetes/kernel/transport.ts'
import { clusterOrSkip } from '../cluster/access.ts'
import { openTransport } from '../platform/kubernetes/kernel/fault-scene.ts'
import { ensureCrds } from '../platform/kubernetes/work-cluster.ts'
import { filesOfFolder, type Hub, startHub } from '../stand-ins/hub.ts'
import { writeTinyModel } from '../stand-ins/tiny-model.ts'
import { claim, configMap, deployment, hubModel, namespaceOf, runtime, service } from './engines.ts'
import { buildFormer, type Former, whyNoFormer } from './former-version.ts'
import { type HostOperator, startHostOperator } from './host-operator.ts'
import { vllm } from './scene.ts'
import { isReady, kubectlOf, type Seen, until } from './town.ts'

const version = 'v0.1.0'
const { cluster, reason: noCluster, images, kubeconfigPath = '' } = clusterOrSkip('switchyard', 'engine')
const reason = noCluster ?? (await whyNoFormer(version))
if (reason && !noCluster) console.warn(`skipped: ${reason}`)
const namespace = `upgrade-${Date.now().toString(36)}`
const megabytes = 6_000_000
/** so that a download lasts long enough for a change of leader in its middle */
const slow = { kind: 'slow', bytesPerSecond: 400_000 } as const

describe.skipIf(reason !== undefined)(`${version} and now`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-upgrade-'))
  const running = new Map<string, HostOperator>()
  let removeCrds = async () => {}
  let transport: Transport
  let client: Client
  let hub: Hub
  let former: Former

  /** Returns when its caches are warm, so that it can follow at once. */
  const start = async (name: 'former' | 'now'): Promise<void> => {
    const base = { namespace, name, hubUrl: hub.url, kubeconfig: readFileSync(kubeconfigPath, 'utf8') }
    const of =
      name === 'former'
        ? { workerImage: former.image, program: former.program }
        : { workerImage: images?.switchyard ?? '' }
    const operator = startHostOperator({ ...base, ...of })
    running.set(name, operator)
    const log = async () => ({ status: { log: operator.log() } })
    await until(log, ({ status }) => status.log.includes('caches are warm'), 60)
  }

  /** In order, as a rolling update ends a pod; the other one leads when this returns. */
  const handOver = async (from: 'former' | 'now', to: 'former' | 'now'): Promise<void> => {
    const lease = () => client.find<Lease>(LEASE, { namespace, name: 'switchyard' })
    const holder = async () => ({ status: { holder: (await lease())?.spec?.holderIdentity ?? '' } })
    expect((await holder()).status.holder).toMatch(new RegExp(`^${from}_`))
    await running.get(from)?.stop()
    running.delete(from)
    await until(holder, ({ status }) => status.holder.startsWith(`${to}_`), 60)
  }

  const seenRuntime = () => client.get(RUNTIME, { namespace, name: 'gpu-a' }) as Promise<Seen>
  const seenModel = (name: string) => client.get(MODEL, { namespace, name }) as Promise<Seen>
  const wish = (model: string) =>
    kubectlOf(cluster()).patch(namespace, 'runtime/gpu-a', { spec: { activeModel: model } })
  const serves = (model: string) => (seen: Seen) =>
    isReady(seen) && seen.status.active?.model === model && !seen.status.switch
  const switchesTo = (model: string) => (seen: Seen) => seen.status.switch?.to?.model === model

  beforeAll(async () => {
    removeCrds = await ensureCrds(cluster())
    transport = openTransport(readFileSync(kubeconfigPath, 'utf8'))
    client = new Client(transport)
    former = await buildFormer(version, folder)
    await cluster().importImage(former.archive)
    const models = ['alpha', 'beta'].map(name =>
      writeTinyModel(join(folder, name), { name, forms: ['huggingFace'], padBytes: megabytes }),
    )
    const repos = models.map(({ name, folder: from }) => ({ id: `tiny/${name}`, files: filesOfFolder(from) }))
    hub = await startHub({ host: cluster().bridgeAddress, repos })
    hub.setFault('*', slow)
    await kubectlOf(cluster()).apply([namespaceOf(namespace)])
  })

  afterAll(async () => {
    for (const operator of running.values()) await operator.stop()
    for (const kind of [MODEL, RUNTIME])
      for (const { metadata } of await client.listAll<KernelObject>(kind, { namespace }))
        await client.mergePatch(kind, { ...metadata, patch: { metadata: { finalizers: null } } })
    await client.delete(NAMESPACE, { name: namespace })
    await hub?.close()
    await removeCrds()
    await transport?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it('now goes on with a download that the former version began', async () => {
    const kubernetes = { deploymentName: 'vllm', configMap: { name: 'vllm-engine' }, serviceName: 'vllm' }
    const spec = { engine: 'VLLM', activeModel: 'alpha', kubernetes, proof: { intervalSeconds: 5 } }
    await start('former')
    await kubectlOf(cluster()).apply([
      claim(namespace, 'models'),
      configMap(namespace, 'vllm-engine'),
      service(namespace, 'vllm', 8000),
      deployment(vllm(namespace, images?.engine ?? '', { configMap: 'vllm-engine' })),
      runtime(namespace, 'gpu-a', spec),
      ...['alpha', 'beta'].map(name => hubModel(namespace, name, { runtimes: [{ name: 'gpu-a' }] })),
    ])
    await start('now')
    await until(
      () => seenModel('alpha'),
      seen => seen.status?.progress?.bytesDone > 0,
    )
    await handOver('former', 'now')
    expect((await seenModel('alpha')).status.phase).toBe('Downloading')
    await until(seenRuntime, serves('alpha'), 120)
    await until(() => seenModel('beta'), isReady, 120)
  })

  it('the former version ends a switch that now began: a way back from the update', async () => {
    await start('former')
    await wish('beta')
    await until(seenRuntime, switchesTo('beta'))
    await handOver('now', 'former')
    await until(seenRuntime, serves('beta'), 120)
  })

  it('now ends a switch that the former version began', async () => {
    await start('now')
    await wish('alpha')
    await until(seenRuntime, switchesTo('alpha'))
    await handOver('former', 'now')
    await until(seenRuntime, serves('alpha'), 120)
  })

  it('every operation stands in the history once, and no work was done twice', async () => {
    const operations = (seen: Seen) =>
      seen.status.operations.map(({ type, phase, to }: Seen) => [type, phase, ...(to ? [to] : [])].join(' '))
    expect(operations(await seenRuntime())).toEqual([
      'Activate Succeeded alpha',
      'Activate Succeeded beta',
      'Activate Succeeded alpha',
    ])
    for (const name of ['alpha', 'beta'])
      expect(operations(await seenModel(name))).toEqual(['Install Succeeded'])
    const jobs = cluster()
      .auditEvents()
      .filter(({ verb, objectRef }) => verb === 'create' && objectRef?.resource === 'jobs')
      .filter(({ objectRef, responseStatus }) => {
        return objectRef?.namespace === namespace && responseStatus?.code === 201
      })
      .map(({ objectRef }) => objectRef?.name)
    expect(jobs).toHaveLength(4)
    expect(new Set(jobs).size).toBe(4)
    const pieces = hub.requests
      .filter(({ origin, method }) => origin === 'cdn' && method === 'GET')
      .map(({ path, range }) => `${path.split('?')[0]} ${range}`)
    expect(new Set(pieces).size).toBe(pieces.length)
  })
})
