// A Job and its pod as a WorkView: pure. The pod speaks before the Job's own conditions do, which come late or, on a lost node, never.
import { shortMessage } from '../../domain/conditions.ts'
import { exitCodes } from '../../domain/exit-codes.ts'
import type { Problem, WorkView } from '../../domain/platform.ts'
import { parseWorkerResult, type WorkerResult } from '../../domain/worker-task.ts'
import type { RawJob, RawNode, RawPod } from './kubernetes-objects.ts'
import { podProblem } from './pod-problem.ts'
import { parseIdentity, workerContainer } from './work-identity.ts'

export interface JobSight {
  readonly job: RawJob
  /** of this Job; there is at most one, but a replaced one may linger */
  readonly pods: readonly RawPod[]
  /** node of the pod, when nodes can be read */
  readonly node?: RawNode
  /** what a live look at events said, for a pod or Job that tells nothing itself */
  readonly eventProblem?: Problem
}

type ContainerStatus = NonNullable<NonNullable<RawPod['status']>['containerStatuses']>[number]
type Terminated = NonNullable<NonNullable<ContainerStatus['state']>['terminated']>

export const newestPod = (pods: readonly RawPod[]): RawPod | undefined =>
  [...pods].sort((a, b) => createdAt(b).localeCompare(createdAt(a)))[0]

const createdAt = (object: RawPod | RawJob): string => object.metadata.creationTimestamp ?? ''

export const workerStatus = (pod: RawPod | undefined): ContainerStatus | undefined =>
  pod?.status?.containerStatuses?.find(status => status.name === workerContainer)

export const isRunning = (pod: RawPod | undefined): boolean => workerStatus(pod)?.state?.running !== undefined

/** Undefined for a Job that carries no identity of ours, and for a deleted one whose process ended: it is forgotten. */
export const toWorkView = (sight: JobSight): WorkView | undefined => {
  const { job } = sight
  const identity = parseIdentity(job.metadata.annotations)
  if (!identity) return undefined
  const pod = newestPod(sight.pods)
  const startedAt = pod?.status?.startTime ?? job.status?.startTime ?? createdAt(job)
  const ended = findEnd(sight, pod)
  if (ended && job.metadata.deletionTimestamp) return undefined
  if (ended) {
    const { isGood, at, result, cause } = ended
    const why = result || isGood || !cause ? {} : { notStarted: interrupted(cause) }
    const phase = isGood ? 'Succeeded' : 'Failed'
    return { ...identity, phase, startedAt, endedAt: at, ...(result ? { result } : {}), ...why }
  }
  if (isRunning(pod)) return { ...identity, phase: 'Running', startedAt }
  const problem = podProblem(pod) ?? sight.eventProblem
  return { ...identity, phase: 'Starting', startedAt, ...(problem ? { notStarted: problem } : {}) }
}

interface End {
  readonly isGood: boolean
  readonly at: string
  readonly result?: WorkerResult
  /** why it ended without a result */
  readonly cause?: string
}

/**
 * 1. The worker's container ended: its message and exit code speak.
 * 2. The pod ended or is leaving a node that does not answer: there is no result to wait for.
 * 3. The Job says so (FailureTarget comes before Failed, and Failed only when every pod is gone).
 */
const findEnd = (sight: JobSight, pod: RawPod | undefined): End | undefined => {
  const terminated = workerStatus(pod)?.state?.terminated
  if (terminated && pod) return endOfContainer(terminated, pod)
  return endOfPod(pod, sight.node) ?? endOfJob(sight.job)
}

const endOfContainer = (terminated: Terminated, pod: RawPod): End => {
  const result = parseWorkerResult(terminated.message)
  const at = terminated.finishedAt ?? createdAt(pod)
  const isGood = terminated.exitCode === exitCodes.ok && result !== undefined && !result.failure
  return result ? { isGood, at, result } : { isGood, at, cause: deathWords(terminated, pod) }
}

const deathWords = ({ reason, exitCode, message }: Terminated, pod: RawPod): string => {
  if (pod.status?.reason) return `${pod.status.reason}: ${pod.status.message ?? 'the pod was ended'}`
  if (reason === 'OOMKilled')
    return `OOMKilled: the worker needed more memory than its limit (exit ${exitCode})`
  if (exitCode === exitCodes.terminated) return 'the worker was asked to end (SIGTERM) before it was done'
  const words = message?.trim() ? `: ${message.trim()}` : ''
  return `the worker ended with exit code ${exitCode} (${reason ?? 'no reason given'})${words}`
}

const endOfPod = (pod: RawPod | undefined, node: RawNode | undefined): End | undefined => {
  if (!pod) return undefined
  const name = pod.spec?.nodeName
  const { phase, reason, message } = pod.status ?? {}
  if (phase === 'Failed' || phase === 'Succeeded') {
    const words = reason ? `${reason}: ${message ?? 'the pod was ended'}` : 'the pod ended without a result'
    return { isGood: false, at: endTime(pod), cause: words }
  }
  const leaving = pod.metadata.deletionTimestamp
  if (!leaving || !node || isAnswering(node)) return undefined
  return { isGood: false, at: leaving, cause: `node ${name} does not answer; the worker on it is given up` }
}

const endTime = (pod: RawPod): string =>
  pod.status?.conditions
    ?.map(condition => condition.lastTransitionTime ?? '')
    .sort()
    .at(-1) || createdAt(pod)

/** A node that is gone from the list is no answer either way; a NotReady one does not answer. */
const isAnswering = (node: RawNode): boolean =>
  node.status?.conditions?.some(condition => condition.type === 'Ready' && condition.status === 'True') ??
  true

const endOfJob = (job: RawJob): End | undefined => {
  const said = job.status?.conditions?.find(
    ({ type, status }) => status === 'True' && (type === 'Failed' || type === 'FailureTarget'),
  )
  if (said) {
    const at = said.lastTransitionTime ?? createdAt(job)
    return { isGood: false, at, cause: said.message ?? said.reason ?? 'the Job failed' }
  }
  const isComplete = job.status?.conditions?.some(
    ({ type, status }) => status === 'True' && type === 'Complete',
  )
  if (!isComplete) return undefined
  const at = job.status?.completionTime ?? createdAt(job)
  return { isGood: false, at, cause: 'the pod is gone, and with it what it found' }
}

const interrupted = (cause: string): Problem => ({ reason: 'Interrupted', message: shortMessage(cause) })
