// How this operator starts workers: what the chart's `worker` values say. A Runtime's `spec.worker` lies over it.
import type { Placement, WorkerOverlay } from '../../domain/runtime.ts'

export interface WorkerSettings {
  readonly image: string
  readonly imagePullPolicy?: 'Always' | 'IfNotPresent' | 'Never'
  /** absent = ClusterFirst; `Default` where the cluster has no DNS of its own */
  readonly dnsPolicy?: string
  /** proxy variables and the like; never a secret */
  readonly env?: Readonly<Record<string, string>>
  /** extra certificate authorities, as a ConfigMap of the Model's namespace */
  readonly caConfigMap?: { readonly name: string; readonly key: string }
  /** labels, annotations, resources, pull secrets, priority: for every worker */
  readonly overlay?: WorkerOverlay
  /** where `resolve` runs, which has no volume */
  readonly placement?: Placement
}

/** As the chart's `worker` values come in: the overlay, and beside it what only the operator may say. */
export interface WorkerValues extends WorkerOverlay, Placement {
  readonly dnsPolicy?: string
  readonly env?: Readonly<Record<string, string>>
  readonly caConfigMap?: { readonly name: string; readonly key: string }
}

export const toWorkerSettings = (
  image: string,
  pullPolicy: WorkerSettings['imagePullPolicy'],
  values: WorkerValues,
): WorkerSettings => {
  const { nodeSelector, tolerations, affinity, dnsPolicy, env, caConfigMap, ...overlay } = values
  const members = { nodeSelector, tolerations, affinity }
  const placement = Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
  return {
    image,
    overlay,
    ...(pullPolicy ? { imagePullPolicy: pullPolicy } : {}),
    ...(dnsPolicy ? { dnsPolicy } : {}),
    ...(env ? { env } : {}),
    ...(caConfigMap ? { caConfigMap } : {}),
    ...(Object.keys(placement).length > 0 ? { placement: placement as Placement } : {}),
  }
}
