// Takes a live pod out of its Service, or back into it, by the label that only the Service selects.
import { NotSupported } from '../../domain/failure.ts'
import type { Runtime } from '../../domain/object.ts'
import type { ClusterReads, ClusterWrites } from './cluster-port.ts'
import { servingLabel } from './deployment-notes.ts'
import { renderLabel } from './deployment-render.ts'
import { toTarget } from './serving-target.ts'
import { readWorld } from './serving-world.ts'
import { asDomain } from './write-failure.ts'

export interface Serving {
  readonly reads: ClusterReads
  readonly writes: ClusterWrites
  readonly runtime: Runtime
}

export const setInService = async (
  { reads, writes, runtime }: Serving,
  pod: string,
  isInService: boolean,
): Promise<void> => {
  const { service } = readWorld(reads, runtime)
  const isMade = runtime.spec.kubernetes?.podTemplate !== undefined
  const name = runtime.spec.kubernetes?.serviceName
  // Of a made one without a Service that we know, the label is still there for whoever selects it.
  const canTell = service ? service.spec?.selector?.[servingLabel] === 'true' : isMade
  if (!canTell) {
    throw new NotSupported(
      name === undefined
        ? 'no Service is named, so a pod cannot be taken out of it'
        : `Service ${name} does not select the label ${servingLabel}, so a pod cannot be taken out of it`,
    )
  }
  const value = String(isInService)
  const seen = reads.pod(runtime.metadata.namespace, pod)
  if (!seen || seen.metadata.labels?.[servingLabel] === value) return
  const target = toTarget(runtime, 'Pod', pod)
  await asDomain(`Pod ${pod}`, () => writes.patch(target, 'merge', renderLabel(servingLabel, value)))
}
