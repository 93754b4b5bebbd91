// On which nodes a worker may run beside an engine: where its claim can be used, and where it would bind. Pure.
import type { V1NodeSelectorTerm } from '@kubernetes/client-node'
import type { Runtime } from '../../domain/object.ts'
import type { Problem } from '../../domain/platform.ts'
import { parseQuantity } from '../../domain/schema.ts'
import type { RawContainer, RawTemplate } from './engine-container.ts'
import type { Raw, RawClaim, RawNode, RawPod } from './kubernetes-objects.ts'
import type { Toleration, VolumeAccess } from './volume-access.ts'

type Placed = Pick<VolumeAccess, 'nodeName' | 'nodeSelector' | 'tolerations' | 'nodeAffinity'>
type Term = Raw<V1NodeSelectorTerm>

export interface PlacementWorld {
  readonly template: RawTemplate | undefined
  readonly container: RawContainer
  readonly claim: RawClaim
  /** of the engine's Deployment */
  readonly pods: readonly RawPod[]
  readonly nodes: readonly RawNode[] | undefined
}

export const findPlacement = (runtime: Runtime, world: PlacementWorld): Placed | Problem => {
  const { template } = world
  const nodeName = isSingleNode(world.claim) ? runningOn(world.pods) : undefined
  const affinity = template?.spec?.affinity?.nodeAffinity as Readonly<Record<string, unknown>> | undefined
  const pin = nodeName || runtime.spec.placement ? undefined : findPin(world)
  if (pin && 'reason' in pin) return pin
  const nodeAffinity = pin ? pinned(affinity, pin.hosts) : affinity
  return {
    ...(nodeName ? { nodeName } : {}),
    ...(template?.spec?.nodeSelector ? { nodeSelector: template.spec.nodeSelector } : {}),
    ...(template?.spec?.tolerations
      ? { tolerations: template.spec.tolerations as readonly Toleration[] }
      : {}),
    ...(nodeAffinity ? { nodeAffinity } : {}),
  }
}

const isSingleNode = ({ spec }: RawClaim): boolean =>
  !spec?.accessModes?.some(mode => mode === 'ReadWriteMany' || mode === 'ReadOnlyMany')

const runningOn = (pods: readonly RawPod[]): string | undefined =>
  pods.find(pod => pod.spec?.nodeName && pod.metadata.deletionTimestamp === undefined)?.spec?.nodeName

/** A claim binds where its first pod lands: without the engine's device that would be a node the engine cannot use. */
const findPin = (world: PlacementWorld): { readonly hosts: readonly string[] } | Problem | undefined => {
  if (world.claim.spec?.volumeName) return undefined
  const [resource] = extendedResources(world.container)
  if (!resource) return undefined
  const [name, amount] = resource
  const because = `claim ${world.claim.metadata.name} is not bound and no node with ${amount} ${name}`
  if (!world.nodes)
    return { reason: 'PlacementUnknown', message: `${because} can be looked for: nodes may not be listed` }
  const hosts = world.nodes.filter(node => canHold(node, world)).map(hostOf)
  if (hosts.length > 0) return { hosts }
  return { reason: 'PlacementUnknown', message: `${because} is known` }
}

/** Devices have a domain in their name; kubernetes.io is the cluster's own. */
const extendedResources = ({ resources }: RawContainer): [string, string][] =>
  Object.entries({ ...resources?.requests, ...resources?.limits }).filter(
    ([name]) => name.includes('/') && !/(^|\.)kubernetes\.io\//.test(name),
  )

const canHold = (node: RawNode, { container, template }: PlacementWorld): boolean => {
  const isFitting = extendedResources(container).every(
    ([name, amount]) =>
      (parseQuantity(node.status?.allocatable?.[name]) ?? 0) >= (parseQuantity(amount) ?? 1),
  )
  const labels = node.metadata.labels ?? {}
  const isSelected = Object.entries(template?.spec?.nodeSelector ?? {}).every(
    ([name, value]) => labels[name] === value,
  )
  return isFitting && isSelected && !node.spec?.unschedulable
}

const hostOf = ({ metadata }: RawNode): string => metadata.labels?.['kubernetes.io/hostname'] ?? metadata.name

/** The pin joins every term that the engine itself requires: terms are alternatives. */
const pinned = (
  affinity: Readonly<Record<string, unknown>> | undefined,
  hosts: readonly string[],
): Readonly<Record<string, unknown>> => {
  const host = { key: 'kubernetes.io/hostname', operator: 'In', values: [...hosts].sort() }
  const required = affinity?.['requiredDuringSchedulingIgnoredDuringExecution'] as
    | { readonly nodeSelectorTerms?: readonly Term[] }
    | undefined
  const terms = required?.nodeSelectorTerms ?? [{}]
  return {
    ...affinity,
    requiredDuringSchedulingIgnoredDuringExecution: {
      nodeSelectorTerms: terms.map(term => ({
        ...term,
        matchExpressions: [...(term.matchExpressions ?? []), host],
      })),
    },
  }
}
