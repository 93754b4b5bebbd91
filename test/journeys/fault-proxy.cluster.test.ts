// The whole operator behind a bad connection to the real API server: a Model to Ready and a switch end as on a good one.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Client } from '../../src/platform/kubernetes/kernel/client.ts'
import {
  type KernelObject,
  MODEL,
  NAMESPACE,
  RUNTIME,
} from '../../src/platform/kubernetes/kernel/resources.ts'
import type { Transport } from '../../src/platform/kubernetes/kernel/transport.ts'
import { clusterOrSkip } from '../cluster/access.ts'
import { randomFaults } from '../cluster/fault-proxy/random-faults.ts'
import { startFaultProxy } from '../cluster/fault-proxy.ts'
import { openTransport } from '../platform/kubernetes/kernel/fault-scene.ts'
import { ensureCrds } from '../platform/kubernetes/work-cluster.ts'
import { filesOfFolder, type Hub, startHub } from '../stand-ins/hub.ts'
import { writeTinyModel } from '../stand-ins/tiny-model.ts'
import { claim, configMap, deployment, hubModel, namespaceOf, runtime, service } from './engines.ts'
import { startHostOperator } from './host-operator.ts'
import { vllm } from './scene.ts'
import { isReady, kubectlOf, type Seen, until } from './town.ts'

const { cluster, reason, images, kubeconfigPath = '' } = clusterOrSkip('switchyard', 'engine')
const fromEnvironment = process.env['SWITCHYARD_SEED']
const seeds = fromEnvironment === undefined ? [11, 12] : [Number(fromEnvironment)]
/** of all requests */
const share = 0.3
const stamp = Date.now().toString(36)

describe.skipIf(reason !== undefined)('the whole operator on a real API server', () => {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-faults-'))
  let hub: Hub
  let removeCrds = async () => {}
  const lives = new Map<number, ReturnType<typeof live>>()
  let transport: Transport
  let client: Client

  const objectsOf = (namespace: string) => {
    const kubernetes = { deploymentName: 'vllm', configMap: { name: 'vllm-engine' }, serviceName: 'vllm' }
    const spec = { engine: 'VLLM', activeModel: 'alpha', kubernetes, proof: { intervalSeconds: 5 } }
    const runtimes = [{ name: 'gpu-a' }]
    return [
      claim(namespace, 'models'),
      configMap(namespace, 'vllm-engine'),
      service(namespace, 'vllm', 8000),
      deployment(vllm(namespace, images?.engine ?? '', { configMap: 'vllm-engine' })),
      runtime(namespace, 'gpu-a', spec),
      hubModel(namespace, 'alpha', { runtimes }),
      hubModel(namespace, 'beta', { runtimes }),
    ]
  }

  const serves = (model: string) => (seen: Seen) =>
    isReady(seen) && seen.status.active?.model === model && !seen.status.switch

  /** From nothing to alpha, then to beta. Seed 0 is a good connection. */
  const live = async (seed: number) => {
    const namespace = `weather-${stamp}-${seed}`
    const { apply, patch } = kubectlOf(cluster())
    await apply([namespaceOf(namespace)])
    const proxy = await startFaultProxy(readFileSync(kubeconfigPath, 'utf8'))
    if (seed > 0) proxy.inject(randomFaults(seed, share))
    const { kubeconfig } = proxy
    const workerImage = images?.switchyard ?? ''
    const operator = startHostOperator({ namespace, kubeconfig, workerImage, hubUrl: hub.url })
    const end = async () => {
      await operator.stop()
      await proxy.close()
      await letGo(namespace)
    }
    try {
      await apply(objectsOf(namespace))
      const look = () => client.get(RUNTIME, { namespace, name: 'gpu-a' })
      await until(look, serves('alpha'), 150)
      await patch(namespace, 'runtime/gpu-a', { spec: { activeModel: 'beta' } })
      await until(look, serves('beta'), 150)
    } catch (error) {
      console.log(`seed ${seed}\n${operator.log()}`)
      throw error
    }
    proxy.lift()
    return { namespace, proxy, operator, end }
  }

  /** Nobody is left who would take the finalizers away. */
  const letGo = async (namespace: string): Promise<void> => {
    for (const kind of [MODEL, RUNTIME])
      for (const { metadata } of await client.listAll<KernelObject>(kind, { namespace }))
        await client.mergePatch(kind, { ...metadata, patch: { metadata: { finalizers: null } } })
    await client.delete(NAMESPACE, { name: namespace })
  }

  const read = async (namespace: string, kind: string): Promise<Seen[]> =>
    JSON.parse(await cluster().kubectl(['get', kind, '-n', namespace, '-o', 'json'])).items

  /** What a person would compare; no times, no uids, no words. */
  const stateOf = async (namespace: string) => ({
    models: (await read(namespace, 'models')).map(({ metadata, status }) => ({
      name: metadata.name,
      phase: status.phase,
      commit: status.resolved?.huggingFace?.commit ?? status.resolved?.commit,
      conditions: said(status),
      copies: status.copies?.map((one: Seen) => [one.phase, one.revision, one.path]),
      inUseBy: status.inUseBy,
      operations: status.operations?.map((one: Seen) => [one.type, one.outcome]),
    })),
    runtimes: (await read(namespace, 'runtimes')).map(({ status }) => ({
      phase: status.phase,
      conditions: said(status),
      active: [status.active?.model, status.active?.revision, status.active?.recipe],
      last: [status.lastSwitch?.from?.model, status.lastSwitch?.to?.model, status.lastSwitch?.result],
      operations: status.operations?.map((one: Seen) => [one.type, one.outcome]),
    })),
    engine: (await read(namespace, 'deployments')).map(({ spec, metadata }) => ({
      generation: metadata.generation,
      template: spec.template,
      strategy: spec.strategy,
    })),
    config: (await read(namespace, 'configmaps')).find(one => one.metadata.name === 'vllm-engine')?.data,
  })

  const said = (status: Seen) =>
    status.conditions?.map((one: Seen) => `${one.type}=${one.status} ${one.reason}`).sort()

  beforeAll(async () => {
    removeCrds = await ensureCrds(cluster())
    transport = openTransport(readFileSync(kubeconfigPath, 'utf8'))
    client = new Client(transport)
    const models = await Promise.all(
      ['alpha', 'beta'].map(name => writeTinyModel(join(folder, name), { name, forms: ['huggingFace'] })),
    )
    const repos = models.map(({ name, folder: from }) => ({ id: `tiny/${name}`, files: filesOfFolder(from) }))
    hub = await startHub({ host: cluster().bridgeAddress, repos })
    for (const seed of [0, ...seeds]) lives.set(seed, live(seed))
    await Promise.allSettled(lives.values())
  })
  afterAll(async () => {
    for (const one of await Promise.allSettled(lives.values()))
      if (one.status === 'fulfilled') await one.value.end()
    await hub?.close()
    await removeCrds()
    await transport?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  it.each(seeds)('seed %i: ends in the same state as on a good connection', async seed => {
    const [calm, bad] = [await lives.get(0), await lives.get(seed)]
    if (!calm || !bad) throw new Error('it did not live')
    const faults = bad.proxy.passages.filter(({ fault }) => fault !== undefined)
    console.log(
      `seed ${seed}: ${faults.length} of ${bad.proxy.passages.length} requests met a fault; the operator ended ${bad.operator.ends()} times`,
    )
    expect(faults.length).toBeGreaterThan(15)
    const wanted = await stateOf(calm.namespace)
    await expect.poll(() => stateOf(bad.namespace), { timeout: 30_000, interval: 500 }).toEqual(wanted)
  })

  it.each(seeds)('seed %i: starts no Job twice', async seed => {
    const { namespace } = (await lives.get(seed)) ?? {}
    const creates = cluster()
      .auditEvents()
      .filter(({ verb, userAgent = '' }) => verb === 'create' && userAgent.startsWith('switchyard'))
      .filter(
        ({ objectRef, responseStatus }) => objectRef?.namespace === namespace && responseStatus?.code === 201,
      )
      .map(({ objectRef }) => `${objectRef?.resource} ${objectRef?.name ?? objectRef?.subresource}`)
    const jobs = creates.filter(one => one.startsWith('jobs '))
    expect(jobs).toHaveLength(4)
    expect(new Set(jobs).size).toBe(4)
  })

  it('fetches every piece of the weights once on a bad connection, as on a good one', async () => {
    await Promise.all(lives.values())
    const counts = new Map<string, number>()
    for (const { origin, method, path, range } of hub.requests) {
      const piece = `${path.split('?')[0]} ${range}`
      if (origin === 'cdn' && method === 'GET') counts.set(piece, (counts.get(piece) ?? 0) + 1)
    }
    expect([...new Set(counts.values())]).toEqual([lives.size])
  })
})
