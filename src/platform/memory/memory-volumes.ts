// The claim behind a Runtime's Deployment as a volume, or the named thing that is missing.
import type { Runtime } from '../../domain/object.ts'
import type { Problem, Volumes, VolumeView } from '../../domain/platform.ts'
import { parseQuantity } from '../../domain/schema.ts'
import type { MemoryProcess } from './memory-process.ts'

const mountPath = '/models'

/** Made: the claim that the spec names. Adopted: what the Deployment mounts. */
export const claimNameOf = (process: MemoryProcess, runtime: Runtime): string | undefined => {
  const { deploymentName } = runtime.spec.kubernetes ?? {}
  if (deploymentName === undefined) return runtime.spec.storage?.claimName
  return process.deployments.get(`${runtime.metadata.namespace}/${deploymentName}`)?.claim
}

export const createMemoryVolumes = (process: MemoryProcess): Volumes => ({
  find: runtime => find(process, runtime),
})

const find = (process: MemoryProcess, runtime: Runtime): VolumeView | Problem => {
  const { namespace } = runtime.metadata
  const name = claimNameOf(process, runtime)
  if (name === undefined) {
    const { deploymentName = '?' } = runtime.spec.kubernetes ?? {}
    return { reason: 'DeploymentNotFound', message: `Deployment ${deploymentName} does not exist` }
  }
  const claim = process.claims.get(`${namespace}/${name}`)
  if (!claim) return { reason: 'ClaimNotFound', message: `PersistentVolumeClaim ${name} does not exist` }
  const sharing = process.runtimes
    .list()
    .filter(one => one.metadata.namespace === namespace && claimNameOf(process, one) === name)
  const quotas = sharing
    .map(one => parseQuantity(one.spec.storage?.quota))
    .filter(quota => quota !== undefined)
  return {
    key: `${namespace}/${name}/`,
    claim: name,
    subPath: '',
    claimUID: claim.uid,
    runtimes: sharing.map(one => one.metadata.name).sort(),
    mountPath,
    layout:
      runtime.spec.engine === 'VLLM'
        ? { root: mountPath, kind: 'HubCache', path: `${mountPath}/hub` }
        : { root: mountPath, kind: 'OllamaStore', path: `${mountPath}/ollama` },
    quotaBytes: quotas.length > 0 ? Math.min(...quotas) : claim.sizeBytes,
    access: undefined,
  }
}
