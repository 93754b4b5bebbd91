// Gathers from the caches what stands around one Runtime.
import type { Runtime } from '../../domain/object.ts'
import type { ClusterReads } from './cluster-port.ts'
import type { RawDeployment, RawPod } from './kubernetes-objects.ts'
import { deploymentNameOf, isServiceOf, serviceNameOf } from './serving-name.ts'
import type { ServingWorld } from './serving-sight.ts'

export const readWorld = (reads: ClusterReads, runtime: Runtime): ServingWorld => {
  const { namespace, uid } = runtime.metadata
  const { configMap } = runtime.spec.kubernetes ?? {}
  const serviceName = serviceNameOf(runtime)
  const service = serviceName === undefined ? undefined : reads.service(namespace, serviceName)
  const deployment = reads.deployment(namespace, deploymentNameOf(runtime))
  const claimName = runtime.spec.storage?.claimName
  return {
    deployment,
    pods: podsOf(reads, deployment),
    configMap: configMap && reads.configMap(namespace, configMap.name),
    service: service && isServiceOf(runtime, service) ? service : undefined,
    claim: claimName === undefined ? undefined : reads.claim(namespace, claimName),
    nodes: reads.nodes(),
    autoscalers: reads.autoscalers(namespace),
    others: reads.runtimes(namespace).filter(one => one.metadata.uid !== uid),
  }
}

/** Pods of the Deployment by controller references, never by labels. */
export const podsOf = (reads: ClusterReads, deployment: RawDeployment | undefined): readonly RawPod[] =>
  deployment ? reads.replicaSets(deployment.metadata.uid).flatMap(set => reads.pods(set.metadata.uid)) : []
