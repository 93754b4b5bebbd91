// A node without containers: pods bound to it are said to run, workers end with a result at once or speak of progress, and
// engines answer as vLLM does. The API server, the controllers and the operator see what a kubelet would tell.
import { setTimeout as sleep } from 'node:timers/promises'
import { WorkerTask } from '../../src/domain/worker-task.ts'
import type { KernelObject } from '../../src/platform/kubernetes/kernel/objects.ts'
import { Reflector } from '../../src/platform/kubernetes/kernel/reflector.ts'
import { POD } from '../../src/platform/kubernetes/kernel/resources.ts'
import type { Seen } from '../../test/journeys/town.ts'
import { type Engines, openEngines } from './hollow-engines.ts'
import { openKubelet } from './hollow-kubelet.ts'
import { resultOf } from './results.ts'
import type { Stage } from './stage.ts'

const nodeName = 'hollow'

export interface HollowNode {
  /** where engines listen: the port to write into Deployments */
  readonly enginePort: number
  readonly engines: Engines
  /** Downloads run until they are let go. */
  holdDownloads(): void
  /** Lets every download end. */
  letDownloadsEnd(): Promise<void>
  readonly running: number
  close(): Promise<void>
}

type Pod = KernelObject & Seen

export async function openHollowNode(stage: Stage): Promise<HollowNode> {
  const engines = await openEngines()
  const kubelet = await openKubelet(stage)
  await register(stage, kubelet.port)
  const stopping = new AbortController()
  const beats = beat(stage, stopping.signal)
  const held = new Map<string, Pod>()
  const crew: Crew = { stage, engines, held, isHolding: false }
  const pods = new Reflector<Pod>(stage.admin, { resource: POD, transform: pod => pod })
  pods.subscribe(({ type, object }) => {
    if (type === 'deleted') engines.end(object.metadata.uid)
    else void play(crew, object).catch(error => stage.say(`hollow node: ${error}`))
  })
  pods.start()
  await pods.synced()
  return {
    enginePort: engines.port,
    engines,
    holdDownloads: () => {
      crew.isHolding = true
    },
    letDownloadsEnd: async () => {
      crew.isHolding = false
      for (const pod of held.values()) await endWorker(crew, pod)
      held.clear()
    },
    get running() {
      return held.size
    },
    close: async () => {
      stopping.abort()
      await Promise.all([pods.stop(), engines.close(), kubelet.close(), beats])
    },
  }
}

interface Crew {
  readonly stage: Stage
  readonly engines: Engines
  readonly held: Map<string, Pod>
  isHolding: boolean
}

const ready = [{ type: 'Ready', status: 'True', reason: 'KubeletReady', message: 'hollow' }]

async function register({ api, cluster }: Stage, kubeletPort: number): Promise<void> {
  const resources = { cpu: '64', memory: '256Gi', pods: '10000', 'ephemeral-storage': '256Gi' }
  await api.request('POST', '/api/v1/nodes', {
    metadata: { name: nodeName, labels: { 'kubernetes.io/hostname': nodeName } },
    status: {
      ...{ capacity: resources, allocatable: resources },
      addresses: [{ type: 'InternalIP', address: cluster.bridgeAddress }],
      daemonEndpoints: { kubeletEndpoint: { Port: kubeletPort } },
      conditions: ready,
    },
  })
}

const leases = '/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases'
const micro = (): string => new Date().toISOString().replace('Z', '000Z')

async function beat({ api }: Stage, signal: AbortSignal): Promise<void> {
  const spec = { holderIdentity: nodeName, leaseDurationSeconds: 40, renewTime: micro() }
  await api.request('POST', leases, { metadata: { name: nodeName }, spec })
  while (!signal.aborted) {
    await sleep(10_000, undefined, { signal }).catch(() => undefined)
    if (signal.aborted) return
    await api.request('PATCH', `${leases}/${nodeName}`, { spec: { renewTime: micro() } })
    // Whoever looked between the node and its Lease called it unknown; where nothing changed this is no write.
    await api.request('PATCH', `/api/v1/nodes/${nodeName}/status`, { status: { conditions: ready } })
  }
}

const pathOf = ({ metadata }: Pod): string => `/api/v1/namespaces/${metadata.namespace}/pods/${metadata.name}`

const isWorker = (pod: Pod): boolean => pod.metadata.labels?.['switchyard.dev/command'] !== undefined

/** 1 leaving  2 bound to nobody  3 a worker  4 an engine; a pod that stands where it should is left alone. */
async function play(crew: Crew, pod: Pod): Promise<void> {
  const { api } = crew.stage
  const { phase } = pod.status
  if (pod.metadata.deletionTimestamp) {
    crew.held.delete(pod.metadata.uid)
    await api.request('DELETE', pathOf(pod), { gracePeriodSeconds: 0 })
  } else if (!pod.spec.nodeName) {
    await api.request('POST', `${pathOf(pod)}/binding`, {
      metadata: { name: pod.metadata.name },
      target: { kind: 'Node', name: nodeName },
    })
  } else if (phase !== 'Pending') return
  else if (isWorker(pod)) await startWorker(crew, pod)
  else await startEngine(crew, pod)
}

const setStatus = ({ stage }: Crew, pod: Pod, status: object) =>
  stage.api.request('PATCH', `${pathOf(pod)}/status`, { status })

const container = (pod: Pod, state: object, isReady: boolean) => {
  const { name, image } = pod.spec.containers[0]
  return { name, image, imageID: '', restartCount: 0, ready: isReady, started: isReady, state }
}

const now = (): string => new Date().toISOString().replace(/\.\d+Z/, 'Z')

async function startWorker(crew: Crew, pod: Pod): Promise<void> {
  if (!crew.isHolding || taskOf(pod).command !== 'download') return endWorker(crew, pod)
  crew.held.set(pod.metadata.uid, pod)
  const running = container(pod, { running: { startedAt: now() } }, true)
  await setStatus(crew, pod, { phase: 'Running', startTime: now(), containerStatuses: [running] })
}

async function endWorker(crew: Crew, pod: Pod): Promise<void> {
  const message = JSON.stringify(resultOf(taskOf(pod)))
  const times = { startedAt: now(), finishedAt: now() }
  const terminated = { exitCode: 0, reason: 'Completed', message, ...times }
  const containerStatuses = [container(pod, { terminated }, false)]
  await setStatus(crew, pod, { phase: 'Succeeded', startTime: now(), containerStatuses })
}

const taskOf = (pod: Pod): WorkerTask => {
  const { args } = pod.spec.containers[0]
  return WorkerTask.parse(JSON.parse(args[args.indexOf('--task') + 1]))
}

async function startEngine(crew: Crew, pod: Pod): Promise<void> {
  const podIP = crew.engines.start(pod.metadata.uid, pod.spec.containers[0].args ?? [])
  const condition = (type: string) => ({ type, status: 'True', lastTransitionTime: now() })
  await setStatus(crew, pod, {
    ...{ phase: 'Running', startTime: now(), podIP, podIPs: [{ ip: podIP }] },
    conditions: ['Initialized', 'Ready', 'ContainersReady', 'PodScheduled'].map(condition),
    containerStatuses: [container(pod, { running: { startedAt: now() } }, true)],
  })
}
