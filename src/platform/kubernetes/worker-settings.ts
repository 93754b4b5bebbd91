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
