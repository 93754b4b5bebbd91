// Objects in numbers: Models that were settled long ago, Runtimes that wait, and engines that serve.
import { setTimeout as sleep } from 'node:timers/promises'
import { finalizer } from '../../src/domain/object.ts'
import { deployment, model, namespaceOf, runtime } from '../../test/journeys/engines.ts'
import { isReady, type KubeObject, type Seen } from '../../test/journeys/town.ts'
import { create } from '../bench/place.ts'
import { openHollowNode } from './hollow-node.ts'
import { startOperator, until } from './program.ts'
import { revision } from './results.ts'
import { eachOf, type Stage } from './stage.ts'

const group = '/apis/switchyard.dev/v1alpha1/namespaces'
const atOnce = 24

/** Annotations and labels as Models in a cluster that is managed from Git have them. */
const metadataOf = (namespace: string, name: string) => ({
  ...{ namespace, name, finalizers: [finalizer] },
  labels: {
    'app.kubernetes.io/instance': 'models',
    'app.kubernetes.io/managed-by': 'argocd',
    team: 'research',
  },
  annotations: { 'argocd.argoproj.io/tracking-id': `models:switchyard.dev/Model:${namespace}/${name}` },
})

const settledModel = (namespace: string, name: string): KubeObject => model(namespace, name, source)
const source = { source: { huggingFace: { repo: 'Qwen/Qwen2.5-7B-Instruct', revision: 'main' } } }
const waitingRuntime = (namespace: string, name: string): KubeObject =>
  runtime(namespace, name, { engine: 'VLLM', kubernetes: { deploymentName: 'not-there-yet' } })

interface Mould {
  readonly model: object
  readonly runtime: object
}

/** What the operator itself writes of a Model that is settled and of a Runtime that waits. */
async function castMould(stage: Stage): Promise<Mould> {
  const { api } = stage
  const node = await openHollowNode(stage)
  const operator = await startOperator(stage)
  await create(api, [namespaceOf('mould'), settledModel('mould', 'one'), waitingRuntime('mould', 'one')])
  let statuses: Mould | undefined
  await until('one Model is settled', async () => {
    const seen = (await api.request('GET', `${group}/mould/models/one`)) as Seen
    const waits = (await api.request('GET', `${group}/mould/runtimes/one`)) as Seen
    statuses = { model: seen.status, runtime: waits.status }
    return isReady(seen) && waits.status?.phase === 'Waiting'
  })
  await sleep(2_000)
  await operator.stop()
  await node.close()
  return statuses!
}

export interface FleetWish {
  readonly models: number
  readonly runtimes: number
  readonly namespaces: number
}

/** Settled Models, and Runtimes that wait; what another part has put there already stays. */
export async function ensureFleet(stage: Stage, wish: FleetWish): Promise<void> {
  if (stage.settled >= wish.models) return
  await fillFleet(stage, wish, await castMould(stage))
  stage.settled = wish.models
  stage.say(`${wish.models} settled Models and ${wish.runtimes} waiting Runtimes stand on the server`)
}

/** Objects with the statuses of the mould: the operator finds nothing to do for them. */
async function fillFleet(stage: Stage, wish: FleetWish, mould: Mould): Promise<void> {
  const names = Array.from({ length: wish.namespaces }, (_, n) => `fleet-${n}`)
  await create(stage.api, names.map(namespaceOf))
  const at = (n: number): string => names[n % names.length] ?? ''
  const put = async (object: KubeObject, status: object): Promise<void> => {
    const metadata = metadataOf(String(object.metadata['namespace']), String(object.metadata['name']))
    await create(stage.api, [{ ...object, metadata }])
    const path = `${group}/${metadata.namespace}/${object.kind.toLowerCase()}s/${metadata.name}/status`
    await stage.api.request('PATCH', path, { status })
  }
  const numbers = (count: number) => Array.from({ length: count }, (_, n) => n)
  await eachOf(numbers(wish.models), atOnce, n =>
    put(settledModel(at(n), `model-${n}`), pinned(mould.model, n)),
  )
  await eachOf(numbers(wish.runtimes), atOnce, n => put(waitingRuntime(at(n), `runtime-${n}`), mould.runtime))
}

/** Each Model has a commit and a list of files of its own, as different repositories do. */
const pinned = (status: object, n: number): object => {
  const digits = n.toString(16).padStart(8, '0').repeat(8)
  const text = JSON.stringify(status).replaceAll(revision, digits.slice(0, 40))
  return JSON.parse(text.replaceAll('b'.repeat(64), digits)) as object
}

/** A namespace with one claim that is bound; nobody looks behind it. */
export async function openClaim(stage: Stage, namespace: string): Promise<void> {
  const storage = '64Ti'
  const common = { accessModes: ['ReadWriteMany'], storageClassName: '' }
  await create(stage.api, [
    namespaceOf(namespace),
    {
      ...{ apiVersion: 'v1', kind: 'PersistentVolume', metadata: { name: `volume-${namespace}` } },
      spec: {
        ...common,
        capacity: { storage },
        claimRef: { namespace, name: 'models' },
        nfs: { server: '127.0.0.1', path: '/' },
      },
    },
    {
      ...{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { namespace, name: 'models' } },
      spec: { ...common, volumeName: `volume-${namespace}`, resources: { requests: { storage } } },
    },
  ])
  await until('the claim is bound', async () => {
    const path = `/api/v1/namespaces/${namespace}/persistentvolumeclaims/models`
    return ((await stage.api.request('GET', path)) as Seen).status?.phase === 'Bound'
  })
}

interface EngineAt {
  readonly namespace: string
  readonly name: string
  readonly port: number
  /** folder of its own in the claim; absent = the claim's root, shared with the others */
  readonly subPath?: string
  readonly activeModel?: string
  readonly replicas?: number
}

/** Deployment and Runtime of a vLLM that is adopted by its arguments. */
export function engineAt(wish: EngineAt): KubeObject[] {
  const { namespace, name, port, subPath, activeModel, replicas = 1 } = wish
  const made = deployment({
    ...{ namespace, name, port, replicas, claim: 'models', image: 'localhost/none:1' },
    ...{ command: ['vllm', 'serve'], args: ['/models/as-found'], strategy: { type: 'Recreate' } },
  }) as Seen
  const [container] = made.spec.template.spec.containers
  if (subPath) container.volumeMounts[0].subPath = subPath
  return [
    made,
    runtime(namespace, name, {
      ...{ engine: 'VLLM', ...(activeModel ? { activeModel } : {}) },
      kubernetes: { deploymentName: name },
    }),
  ]
}
