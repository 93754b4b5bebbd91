// The resources that Switchyard speaks to, and the path of each: constants, so nothing is discovered at run time.

export interface Resource {
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly kind: string
  readonly namespaced: boolean
}

/** Which object; `namespace` is required for namespaced resources. */
export interface Ref {
  readonly namespace?: string | undefined
  readonly name: string
}

/** What the kernel needs to know of any object; callers bring their own, wider types. */
export interface KernelObject {
  readonly metadata: Ref & { readonly uid: string; readonly resourceVersion: string }
}

export interface PathParts {
  readonly namespace?: string | undefined
  readonly name?: string | undefined
  readonly subresource?: string | undefined
}

/** `apps/v1 deployments Deployment` in the words of kubectl api-resources. */
function resource(groupVersion: string, plural: string, kind: string): Resource {
  const slash = groupVersion.indexOf('/')
  const group = slash < 0 ? '' : groupVersion.slice(0, slash)
  return Object.freeze({ group, version: groupVersion.slice(slash + 1), plural, kind, namespaced: true })
}

const clusterWide = (of: Resource): Resource => Object.freeze({ ...of, namespaced: false })

export const MODEL = resource('switchyard.dev/v1alpha1', 'models', 'Model')
export const RUNTIME = resource('switchyard.dev/v1alpha1', 'runtimes', 'Runtime')
export const JOB = resource('batch/v1', 'jobs', 'Job')
export const POD = resource('v1', 'pods', 'Pod')
export const PERSISTENT_VOLUME_CLAIM = resource('v1', 'persistentvolumeclaims', 'PersistentVolumeClaim')
export const PERSISTENT_VOLUME = clusterWide(resource('v1', 'persistentvolumes', 'PersistentVolume'))
export const NODE = clusterWide(resource('v1', 'nodes', 'Node'))
export const DEPLOYMENT = resource('apps/v1', 'deployments', 'Deployment')
export const REPLICA_SET = resource('apps/v1', 'replicasets', 'ReplicaSet')
export const CONFIG_MAP = resource('v1', 'configmaps', 'ConfigMap')
export const SERVICE = resource('v1', 'services', 'Service')
export const CORE_EVENT = resource('v1', 'events', 'Event')
export const EVENT = resource('events.k8s.io/v1', 'events', 'Event')
export const LEASE = resource('coordination.k8s.io/v1', 'leases', 'Lease')
export const HORIZONTAL_POD_AUTOSCALER = resource(
  'autoscaling/v2',
  'horizontalpodautoscalers',
  'HorizontalPodAutoscaler',
)
export const STORAGE_CLASS = clusterWide(resource('storage.k8s.io/v1', 'storageclasses', 'StorageClass'))
export const NAMESPACE = clusterWide(resource('v1', 'namespaces', 'Namespace'))

/** All of them under one name. */
export const resources = Object.freeze({
  model: MODEL,
  runtime: RUNTIME,
  job: JOB,
  pod: POD,
  persistentVolumeClaim: PERSISTENT_VOLUME_CLAIM,
  persistentVolume: PERSISTENT_VOLUME,
  node: NODE,
  deployment: DEPLOYMENT,
  replicaSet: REPLICA_SET,
  configMap: CONFIG_MAP,
  service: SERVICE,
  coreEvent: CORE_EVENT,
  event: EVENT,
  lease: LEASE,
  horizontalPodAutoscaler: HORIZONTAL_POD_AUTOSCALER,
  storageClass: STORAGE_CLASS,
  namespace: NAMESPACE,
})

export function apiVersionOf(of: Resource): string {
  return of.group === '' ? of.version : `${of.group}/${of.version}`
}

/** `models.switchyard.dev`, for messages and metric labels. */
export function titleOf(of: Resource): string {
  return of.group === '' ? of.plural : `${of.plural}.${of.group}`
}

/** A name without namespace on a namespaced resource is a mistake of the caller; a list without one is cluster wide. */
export function pathOf(of: Resource, parts: PathParts = {}): string {
  if (of.namespaced && parts.name !== undefined && !parts.namespace) {
    throw new TypeError(`${titleOf(of)} is namespaced: a name needs a namespace`)
  }
  if (parts.name === '') throw new TypeError(`${titleOf(of)}: the name is empty`)
  const segments = of.group === '' ? ['api', of.version] : ['apis', of.group, of.version]
  if (of.namespaced && parts.namespace) segments.push('namespaces', parts.namespace)
  segments.push(of.plural)
  if (parts.name !== undefined) segments.push(parts.name)
  if (parts.subresource !== undefined) segments.push(parts.subresource)
  return `/${segments.map(encodeSegment).join('/')}`
}

// A dot segment survives encodeURIComponent and would climb the path.
function encodeSegment(segment: string): string {
  if (segment === '.' || segment === '..') throw new TypeError(`'${segment}' is not a name`)
  return encodeURIComponent(segment)
}
