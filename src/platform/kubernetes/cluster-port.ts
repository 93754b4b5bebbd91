// What servings and volumes ask of the caches and of the API server; the kernel's client and the caches stand behind it.

import type { Key, Runtime } from '../../domain/object.ts'
import type { Wake } from '../../domain/platform.ts'
import type {
  RawAutoscaler,
  RawClaim,
  RawConfigMap,
  RawDeployment,
  RawNode,
  RawPod,
  RawReplicaSet,
  RawService,
} from './kubernetes-objects.ts'

/** Reads of the caches: synchronous, never throw; undefined or empty = the cache does not show it. */
export interface ClusterReads {
  runtimes(namespace: string): readonly Runtime[]
  deployment(namespace: string, name: string): RawDeployment | undefined
  /** of the Deployment with this uid */
  replicaSets(deployment: string): readonly RawReplicaSet[]
  /** of the ReplicaSet with this uid */
  pods(replicaSet: string): readonly RawPod[]
  pod(namespace: string, name: string): RawPod | undefined
  configMap(namespace: string, name: string): RawConfigMap | undefined
  service(namespace: string, name: string): RawService | undefined
  claim(namespace: string, name: string): RawClaim | undefined
  autoscalers(namespace: string): readonly RawAutoscaler[]
  /** undefined = we have no right to list nodes */
  nodes(): readonly RawNode[] | undefined
  /** Wakes the key of every Runtime that names, or owns, an object that changed. */
  watch(wake: Wake): void
}

export const writtenKinds = ['Deployment', 'ConfigMap', 'Service', 'Pod'] as const
export type WrittenKind = (typeof writtenKinds)[number]

export interface Target {
  readonly kind: WrittenKind
  readonly namespace: string
  readonly name: string
  /** the Runtime for which it is written: it is not looked at again before the cache shows the write */
  readonly for: Key
}

/** How a body is read: merge (RFC 7386) or strategic merge; a body with metadata.resourceVersion answers 409 when stale. */
export type PatchForm = 'merge' | 'strategic'

/** Writes of the field manager `switchyard`. All throw what the kernel client throws (ApiError). */
export interface ClusterWrites {
  patch(target: Target, form: PatchForm, body: object): Promise<void>
  /** server-side apply with force; `isDryRun` only asks whether it would be taken */
  apply(target: Target, object: object, isDryRun?: boolean): Promise<void>
  /** deletes that uid and what hangs on it; an object that is gone is no error */
  remove(target: Target, uid: string): Promise<void>
  /** newest lines of a container's log; empty when there is none */
  logs(pod: Target, options: LogWish): Promise<readonly string[]>
}

export interface LogWish {
  readonly container: string
  readonly lines: number
  /** of the container that ended before the present one */
  readonly isPrevious: boolean
}
