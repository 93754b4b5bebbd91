// What a VolumeView carries for Kubernetes only: where the engine's container mounts the claim, on which nodes, and as whom.

export interface Toleration {
  readonly key?: string
  readonly operator?: string
  readonly value?: string
  readonly effect?: string
  readonly tolerationSeconds?: number
}

/** Made by `volumes`, read by `job-render`. `spec.placement` of the Runtime wins over every placement member here. */
export interface VolumeAccess {
  /** as in the engine's own volumeMount */
  readonly mountPath: string
  /** as in the engine's own volumeMount; '' for the whole claim */
  readonly subPath: string
  /** node of the running engine pod, when the claim can be used on one node only */
  readonly nodeName?: string
  /** the engine's own */
  readonly nodeSelector?: Readonly<Record<string, string>>
  readonly tolerations?: readonly Toleration[]
  /** the engine's own node affinity (never its pod affinity), or the pin of an unbound claim by kubernetes.io/hostname */
  readonly nodeAffinity?: Readonly<Record<string, unknown>>
  /** the engine's user and groups, as its pod or container says; absent = 65532 */
  readonly runAsUser?: number
  readonly runAsGroup?: number
  readonly fsGroup?: number
  readonly supplementalGroups?: readonly number[]
  /** the Runtime opted out of `restricted`: runAsUser 0 is used only then */
  readonly runAsRoot?: boolean
}

/** A VolumeView's `access` is opaque to the domain, so it comes back as unknown; anything else than ours is a bug of ours. */
export const parseVolumeAccess = (access: unknown): VolumeAccess => {
  const seen = access as Partial<VolumeAccess> | undefined
  if (typeof seen?.mountPath !== 'string' || typeof seen.subPath !== 'string') {
    throw new TypeError('this VolumeView was not made by the Kubernetes platform: access has no mountPath')
  }
  return seen as VolumeAccess
}
