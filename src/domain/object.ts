// The shape every stored object has, on every platform, and the key it is queued under.
import type { ModelSpec, ModelStatus } from './model.ts'
import type { RuntimeSpec, RuntimeStatus } from './runtime.ts'

export type Kind = 'Model' | 'Runtime'

/** `Kind/namespace/name` */
export type Key = `${Kind}/${string}/${string}`

export interface Ref {
  readonly namespace: string
  readonly name: string
}

export interface Metadata extends Ref {
  readonly uid: string
  readonly generation: number
  readonly resourceVersion: string
  readonly creationTimestamp: string
  readonly deletionTimestamp?: string
  readonly finalizers: readonly string[]
  readonly annotations: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
  /** manager that last wrote spec; `requestedBy` of an operation */
  readonly specManager?: string
}

/** A stored object whose spec was parsed; `invalid` names the field when the stored spec breaks the schema. */
export interface Stored<K extends Kind, Spec, Status> {
  readonly kind: K
  readonly metadata: Metadata
  readonly spec: Spec
  readonly status: Status
  readonly invalid?: string
}

export type Model = Stored<'Model', ModelSpec, ModelStatus>
export type Runtime = Stored<'Runtime', RuntimeSpec, RuntimeStatus>

export const finalizer = 'switchyard.dev/cleanup'

export const toKey = (kind: Kind, ref: Ref): Key => `${kind}/${ref.namespace}/${ref.name}`

export const parseKey = (key: Key): Ref & { readonly kind: Kind } => {
  const [kind, namespace = '', name = ''] = key.split('/')
  return { kind: kind as Kind, namespace, name }
}

export const keyOf = (object: Model | Runtime): Key => toKey(object.kind, object.metadata)

export const annotations = {
  reconcile: 'switchyard.dev/reconcile-requested-at',
  retry: 'switchyard.dev/retry-requested-at',
  refresh: 'switchyard.dev/refresh-requested-at',
  verify: 'switchyard.dev/verify-requested-at',
  cancel: 'switchyard.dev/cancel-requested-at',
  restore: 'switchyard.dev/restore-requested-at',
} as const
export type AnnotationName = keyof typeof annotations

/** The value a person set, unless it was handled before; as much of it as status can echo. */
export const pendingRequest = (object: Model | Runtime, name: AnnotationName): string | undefined => {
  const asked = object.metadata.annotations[annotations[name]]?.slice(0, 256)
  return asked && asked !== object.status.lastHandled?.[name] ? asked : undefined
}
