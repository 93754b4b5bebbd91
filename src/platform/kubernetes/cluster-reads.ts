// Servings' and volumes' reads, answered by the caches; and which Runtimes an object's change concerns.
import { keyOf, type Runtime } from '../../domain/object.ts'
import type { Wake } from '../../domain/platform.ts'
import type { ClusterReads } from './cluster-port.ts'
import { findTemplate } from './engine-container.ts'
import type { KernelObject } from './kernel/objects.ts'
import type { Reflector } from './kernel/reflector.ts'
import type { Caches } from './kubernetes-caches.ts'
import { deploymentNameOf, serviceNameOf } from './serving-name.ts'

type Seen = Pick<
  Caches,
  | 'pods'
  | 'deployments'
  | 'replicaSets'
  | 'configMaps'
  | 'services'
  | 'claims'
  | 'autoscalers'
  | 'volumes'
  | 'nodes'
>

export const createClusterReads = (
  caches: Seen,
  runtimes: (namespace: string) => readonly Runtime[],
): ClusterReads => {
  const reads = {
    runtimes,
    deployment: (namespace: string, name: string) => caches.deployments.get({ namespace, name }),
    replicaSets: (deployment: string) => caches.replicaSets.byIndex('owner', deployment),
    pods: (replicaSet: string) => caches.pods.byIndex('owner', replicaSet),
    pod: (namespace: string, name: string) => caches.pods.get({ namespace, name }),
    configMap: (namespace: string, name: string) => caches.configMaps.get({ namespace, name }),
    service: (namespace: string, name: string) => caches.services.get({ namespace, name }),
    claim: (namespace: string, name: string) => caches.claims.get({ namespace, name }),
    autoscalers: (namespace: string) => caches.autoscalers.list(namespace),
    nodes: () => caches.nodes?.list(),
  }
  return { ...reads, watch: wake => watchAll(caches, runtimes, wake) }
}

const watchAll = (caches: Seen, runtimes: (namespace: string) => readonly Runtime[], wake: Wake): void => {
  const on = <T extends KernelObject>(
    cache: Reflector<T>,
    concerns: (runtime: Runtime, object: T) => boolean,
  ) =>
    cache.subscribe(({ object, isInitial }) => {
      for (const runtime of runtimes(object.metadata.namespace ?? '')) {
        if (concerns(runtime, object)) wake(keyOf(runtime), isInitial)
      }
    })
  const deploymentOf = (runtime: Runtime) =>
    caches.deployments.get({ namespace: runtime.metadata.namespace, name: deploymentNameOf(runtime) })
  const controls = (uid: string | undefined, object: KernelObject) =>
    uid !== undefined && ownersOf(object).includes(uid)
  on(caches.deployments, (runtime, { metadata }) => metadata.name === deploymentNameOf(runtime))
  on(caches.replicaSets, (runtime, set) => controls(deploymentOf(runtime)?.metadata.uid, set))
  on(caches.pods, (runtime, pod) => {
    const sets = caches.replicaSets.byIndex('owner', deploymentOf(runtime)?.metadata.uid ?? '')
    return sets.some(set => controls(set.metadata.uid, pod))
  })
  on(caches.configMaps, ({ spec }, { metadata }) => spec.kubernetes?.configMap?.name === metadata.name)
  on(caches.services, (runtime, { metadata }) => serviceNameOf(runtime) === metadata.name)
  on(caches.autoscalers, (runtime, { spec }) => spec?.scaleTargetRef.name === deploymentNameOf(runtime))
  on(caches.claims, (runtime, { metadata }) => mounts(runtime, deploymentOf(runtime), metadata.name))
}

const ownersOf = (object: KernelObject): readonly string[] =>
  ((object.metadata as { ownerReferences?: readonly { uid: string }[] }).ownerReferences ?? []).map(
    one => one.uid,
  )

const mounts = (
  runtime: Runtime,
  deployment: ReturnType<Seen['deployments']['get']>,
  claim: string,
): boolean =>
  runtime.spec.storage?.claimName === claim ||
  (findTemplate(runtime, deployment)?.spec?.volumes?.some(
    one => one.persistentVolumeClaim?.claimName === claim,
  ) ??
    false)
