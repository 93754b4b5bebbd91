// Servings on Kubernetes: one Deployment per Runtime, adopted or made. Says only which file does what.

import { Rejected, Waiting } from '../../domain/failure.ts'
import type { Runtime } from '../../domain/object.ts'
import type { Servings } from '../../domain/platform.ts'
import { createAdopted, type ServingKind } from './adopted-serving.ts'
import type { ClusterReads, ClusterWrites } from './cluster-port.ts'
import { findContainer, isContainer } from './engine-container.ts'
import { createMade } from './made-serving.ts'
import { setInService } from './service-membership.ts'
import { readLogs } from './serving-logs.ts'
import { whyNoDeployment } from './serving-name.ts'
import { sightOf } from './serving-sight.ts'
import { readWorld } from './serving-world.ts'

export const createKubernetesServings = (reads: ClusterReads, writes: ClusterWrites): Servings => {
  const adopted = createAdopted(reads, writes)
  const made = createMade(reads, writes)
  const kindOf = (runtime: Runtime): ServingKind =>
    runtime.spec.kubernetes?.podTemplate === undefined ? adopted : made
  return {
    observe: runtime => sightOf(runtime, readWorld(reads, runtime)),
    prepare: async runtime => {
      checkContainer(reads, runtime)
      await kindOf(runtime).prepare(runtime)
    },
    apply: async (runtime, launch) => {
      checkContainer(reads, runtime)
      await kindOf(runtime).apply(runtime, launch)
    },
    revert: (runtime, hash) => kindOf(runtime).revert(runtime, hash),
    scale: (runtime, replicas) => kindOf(runtime).scale(runtime, replicas),
    setInService: (runtime, pod, isInService) => setInService({ reads, writes, runtime }, pod, isInService),
    restore: runtime => kindOf(runtime).restore(runtime),
    release: runtime => kindOf(runtime).release(runtime),
    logs: (runtime, pod, lines) => readLogs({ reads, writes, runtime }, pod, lines),
    watch: wake => reads.watch(wake),
  }
}

const checkContainer = (reads: ClusterReads, runtime: Runtime): void => {
  const template =
    runtime.spec.kubernetes?.podTemplate ?? readWorld(reads, runtime).deployment?.spec?.template
  if (!template) throw new Waiting('DeploymentNotFound', whyNoDeployment(runtime))
  const container = findContainer(runtime, template as Parameters<typeof findContainer>[1])
  if (!isContainer(container)) throw new Rejected(container.reason, container.message)
}
