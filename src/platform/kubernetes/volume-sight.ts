// The claim of a Runtime, as its engine's container mounts it → the volume that workers write to, or why there is none. Pure.

import type { Runtime } from '../../domain/object.ts'
import type { Problem, VolumeView } from '../../domain/platform.ts'
import { parseQuantity } from '../../domain/schema.ts'
import {
  findContainer,
  findTemplate,
  isContainer,
  type RawContainer,
  type RawTemplate,
} from './engine-container.ts'
import type { RawClaim, RawDeployment, RawNode, RawPod } from './kubernetes-objects.ts'
import { whyNoDeployment } from './serving-name.ts'
import type { VolumeAccess } from './volume-access.ts'
import { type ClaimMount, findLayout, findMount } from './volume-layout.ts'
import { findPlacement } from './volume-placement.ts'

export interface VolumeWorld {
  readonly deploymentOf: (runtime: Runtime) => RawDeployment | undefined
  readonly claim: (name: string) => RawClaim | undefined
  /** of the engine's Deployment, those that have not ended */
  readonly pods: readonly RawPod[]
  readonly nodes: readonly RawNode[] | undefined
  /** every Runtime of the namespace, this one too */
  readonly runtimes: readonly Runtime[]
}

interface Mounted {
  readonly template: RawTemplate | undefined
  readonly container: RawContainer
  readonly mount: ClaimMount
}

export const volumeOf = (runtime: Runtime, world: VolumeWorld): VolumeView | Problem => {
  const mounted = findMounted(runtime, world)
  if (!('mount' in mounted)) return mounted
  const { mount, container, template } = mounted
  const claim = world.claim(mount.claim)
  const unusable = claim ? findUnusable(claim, world.pods) : missing(mount.claim)
  if (!claim || unusable) return unusable ?? missing(mount.claim)
  const layout = findLayout(runtime, container, mount)
  if ('reason' in layout) return layout
  const placed = findPlacement(runtime, { template, container, claim, pods: world.pods, nodes: world.nodes })
  if ('reason' in placed) return placed
  const sharing = sharingOf(runtime, mount, world)
  const quotaBytes = quotaOf(sharing, claim)
  const access: VolumeAccess = {
    mountPath: mount.mountPath,
    subPath: mount.subPath,
    ...placed,
    ...identityOf(runtime, mounted),
  }
  return {
    key: `${runtime.metadata.namespace}/${mount.claim}/${mount.subPath}`,
    claim: mount.claim,
    subPath: mount.subPath,
    claimUID: claim.metadata.uid,
    runtimes: sharing.map(one => one.metadata.name),
    mountPath: mount.mountPath,
    layout,
    ...(quotaBytes === undefined ? {} : { quotaBytes }),
    access,
  }
}

const findMounted = (runtime: Runtime, world: VolumeWorld): Mounted | Problem => {
  const deployment = world.deploymentOf(runtime)
  const template = findTemplate(runtime, deployment)
  if (!template) return { reason: 'DeploymentNotFound', message: whyNoDeployment(runtime) }
  const container = findContainer(runtime, template)
  if (!isContainer(container)) return container
  const mount = findMount(runtime, template, container)
  return 'claim' in mount ? { template, container, mount } : mount
}

const missing = (name: string): Problem => ({
  reason: 'ClaimNotFound',
  message: `PersistentVolumeClaim ${name} does not exist`,
})

const findUnusable = (claim: RawClaim, pods: readonly RawPod[]): Problem | undefined => {
  const { name, deletionTimestamp } = claim.metadata
  const modes = claim.spec?.accessModes ?? []
  if (deletionTimestamp)
    return { reason: 'ClaimNotFound', message: `PersistentVolumeClaim ${name} is being deleted` }
  if (claim.status?.phase === 'Lost') {
    return { reason: 'Volume', message: `PersistentVolumeClaim ${name} has lost its volume` }
  }
  if (modes.length > 0 && modes.every(mode => mode === 'ReadOnlyMany')) {
    return { reason: 'VolumeNotWritable', message: `PersistentVolumeClaim ${name} is ReadOnlyMany` }
  }
  if (modes.includes('ReadWriteOncePod') && pods.length > 0) {
    return {
      reason: 'VolumeBusy',
      message: `PersistentVolumeClaim ${name} is ReadWriteOncePod and the engine has it`,
    }
  }
  return undefined
}

/** In order of their names; a Runtime that mounts nothing yet shares nothing. */
const sharingOf = (runtime: Runtime, mount: ClaimMount, world: VolumeWorld): readonly Runtime[] =>
  [runtime, ...world.runtimes.filter(one => one.metadata.uid !== runtime.metadata.uid)]
    .filter(one => {
      const other = findMounted(one, world)
      return 'mount' in other && other.mount.claim === mount.claim && other.mount.subPath === mount.subPath
    })
    .sort((a, b) => a.metadata.name.localeCompare(b.metadata.name))

const quotaOf = (sharing: readonly Runtime[], claim: RawClaim): number | undefined => {
  const quotas = sharing.map(one => parseQuantity(one.spec.storage?.quota)).filter(one => one !== undefined)
  if (quotas.length > 0) return Math.min(...quotas)
  return parseQuantity(claim.status?.capacity?.['storage'] ?? claim.spec?.resources?.requests?.['storage'])
}

type Identity = Pick<
  VolumeAccess,
  'runAsUser' | 'runAsGroup' | 'fsGroup' | 'supplementalGroups' | 'runAsRoot'
>

/** The container's own word wins over its pod's. Root is followed only when the Runtime says so itself. */
const identityOf = (runtime: Runtime, { template, container }: Mounted): Identity => {
  const pod = template?.spec?.securityContext
  const asked = runtime.spec.worker?.securityContext
  const members = {
    runAsUser: container.securityContext?.runAsUser ?? pod?.runAsUser,
    runAsGroup: container.securityContext?.runAsGroup ?? pod?.runAsGroup,
    fsGroup: pod?.fsGroup,
    supplementalGroups: pod?.supplementalGroups,
    runAsRoot: asked?.['runAsUser'] === 0 || asked?.['runAsNonRoot'] === false ? true : undefined,
  }
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Identity
}
