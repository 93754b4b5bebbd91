// One set of caches for the whole operator: each kind is watched once, and only what somebody reads is kept.
import type { Kind } from '../../domain/object.ts'
import { keepManagers, slimConfigMap, slimPod, slimReplicaSet, withoutManagers } from './cache-transforms.ts'
import { HeldObject } from './held-object.ts'
import type { Client } from './kernel/client.ts'
import type { KernelObject } from './kernel/objects.ts'
import { Reflector, type ReflectorOptions, type ReflectorSource } from './kernel/reflector.ts'
import {
  CONFIG_MAP,
  DEPLOYMENT,
  HORIZONTAL_POD_AUTOSCALER,
  JOB,
  MODEL,
  NAMESPACE,
  NODE,
  PERSISTENT_VOLUME,
  PERSISTENT_VOLUME_CLAIM,
  POD,
  REPLICA_SET,
  RUNTIME,
  SERVICE,
} from './kernel/resources.ts'
import { Revival } from './kernel/revival.ts'
import { SharedStrings } from './kernel/shared-strings.ts'
import type {
  RawAutoscaler,
  RawClaim,
  RawConfigMap,
  RawCustom,
  RawDeployment,
  RawJob,
  RawNamespace,
  RawNode,
  RawPod,
  RawReplicaSet,
  RawService,
  RawVolume,
} from './kubernetes-objects.ts'
import { ownerUid, workerSelector } from './work-identity.ts'

export interface Caches {
  readonly models: Reflector<HeldObject<'Model'>>
  readonly runtimes: Reflector<HeldObject<'Runtime'>>
  /** workers' Jobs; indexes `owner` (uid of the Model or Runtime) and `uid` */
  readonly jobs: Reflector<RawJob>
  /** workers' pods; indexes `job` (uid) and `node` (name) */
  readonly workerPods: Reflector<RawPod>
  /** every other pod that a ReplicaSet made; index `owner` (uid of the ReplicaSet) */
  readonly pods: Reflector<RawPod>
  /** with managedFields of spec and metadata; nothing of status is claimed */
  readonly deployments: Reflector<RawDeployment>
  /** without the pod spec; index `owner` (uid of the Deployment) */
  readonly replicaSets: Reflector<RawReplicaSet>
  /** with managedFields; data only when it is small */
  readonly configMaps: Reflector<RawConfigMap>
  readonly services: Reflector<RawService>
  readonly claims: Reflector<RawClaim>
  readonly autoscalers: Reflector<RawAutoscaler>
  /** absent where only one namespace may be read */
  readonly volumes?: Reflector<RawVolume>
  readonly nodes?: Reflector<RawNode>
  readonly namespaces?: Reflector<RawNamespace>
  start(): void
  stop(): Promise<void>
  /** After every cache showed everything once; rejects after two minutes with the first that did not. */
  synced(): Promise<void>
  readonly isSynced: boolean
}

export interface CacheOptions extends ReflectorOptions {
  /** absent = the whole cluster */
  readonly namespace?: string
  /** only Roles in that namespace: nothing of the whole cluster may be read */
  readonly isNamespaced?: boolean
}

const owners = (object: RawPod | RawReplicaSet): string[] =>
  (object.metadata.ownerReferences ?? []).filter(owner => owner.controller).map(owner => owner.uid)

/** What comes over the wire is raw; what is kept is not. */
const hold = <K extends Kind>(kind: K): ((raw: unknown) => HeldObject<K>) => {
  const strings = new SharedStrings()
  return raw => new HeldObject(kind, raw as RawCustom, value => strings.share(value))
}

const workers = { labelSelector: workerSelector }

export const createCaches = (client: Client, options: CacheOptions = {}): Caches => {
  const { namespace, isNamespaced, ...rest } = options
  const how = { revival: new Revival(), ...rest }
  const scope = namespace ? { namespace } : {}
  const make = <T extends KernelObject>(source: Omit<ReflectorSource<T>, 'namespace'>) =>
    new Reflector<T>(client, { ...scope, ...source }, how)
  const named = {
    models: make<HeldObject<'Model'>>({ resource: MODEL, transform: hold('Model') }),
    runtimes: make<HeldObject<'Runtime'>>({ resource: RUNTIME, transform: hold('Runtime') }),
    ...makeWorkers(make),
    ...makeEngines(make),
  }
  const wide = isNamespaced ? {} : makeClusterWide(client, how)
  const all: readonly Reflector<never>[] = Object.values({ ...named, ...wide }) as never
  return {
    ...named,
    ...wide,
    start: () => {
      for (const each of all) each.start()
    },
    stop: async () => {
      await Promise.all(all.map(each => each.stop()))
    },
    synced: async () => {
      await Promise.all(all.map(each => each.synced()))
    },
    get isSynced() {
      return all.every(each => each.isSynced)
    },
  }
}

type Make = <T extends KernelObject>(source: Omit<ReflectorSource<T>, 'namespace'>) => Reflector<T>

const makeWorkers = (make: Make) => ({
  jobs: make<RawJob>({
    ...workers,
    resource: JOB,
    transform: withoutManagers,
    indexes: {
      owner: job => [ownerUid(job.metadata.labels)],
      uid: job => [job.metadata.uid],
    },
  }),
  workerPods: make<RawPod>({
    ...workers,
    resource: POD,
    transform: withoutManagers,
    indexes: { job: owners, node: pod => [pod.spec?.nodeName ?? ''] },
  }),
})

const makeEngines = (make: Make) => ({
  pods: make<RawPod>({
    labelSelector: 'switchyard.dev/command notin (resolve,download,verify,remove,ask)',
    resource: POD,
    transform: slimPod,
    indexes: { owner: owners },
  }),
  deployments: make<RawDeployment>({ resource: DEPLOYMENT, transform: keepManagers }),
  replicaSets: make<RawReplicaSet>({
    resource: REPLICA_SET,
    transform: slimReplicaSet,
    indexes: { owner: owners },
  }),
  configMaps: make<RawConfigMap>({ resource: CONFIG_MAP, transform: slimConfigMap }),
  services: make<RawService>({ resource: SERVICE, transform: withoutManagers }),
  claims: make<RawClaim>({ resource: PERSISTENT_VOLUME_CLAIM, transform: withoutManagers }),
  autoscalers: make<RawAutoscaler>({
    resource: HORIZONTAL_POD_AUTOSCALER,
    transform: withoutManagers,
  }),
})

const makeClusterWide = (client: Client, how: ReflectorOptions) => ({
  volumes: new Reflector<RawVolume>(client, { resource: PERSISTENT_VOLUME, transform: withoutManagers }, how),
  nodes: new Reflector<RawNode>(client, { resource: NODE, transform: withoutManagers }, how),
  namespaces: new Reflector<RawNamespace>(client, { resource: NAMESPACE, transform: withoutManagers }, how),
})
