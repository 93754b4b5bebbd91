// The commands' way to a cluster: the requests that kubectl would send, by the client that the operator has.
import type { Kind, Runtime } from '../domain/object.ts'
import { type ApplyResult, type Client, type LogWish, Refusal, type Seen } from './client.ts'
import { type ApiRefusal, type ClusterParts, toRefusal } from './cluster-calls.ts'
import { readClusterEvents } from './cluster-events.ts'
import { findOwner, ourManager } from './owner.ts'
import { toRow } from './row.ts'

interface Meta {
  readonly name: string
  readonly labels?: Readonly<Record<string, string>> | undefined
  readonly annotations?: Readonly<Record<string, string>> | undefined
  readonly namespace?: string
  readonly uid?: string
  readonly resourceVersion?: string
  readonly creationTimestamp?: string
}
interface Wire {
  readonly metadata: Meta
  readonly spec?: unknown
}

const asked = async <T>(work: Promise<T>): Promise<T> => {
  try {
    return await work
  } catch (error) {
    throw toRefusal(error)
  }
}

/** By code units: the first comparison by a language loads its whole collation, 5 ms. */
const compare = (a: string, b: string): number => (a < b ? -1 : Number(a > b))

const byAge = ({ metadata: a }: Wire, { metadata: b }: Wire): number =>
  compare(a.creationTimestamp ?? '', b.creationTimestamp ?? '') || compare(a.name, b.name)

const withKind = (kind: Kind, wire: Wire) => ({ apiVersion: 'switchyard.dev/v1alpha1', ...wire, kind })

const parse = async (kind: Kind, all: readonly Wire[]): Promise<readonly Seen[]> => {
  const { toSeen } = await import('./seen.ts')
  return all.map(wire => toSeen(withKind(kind, wire) as Parameters<typeof toSeen>[0]))
}

export const createClusterClient = <R>(parts: ClusterParts<R>): Client => {
  const { calls, resources, place, namespace, close } = parts
  const listAll = async (kind: Kind, of: string | undefined): Promise<readonly Wire[]> =>
    (await asked(calls.listAll<Wire>(resources[kind], { namespace: of }))).sort(byAge)
  return {
    platform: 'cluster',
    place,
    namespace,
    close,
    rows: async (kind, of) => (await listAll(kind, of)).map(wire => toRow(withKind(kind, wire))),
    list: async (kind, of) => parse(kind, await listAll(kind, of)),
    find: async (kind, ref) => {
      const found = await asked(calls.find<Wire>(resources[kind], ref))
      return found && (await parse(kind, [found]))[0]
    },
    apply: (wish, { force }) => {
      const { kind, name, namespace: of, labels, annotations, spec } = wish
      const metadata = { name, namespace: of, ...filled({ labels, annotations }) }
      return apply(parts, { kind, object: { metadata, spec }, force })
    },
    change: async ({ kind, metadata }, { spec, annotations }) => {
      const { name, namespace: of, resourceVersion } = metadata
      const patch = { ...(spec ? { spec } : {}), ...(annotations ? { metadata: { annotations } } : {}) }
      const at = { name, namespace: of, patch }
      const now = await asked(calls.mergePatch<Wire>(resources[kind], at, { fieldManager: ourManager }))
      return now.metadata.resourceVersion === resourceVersion ? 'unchanged' : 'configured'
    },
    remove: async ({ kind, metadata }) => {
      const { name, namespace: of, uid } = metadata
      await asked(calls.delete(resources[kind], { name, namespace: of }, { uid }))
      return (await asked(calls.find<Wire>(resources[kind], { name, namespace: of })))?.metadata.uid !== uid
    },
    logs: (runtime, wish) => readLogs(parts, runtime, wish),
    happenings: wish => readClusterEvents(parts, wish),
    ownerOf: ({ raw }, field) => findOwner(raw['metadata'] as object, field),
  }
}

/** An empty map would be one more thing that we own. */
const filled = (maps: Readonly<Record<string, object | undefined>>): object =>
  Object.fromEntries(Object.entries(maps).filter(([, map]) => map && Object.keys(map).length > 0))

interface Apply {
  readonly kind: Kind
  readonly object: { readonly metadata: Meta; readonly spec: unknown }
  readonly force: boolean
}

const apply = async <R>({ calls, resources }: ClusterParts<R>, wish: Apply): Promise<ApplyResult> => {
  const { kind, object, force } = wish
  const { name, namespace } = object.metadata
  const before = await asked(calls.find<Wire>(resources[kind], { name, namespace }))
  const send = (forced: boolean): Promise<Wire> =>
    calls.apply<Wire>(resources[kind], object, { fieldManager: ourManager, force: forced })
  const now = await send(force).catch((error: ApiRefusal) => {
    // What these commands changed by a patch is theirs to change by a file.
    if (isOwnConflict(error)) return send(true)
    throw conflictOf(error) ?? toRefusal(error)
  })
  if (!before) return 'created'
  return before.metadata.resourceVersion === now.metadata.resourceVersion ? 'unchanged' : 'configured'
}

const isOwn = ({ message }: { readonly message?: string }): boolean =>
  message?.includes(`"${ourManager}"`) ?? false

const isOwnConflict = ({ status, details }: ApiRefusal): boolean => {
  const causes = details?.causes ?? []
  return status === 409 && causes.length > 0 && causes.every(isOwn)
}

/** Who owns what, of a conflict between managers. */
const conflictOf = ({ status, details }: ApiRefusal): Refusal | undefined => {
  const causes = (details?.causes ?? []).filter(
    cause => cause.message?.startsWith('conflict with') && !isOwn(cause),
  )
  if (status !== 409 || causes.length === 0) return undefined
  const owned = causes.map(({ message, field }) => `${field?.replace(/^\./, '')} (${message})`)
  return new Refusal(`others own ${owned.join(', ')}: change it there, or take it over with --force`, 3)
}

interface RawDeployment {
  readonly spec?: { readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> } }
}
interface RawPod {
  readonly metadata: Meta
  readonly spec?: { readonly containers?: readonly { readonly name: string }[] }
}

/** Of the newest pod of the Runtime's Deployment. */
async function* readLogs<R>(
  { calls, resources }: ClusterParts<R>,
  { metadata, spec }: Runtime,
  wish: LogWish,
): AsyncGenerator<string> {
  const { namespace } = metadata
  const name = spec.kubernetes?.deploymentName ?? metadata.name
  const deployment = await asked(calls.find<RawDeployment>(resources.deployment, { namespace, name }))
  if (!deployment) throw new Refusal(`Deployment ${name} does not exist`)
  const labels = Object.entries(deployment.spec?.selector?.matchLabels ?? {})
  const labelSelector = labels.map(([key, value]) => `${key}=${value}`).join(',')
  const pods = await asked(calls.listAll<RawPod>(resources.pod, { namespace, labelSelector }))
  const age = ({ metadata: { creationTimestamp = '' } }: RawPod): string => creationTimestamp
  const pod = pods.sort((a, b) => age(b).localeCompare(age(a)))[0]
  if (!pod) throw new Refusal(`no pod of Deployment ${name} is there`, 3)
  const container = containerOf(pod, spec)
  const how = {
    follow: wish.follow,
    previous: wish.previous,
    tailLines: wish.lines,
    ...(container ? { container } : {}),
  }
  try {
    yield* calls.logs({ namespace, name: pod.metadata.name }, how)
  } catch (error) {
    throw toRefusal(error)
  }
}

const containerOf = ({ spec }: RawPod, { engine, kubernetes }: Runtime['spec']): string | undefined => {
  const names = spec?.containers?.map(({ name }) => name) ?? []
  return kubernetes?.container ?? names.find(name => name === engine.toLowerCase()) ?? names[0]
}
