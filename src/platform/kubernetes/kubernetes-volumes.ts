// Volumes on Kubernetes: claims that engines mount. Reads of the caches, handed to `volumeOf`.
import type { Runtime } from '../../domain/object.ts'
import type { Volumes } from '../../domain/platform.ts'
import type { ClusterReads } from './cluster-port.ts'
import { hasEnded } from './pod-sight.ts'
import { deploymentNameOf } from './serving-name.ts'
import { podsOf } from './serving-world.ts'
import { volumeOf } from './volume-sight.ts'

export const createKubernetesVolumes = (reads: ClusterReads): Volumes => ({
  find: runtime => {
    const { namespace } = runtime.metadata
    const deploymentOf = (one: Runtime) => reads.deployment(namespace, deploymentNameOf(one))
    const pods = podsOf(reads, deploymentOf(runtime))
    return volumeOf(runtime, {
      deploymentOf,
      claim: name => reads.claim(namespace, name),
      pods: pods.filter(pod => !hasEnded(pod)),
      nodes: reads.nodes(),
      runtimes: reads.runtimes(namespace),
    })
  },
})
