// One pod of an engine as the domain sees it: does it run, is it ready, which recipe, and how did it end last.

import type { V1ContainerStatus } from '@kubernetes/client-node'
import { shortMessage } from '../../domain/conditions.ts'
import type { PodSight, Problem } from '../../domain/platform.ts'
import { recipeNote, servingLabel } from './deployment-notes.ts'
import type { Raw, RawNode, RawPod, RawService } from './kubernetes-objects.ts'
import { podProblem } from './pod-problem.ts'

type Status = Raw<V1ContainerStatus>

export interface PodWorld {
  readonly container: string
  readonly port: number
  readonly service: RawService | undefined
  /** undefined = we may not list nodes */
  readonly nodes: readonly RawNode[] | undefined
  /** recipe of a pod whose template carries no annotation */
  readonly recipeOf: (pod: RawPod) => string | undefined
}

export const hasEnded = (pod: RawPod): boolean =>
  pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed'

export const sightPod = (pod: RawPod, world: PodWorld): PodSight => {
  const status = pod.status?.containerStatuses?.find(one => one.name === world.container)
  const ready = pod.status?.conditions?.find(one => one.type === 'Ready')
  const isReady = ready?.status === 'True'
  const isLeaving = pod.metadata.deletionTimestamp !== undefined
  const recipe = pod.metadata.annotations?.[recipeNote] ?? world.recipeOf(pod)
  const isLost = isNodeLost(pod, world.nodes)
  const problem = isLost ? lost(pod) : findProblem(pod, status)
  const ip = pod.status?.podIP
  return {
    uid: pod.metadata.uid,
    name: pod.metadata.name,
    ...(recipe === undefined ? {} : { recipe }),
    ...(ip ? { address: `http://${ip.includes(':') ? `[${ip}]` : ip}:${world.port}` } : {}),
    isReady,
    isRunning: status?.state?.running !== undefined,
    isLeaving,
    isInService: isReady && !isLeaving && !isTakenOut(pod) && isSelected(pod, world.service),
    restarts: status?.restartCount ?? 0,
    createdAt: pod.metadata.creationTimestamp ?? '',
    ...(isReady && ready?.lastTransitionTime ? { readyAt: ready.lastTransitionTime } : {}),
    ...(isLost ? { isLost } : {}),
    ...(problem ? { problem } : {}),
  }
}

const isTakenOut = (pod: RawPod): boolean => pod.metadata.labels?.[servingLabel] === 'false'

/** Without a Service that we know, clients reach it as long as it is ready. */
const isSelected = (pod: RawPod, service: RawService | undefined): boolean => {
  const selector = Object.entries(service?.spec?.selector ?? {})
  return selector.every(([name, value]) => pod.metadata.labels?.[name] === value)
}

const isNodeLost = (pod: RawPod, nodes: readonly RawNode[] | undefined): boolean => {
  if (pod.status?.reason === 'NodeLost') return true
  if (!pod.spec?.nodeName || !nodes) return false
  const node = nodes.find(one => one.metadata.name === pod.spec?.nodeName)
  return node?.status?.conditions?.find(one => one.type === 'Ready')?.status !== 'True'
}

const lost = (pod: RawPod): Problem => ({
  reason: 'NodeLost',
  message: `node ${pod.spec?.nodeName ?? '?'} of pod ${pod.metadata.name} does not answer`,
})

/** A container that ended says more than the one that waits to be started again. */
const findProblem = (pod: RawPod, status: Status | undefined): Problem | undefined => {
  const ended = status?.state?.terminated ?? status?.lastState?.terminated
  if (!ended) return podProblem(pod)
  const waiting = status?.state?.waiting?.reason
  const how = ended.reason && ended.reason !== 'Error' ? `${ended.reason}, ` : ''
  const words = [
    waiting === 'CrashLoopBackOff' ? 'CrashLoopBackOff: ' : '',
    `the container ended (${how}exit code ${ended.exitCode})`,
    ended.message ? `: ${ended.message}` : '',
  ]
  return { reason: reasonOf(ended.reason, waiting), message: shortMessage(words.join('')) }
}

const reasonOf = (ended: string | undefined, waiting: string | undefined): Problem['reason'] => {
  if (ended === 'OOMKilled') return 'OutOfMemory'
  return waiting === 'CrashLoopBackOff' ? 'CrashLoop' : 'LoadFailed'
}
