// One fault on a real API server: the whole kernel works through the proxy while others change things beside it; then all is compared.
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { KubeConfig } from '@kubernetes/client-node'
import { inject } from 'vitest'
import { Client } from '../../../../src/platform/kubernetes/kernel/client.ts'
import { Elector, type Leadership } from '../../../../src/platform/kubernetes/kernel/elector.ts'
import { EventRecorder } from '../../../../src/platform/kubernetes/kernel/events.ts'
import type { Lease } from '../../../../src/platform/kubernetes/kernel/lease-record.ts'
import { Reflector } from '../../../../src/platform/kubernetes/kernel/reflector.ts'
import {
  CONFIG_MAP,
  EVENT,
  type KernelObject,
  LEASE,
  NAMESPACE,
} from '../../../../src/platform/kubernetes/kernel/resources.ts'
import { Transport } from '../../../../src/platform/kubernetes/kernel/transport.ts'
import type { TestCluster } from '../../../cluster/access.ts'
import { type FaultProxy, type Passage, startFaultProxy } from '../../../cluster/fault-proxy.ts'
import type { Row } from './fault-table.ts'
import { PersistentWriter } from './persistent-writer.ts'
import { foldEvents, versionOf } from './told.ts'

export interface Data extends KernelObject {
  readonly data?: Readonly<Record<string, string>>
}

export interface Findings {
  /** reasons of the errors that the writer heard */
  readonly heard: readonly string[]
  /** reasons for which a watch or fill was begun again */
  readonly restarts: readonly string[]
  /** fills begun after the first one was whole */
  readonly afresh: number
  readonly store: readonly string[]
  readonly told: readonly string[]
  readonly contradictions: readonly string[]
  readonly server: readonly string[]
  /** what the writer wanted and the server does not have */
  readonly lost: readonly string[]
  /** creates and JSON Patches that the server carried out more than once */
  readonly doubled: readonly string[]
  readonly seriesCounts: readonly (number | undefined)[]
  readonly holder: string | undefined
  readonly leaderChanges: number | undefined
  readonly isLeading: boolean
}

export interface Scene {
  readonly namespace: string
  /** past the proxy */
  readonly direct: Client
  readonly proxy: FaultProxy
  readonly client: Client
  readonly reflector: Reflector<Data>
  readonly restarts: readonly string[]
  readonly fills: () => number
  readonly told: ReturnType<typeof foldEvents<Data>>
  close(): Promise<void>
}

/** Of any cluster, a given one too: an API server is enough. */
export const findKubeconfig = (): string | undefined => {
  const cluster: TestCluster = inject('cluster')
  if (cluster.kind === 'absent') console.warn(`skipped: ${cluster.reason}`)
  if (cluster.kind === 'absent') return undefined
  return readFileSync(cluster.kind === 'own' ? cluster.data.kubeconfigPath : cluster.kubeconfigPath, 'utf8')
}

export const openTransport = (kubeconfig: string): Transport => {
  const config = new KubeConfig()
  config.loadFromString(kubeconfig)
  return new Transport(config)
}

/** Nothing is started yet; a namespace with five objects is there. */
export const openScene = async (
  kubeconfig: string,
  namespace: string,
  row: Pick<Row, 'options'> = {},
): Promise<Scene> => {
  const [past, proxy] = [openTransport(kubeconfig), await startFaultProxy(kubeconfig)]
  const [direct, through] = [new Client(past), openTransport(proxy.kubeconfig)]
  const client = new Client(through)
  await direct.create(NAMESPACE, { metadata: { name: namespace } } as never)
  for (let n = 0; n < 5; n++) await put(direct, namespace, `seed-${n}`)
  const counted = { fills: 0, restarts: [] as string[] }
  const recorder = {
    listed: () => void counted.fills++,
    restarted: (reason: string) => void counted.restarts.push(reason),
    received: () => undefined,
    holds: () => undefined,
  }
  const source = { resource: CONFIG_MAP, namespace, transform: (object: Data) => object }
  const options = { ...row.options, isFrozen: true, recorderFor: () => recorder }
  const reflector = new Reflector<Data>(client, source, options)
  const told = foldEvents<Data>()
  reflector.subscribe(told.fold)
  const close = async () => {
    await reflector.stop()
    await through.close()
    await proxy.close()
    await direct.delete(NAMESPACE, { name: namespace })
    await past.close()
  }
  const { restarts } = counted
  return { namespace, direct, proxy, client, reflector, restarts, fills: () => counted.fills, told, close }
}

export const put = (client: Client, namespace: string, name: string): Promise<Data> =>
  client.apply<Data>(
    CONFIG_MAP,
    { metadata: { namespace, name }, data: { text: 'grüße 🚀 日本語' } } as never,
    {
      fieldManager: 'somebody',
      force: true,
    },
  )

/** The kernel begins in the middle of the fault, works through it, and comes to rest when it is lifted. */
export const play = async (kubeconfig: string, namespace: string, row: Row): Promise<Findings> => {
  const scene = await openScene(kubeconfig, namespace, row)
  const parts = new Parts(scene)
  try {
    scene.proxy.inject(...row.faults)
    await parts.begin()
    await Promise.all([parts.writer.write(), parts.writeEvents(), beside(scene)])
    // Long enough for a renewal of the Lease to have met the fault.
    await sleep(2_500)
    scene.proxy.lift()
    scene.proxy.endWatches()
    await put(scene.direct, namespace, 'last')
    await parts.rest()
    return await parts.find()
  } finally {
    await parts.end()
    await scene.close()
  }
}

/** Somebody else, who does not come through the proxy. */
const beside = async ({ direct, namespace }: Scene): Promise<void> => {
  for (let n = 0; n < 8; n++) {
    await put(direct, namespace, `other-${n % 3}`)
    await sleep(100)
    if (n % 3 === 2) await direct.delete(CONFIG_MAP, { namespace, name: 'other-0' })
  }
}

/** Four times what production has: all scenes share one process and few cores, and no fault here is about time. */
const patientLease = { leaseMs: 60_000, writeDeadlineMs: 28_000, renewDeadlineMs: 40_000 }

class Parts {
  readonly writer: PersistentWriter
  readonly #scene: Scene
  readonly #elector: Elector
  readonly #events: EventRecorder
  #leadership: Leadership | undefined
  #fillsToSync = 0

  constructor(scene: Scene) {
    this.#scene = scene
    const { namespace, client } = scene
    this.writer = new PersistentWriter(scene)
    const who = { namespace, name: 'leader', identity: 'us', isNew: () => true }
    this.#elector = new Elector(client, { ...who, ...patientLease })
    this.#events = new EventRecorder(client, { controller: 'switchyard.dev/faults', instance: 'us' })
  }

  async begin(): Promise<void> {
    const { reflector, fills } = this.#scene
    reflector.start()
    const syncing = reflector.synced(60_000).then(() => {
      this.#fillsToSync = fills()
    })
    const leading = this.#elector.acquire()
    await syncing
    this.#leadership = await leading
  }

  async writeEvents(): Promise<void> {
    const { namespace, direct } = this.#scene
    const { uid } = (await direct.get<Data>(CONFIG_MAP, { namespace, name: 'seed-0' })).metadata
    const regarding = { apiVersion: 'v1', kind: 'ConfigMap', namespace, name: 'seed-0', uid }
    for (let n = 0; n < 3; n++)
      this.#events.write({ regarding, type: 'Normal', reason: 'Told', action: 'Tell', note: 'ä' })
  }

  /** The store shows what the server has, and so does what a listener was told. */
  async rest(): Promise<void> {
    const { reflector } = this.#scene
    for (const endsAt = performance.now() + 60_000; performance.now() < endsAt; await sleep(100))
      if (reflector.list().map(versionOf).sort().join() === (await this.#server()).join()) return
  }

  async #server(): Promise<string[]> {
    const { direct, namespace } = this.#scene
    return (await direct.listAll<Data>(CONFIG_MAP, { namespace })).map(versionOf).sort()
  }

  async find(): Promise<Findings> {
    await this.#events.close(20_000)
    const { direct, namespace, reflector, told, restarts, proxy, fills } = this.#scene
    type Told = KernelObject & { readonly series?: { readonly count: number } }
    const events = await direct.listAll<Told>(EVENT, { namespace, fieldSelector: 'reason=Told' })
    const lease = await direct.find<Lease>(LEASE, { namespace, name: 'leader' })
    return {
      heard: [...this.writer.heard],
      restarts,
      afresh: fills() - this.#fillsToSync,
      store: reflector.list().map(versionOf).sort(),
      told: [...told.known.values()].sort(),
      contradictions: told.contradictions,
      server: await this.#server(),
      lost: await this.writer.missing(),
      doubled: findDoubled(proxy.passages),
      seriesCounts: events.map(({ series }) => series?.count),
      holder: lease?.spec?.holderIdentity ?? undefined,
      leaderChanges: lease?.spec?.leaseTransitions,
      isLeading: this.#leadership?.mutationsAllowed() ?? false,
    }
  }

  async end(): Promise<void> {
    await this.#events.close(0)
    await this.#leadership?.release()
  }
}

/** Requests that must not be sent twice, that the server carried out twice all the same. */
const findDoubled = (passages: readonly Passage[]): string[] => {
  const done = passages
    .filter(({ method, status = 0 }) => method === 'POST' && status < 300 && status > 0)
    .map(({ path, body }) => `${path} ${JSON.parse(body).metadata.name}`)
  return done.filter((one, n) => done.indexOf(one) !== n)
}
