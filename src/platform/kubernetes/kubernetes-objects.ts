// The objects of a cluster as they come over the wire: client-node's types, with dates as the strings that they are.
import type {
  V1ConfigMap,
  V1Deployment,
  V1Job,
  V1Namespace,
  V1Node,
  V1ObjectMeta,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1Pod,
  V1ReplicaSet,
  V1Service,
  V2HorizontalPodAutoscaler,
} from '@kubernetes/client-node'

/** Dates are strings in JSON; nothing else changes. */
export type Raw<T> = T extends Date
  ? string
  : T extends readonly (infer Item)[]
    ? readonly Raw<Item>[]
    : T extends object
      ? { readonly [Key in keyof T]: Raw<T[Key]> }
      : T

/** What every object that the API server answered has. */
export interface KnownMeta extends Raw<V1ObjectMeta> {
  readonly name: string
  readonly uid: string
  readonly resourceVersion: string
}

/** An object that stands in the cluster. */
export type Seen<T> = Omit<Raw<T>, 'metadata'> & { readonly metadata: KnownMeta }

export type RawJob = Seen<V1Job>
export type RawPod = Seen<V1Pod>
export type RawDeployment = Seen<V1Deployment>
export type RawReplicaSet = Seen<V1ReplicaSet>
export type RawConfigMap = Seen<V1ConfigMap>
export type RawService = Seen<V1Service>
export type RawClaim = Seen<V1PersistentVolumeClaim>
export type RawVolume = Seen<V1PersistentVolume>
export type RawNode = Seen<V1Node>
export type RawAutoscaler = Seen<V2HorizontalPodAutoscaler>
export type RawNamespace = Seen<V1Namespace>

/** A Model or Runtime before its spec was parsed. */
export interface RawCustom {
  readonly apiVersion?: string
  readonly kind?: string
  readonly metadata: KnownMeta
  readonly spec?: unknown
  readonly status?: unknown
  /** put in by the cache: the manager that wrote spec last */
  readonly specManager?: string
}
