// Where a worker's pod runs and as whom: the Runtime's placement, else the engine's; the engine's user, else 65532.
import type { Placement } from '../../domain/runtime.ts'
import type { Toleration, VolumeAccess } from './volume-access.ts'

type Json = Record<string, unknown>

const ourUser = 65532

/** Pod security context: ours < settings and the engine's own < the Runtime's. A null in an overlay takes a member out. */
export const renderSecurity = (
  access: VolumeAccess | undefined,
  [ofSettings, ofRuntime]: readonly (Json | undefined)[],
): Json => {
  const defaults = { runAsUser: ourUser, runAsGroup: ourUser, ...(access ? { fsGroup: ourUser } : {}) }
  const found = access ? asEngine(access) : {}
  const base = found['runAsUser'] === undefined ? { ...defaults, ...ofSettings } : { ...ofSettings }
  const context: Json = { ...base, ...found, ...ofRuntime }
  const full = {
    runAsNonRoot: context['runAsUser'] !== 0,
    seccompProfile: { type: 'RuntimeDefault' },
    ...(context['fsGroup'] === undefined || context['fsGroup'] === null
      ? {}
      : { fsGroupChangePolicy: 'OnRootMismatch' }),
    ...context,
  }
  return Object.fromEntries(Object.entries(full).filter(([, value]) => value !== null))
}

/** Root is followed only where the Runtime says so; else our user tries, and reports a volume that it cannot write to. */
const asEngine = (access: VolumeAccess): Json => {
  const isRefused = access.runAsUser === 0 && !access.runAsRoot
  const members: Json = {
    runAsUser: isRefused ? undefined : access.runAsUser,
    runAsGroup: isRefused ? undefined : access.runAsGroup,
    fsGroup: access.fsGroup,
    supplementalGroups: access.supplementalGroups,
  }
  return Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
}

/** A person's placement wins as a whole; it is also the only one for works without a volume. */
export const renderPlacement = (access: VolumeAccess | undefined, placement: Placement | undefined): Json => {
  const chosen = placement ?? (access ? asFound(access) : {})
  const affinity = chosen.affinity
  return {
    ...(chosen.nodeSelector ? { nodeSelector: chosen.nodeSelector } : {}),
    ...(affinity ? { affinity } : {}),
    tolerations: withUnreachable((chosen.tolerations ?? []) as readonly Toleration[]),
  }
}

const asFound = (access: VolumeAccess): Placement => {
  const tolerations = access.tolerations ? { tolerations: access.tolerations.map(one => ({ ...one })) } : {}
  if (access.nodeName) return { ...tolerations, affinity: { nodeAffinity: onNode(access.nodeName) } }
  return {
    ...tolerations,
    ...(access.nodeSelector ? { nodeSelector: { ...access.nodeSelector } } : {}),
    ...(access.nodeAffinity ? { affinity: { nodeAffinity: access.nodeAffinity } } : {}),
  }
}

// By name, through the scheduler: `nodeName` would skip its checks, and a hostname label may differ from the name.
const onNode = (name: string): Json => ({
  requiredDuringSchedulingIgnoredDuringExecution: {
    nodeSelectorTerms: [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: [name] }] }],
  },
})

const unreachable = 'node.kubernetes.io/unreachable'

/** A worker on a lost node is given up after 30 s, so that its work can go on elsewhere. */
const withUnreachable = (tolerations: readonly Toleration[]): Toleration[] => [
  ...tolerations.filter(one => one.key !== unreachable),
  { key: unreachable, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 30 },
]
