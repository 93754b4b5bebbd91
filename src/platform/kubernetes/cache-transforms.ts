// What of an object is kept in a cache: pure, run once per event before anything is stored.
import type { RawConfigMap, RawCustom, RawPod, RawReplicaSet } from './kubernetes-objects.ts'

interface Held {
  readonly metadata: {
    readonly annotations?: Readonly<Record<string, string>>
    readonly managedFields?: readonly ManagedEntry[]
  }
}

interface ManagedEntry {
  readonly manager?: string
  readonly subresource?: string
  readonly time?: string
  readonly fieldsV1?: unknown
}

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration'

/** Neither managedFields nor kubectl's copy of the whole object. */
export const withoutManagers = <T extends Held>(object: T): T => {
  const { managedFields: _, annotations, ...metadata } = object.metadata
  const kept =
    annotations && Object.fromEntries(Object.entries(annotations).filter(([k]) => k !== lastApplied))
  return { ...object, metadata: { ...metadata, ...(kept ? { annotations: kept } : {}) } }
}

/** A Model or Runtime: of its managers only the one that wrote the spec last. */
export const keepSpecManager = (object: RawCustom): RawCustom => {
  const entries = (object.metadata.managedFields ?? []) as readonly ManagedEntry[]
  const writers = entries
    .filter(entry => !entry.subresource && hasSpec(entry.fieldsV1))
    .sort((a, b) => (b.time ?? '').localeCompare(a.time ?? ''))
  const specManager = writers[0]?.manager
  return { ...withoutManagers(object), ...(specManager ? { specManager } : {}) }
}

const hasSpec = (fields: unknown): boolean =>
  typeof fields === 'object' && fields !== null && Object.hasOwn(fields, 'f:spec')

/** Who wrote which field matters here (FieldConflict); what the status's writers wrote does not. */
export const keepManagers = <T extends Held>(object: T): T => {
  const managedFields = object.metadata.managedFields?.filter(entry => !entry.subresource)
  return { ...object, metadata: { ...object.metadata, ...(managedFields ? { managedFields } : {}) } }
}

const largestData = 64 * 1024

/** A file of engine arguments is small; anything larger is somebody else's and only its existence matters. */
export const slimConfigMap = (object: RawConfigMap): RawConfigMap => {
  const { binaryData: _, data, ...kept } = object
  const size = Object.values(data ?? {}).reduce((sum, text) => sum + text.length, 0)
  return keepManagers(data && size <= largestData ? { ...kept, data } : kept)
}

/** Pods that no ReplicaSet made are of no interest: only that they are there. */
export const slimPod = (object: RawPod): RawPod => {
  const pod = withoutManagers(object)
  const isOfDeployment = pod.metadata.ownerReferences?.some(owner => owner.kind === 'ReplicaSet')
  if (isOfDeployment) return pod
  const { name, namespace, uid, resourceVersion, labels } = pod.metadata
  const metadata = {
    name,
    uid,
    resourceVersion,
    ...(namespace ? { namespace } : {}),
    ...(labels ? { labels } : {}),
  }
  return { metadata, ...(pod.status?.phase ? { status: { phase: pod.status.phase } } : {}) }
}

/** Its template's spec repeats the Deployment's. */
export const slimReplicaSet = (object: RawReplicaSet): RawReplicaSet => {
  const set = withoutManagers(object)
  if (!set.spec?.template) return set
  const { spec: _, ...template } = set.spec.template
  return { ...set, spec: { ...set.spec, template } }
}
