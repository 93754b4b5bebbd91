// Why a worker's pod does not start, in the cluster's own words: from the pod's status, and from events where that is silent.
import { shortMessage } from '../../domain/conditions.ts'
import type { Problem } from '../../domain/platform.ts'
import type { RawPod } from './kubernetes-objects.ts'

/** Waiting reasons of a container that are no trouble. */
const ordinary = ['ContainerCreating', 'PodInitializing']

/** Undefined while nothing speaks against its start. */
export const podProblem = (pod: RawPod | undefined): Problem | undefined => {
  const { conditions = [], containerStatuses: started = [] } = pod?.status ?? {}
  // A scheduler that was not answered may say False of a pod that was bound all the same: a kubelet that tells of it knows better.
  const unscheduled =
    started.length === 0 && conditions.find(one => one.type === 'PodScheduled' && one.status === 'False')
  if (unscheduled) return problemOf(unscheduled.reason ?? 'Unschedulable', unscheduled.message ?? '')
  for (const { state } of started) {
    const waiting = state?.waiting
    if (waiting?.reason && !ordinary.includes(waiting.reason)) {
      return problemOf(waiting.reason, waiting.message ?? '')
    }
  }
  return undefined
}

/** One event of core/v1, as far as it is read here. */
export interface RawEvent {
  readonly type?: string
  readonly reason?: string
  readonly message?: string
  readonly lastTimestamp?: string | null
  readonly eventTime?: string | null
  readonly metadata: { readonly creationTimestamp?: string }
  readonly involvedObject?: { readonly uid?: string; readonly kind?: string; readonly name?: string }
}

/** What a warning about a Job or pod that has not started means; FailedCreate covers quota and admission. */
const telling = [
  'FailedCreate',
  'FailedScheduling',
  'FailedMount',
  'FailedAttachVolume',
  'FailedMapVolume',
  'FailedCreatePodSandBox',
  'FailedBinding',
  'ProvisioningFailed',
  'Failed',
  'ErrImageNeverPull',
  'InspectFailed',
]

export const eventProblem = (events: readonly RawEvent[], uids: readonly string[]): Problem | undefined => {
  const newest = events
    .filter(event => event.type === 'Warning' && telling.includes(event.reason ?? ''))
    .filter(event => uids.includes(event.involvedObject?.uid ?? ''))
    .sort((a, b) => timeOf(b).localeCompare(timeOf(a)))[0]
  return newest && problemOf(newest.reason ?? 'Failed', newest.message ?? '')
}

const timeOf = (event: RawEvent): string =>
  event.lastTimestamp ?? event.eventTime ?? event.metadata.creationTimestamp ?? ''

const problemOf = (reason: string, message: string): Problem => ({
  reason: /persistentvolumeclaim "[^"]*" not found/.test(message) ? 'ClaimNotFound' : 'PodNotStarted',
  message: shortMessage(message ? `${reason}: ${message}` : reason),
})
