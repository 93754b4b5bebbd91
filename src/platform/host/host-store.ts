// The Store of a host: reads from what was committed, writes one transaction each, refused when the view was stale.
import { Transient } from '../../domain/failure.ts'
import { finalizer, type Kind, keyOf, type Model, type Runtime } from '../../domain/object.ts'
import type { Store } from '../../domain/platform.ts'
import type { HostJournal } from './host-journal.ts'
import type { HostObjects, Stored } from './host-objects.ts'

export interface StoreParts {
  readonly objects: HostObjects
  readonly journal: HostJournal
}

export const createHostStore = ({ objects, journal }: StoreParts): Store => {
  const writeStatus = async (object: Stored, status: Stored['status']): Promise<void> => {
    const now = fresh(objects, object)
    if (!now) throw new Transient('ApiUnavailable', `${keyOf(object)} is gone`)
    objects.put({ ...toWritten(objects, now), status }, () => journal.writeProgress(now, status))
  }
  return {
    getModel: ref => objects.get('Model', ref) as Model | undefined,
    getRuntime: ref => objects.get('Runtime', ref) as Runtime | undefined,
    listModels: namespace => within(objects, 'Model', namespace) as readonly Model[],
    listRuntimes: namespace => within(objects, 'Runtime', namespace) as readonly Runtime[],
    writeModelStatus: writeStatus,
    writeRuntimeStatus: writeStatus,
    setFinalizer: async (object, isPresent) => {
      if (object.metadata.finalizers.includes(finalizer) !== isPresent)
        setFinalizer(objects, object, isPresent)
    },
    watch: wake => {
      objects.subscribe(key => wake(key, false))
      for (const key of objects.keys()) wake(key, true)
    },
    // What is shown is what was committed.
    isBehind: () => false,
    // A namespace is a name here and nothing that could be deleted.
    isTerminating: () => false,
  }
}

/** As it would be written, to be changed. */
export const toWritten = (objects: HostObjects, object: Stored) => {
  const { resourceVersion: _, ...metadata } = object.metadata
  return { kind: object.kind, metadata, spec: objects.specOf(object), status: object.status }
}

const byAge = ({ metadata: a }: Stored, { metadata: b }: Stored): number =>
  order(a.creationTimestamp, b.creationTimestamp) || order(a.name, b.name)

const order = (a: string, b: string): number => (a < b ? -1 : Number(a > b))

const within = (objects: HostObjects, kind: Kind, namespace: string): readonly Stored[] =>
  objects
    .list(kind)
    .filter(object => object.metadata.namespace === namespace)
    .sort(byAge)

/** The object as it stands; undefined when it is gone, or another one has its name. */
const fresh = (objects: HostObjects, object: Stored): Stored | undefined => {
  const now = objects.get(object.kind, object.metadata)
  if (now?.metadata.uid !== object.metadata.uid) return undefined
  if (now.metadata.resourceVersion !== object.metadata.resourceVersion)
    throw new Transient('ApiUnavailable', `${keyOf(object)} was changed meanwhile`)
  return now
}

const setFinalizer = (objects: HostObjects, object: Stored, isPresent: boolean): void => {
  const now = fresh(objects, object)
  if (!now) return
  const others = now.metadata.finalizers.filter(one => one !== finalizer)
  const finalizers = isPresent ? [...others, finalizer] : others
  if (now.metadata.deletionTimestamp && finalizers.length === 0) {
    objects.drop(now)
    return
  }
  const written = toWritten(objects, now)
  objects.put({ ...written, metadata: { ...written.metadata, finalizers } })
}
