// The objects, from a view that may be late; a write of what is stale is refused, and a status that breaks its schema is a violation.
import { Transient } from '../../domain/failure.ts'
import { ModelStatus } from '../../domain/model.ts'
import { finalizer, type Key, keyOf, type Model, type Runtime } from '../../domain/object.ts'
import type { Store, Wake } from '../../domain/platform.ts'
import { RuntimeStatus } from '../../domain/runtime.ts'
import { putObject, tableOf } from './memory-people.ts'
import type { MemoryProcess } from './memory-process.ts'
import { nameOf, type World } from './memory-world.ts'
import type { Sight } from './table.ts'

type Stored = Model | Runtime

const byAge = (a: Stored, b: Stored): number =>
  a.metadata.creationTimestamp.localeCompare(b.metadata.creationTimestamp) ||
  a.metadata.name.localeCompare(b.metadata.name)

const within = <T extends Stored>(view: Sight<T>, namespace: string): readonly T[] =>
  view
    .list()
    .filter(object => object.metadata.namespace === namespace)
    .sort(byAge)

export const createMemoryStore = (process: MemoryProcess): Store => ({
  getModel: ref => process.models.get(nameOf(ref)),
  getRuntime: ref => process.runtimes.get(nameOf(ref)),
  listModels: namespace => within(process.models, namespace),
  listRuntimes: namespace => within(process.runtimes, namespace),
  writeModelStatus: (object, status) =>
    process.write(`status of ${keyOf(object)}: ${status.phase}`, () => writeStatus(process, object, status)),
  writeRuntimeStatus: (object, status) =>
    process.write(`status of ${keyOf(object)}: ${status.phase}`, () => writeStatus(process, object, status)),
  setFinalizer: async (object, isPresent) => {
    if (object.metadata.finalizers.includes(finalizer) === isPresent) return
    await process.write(`finalizer of ${keyOf(object)}`, () => setFinalizer(process, object, isPresent))
  },
  watch: wake => watch(process, wake),
  isBehind: key => process.isBehind(key),
  isTerminating: namespace => process.world.script.terminating.has(namespace),
})

const watch = ({ models, runtimes }: MemoryProcess, wake: Wake): void => {
  const keyOfName = (kind: 'Model' | 'Runtime', name: string): Key => `${kind}/${name}` as Key
  models.subscribe(name => wake(keyOfName('Model', name), false))
  runtimes.subscribe(name => wake(keyOfName('Runtime', name), false))
  for (const name of models.names()) wake(keyOfName('Model', name), true)
  for (const name of runtimes.names()) wake(keyOfName('Runtime', name), true)
}

const current = (world: World, object: Stored): Stored | undefined => {
  const now = tableOf(world, object.kind).get(nameOf(object.metadata))
  return now?.metadata.uid === object.metadata.uid ? now : undefined
}

const fresh = (world: World, object: Stored): Stored | undefined => {
  const now = current(world, object)
  if (now && now.metadata.resourceVersion !== object.metadata.resourceVersion) {
    throw new Transient('ApiUnavailable', `${keyOf(object)} was changed meanwhile`)
  }
  return now
}

const writeStatus = (process: MemoryProcess, object: Stored, status: ModelStatus | RuntimeStatus): void => {
  const { world } = process
  const now = fresh(world, object)
  if (!now) throw new Transient('ApiUnavailable', `${keyOf(object)} is gone`)
  if (world.script.checksStatus) checkStatus(world, object, status)
  put(process, { ...now, status: JSON.parse(JSON.stringify(status)) } as Stored)
}

/** An API server would refuse it or drop fields from it. */
const checkStatus = (world: World, object: Stored, status: object): void => {
  const schema = object.kind === 'Model' ? ModelStatus : RuntimeStatus
  const parsed = schema.safeParse(status)
  const text = parsed.success ? '' : parsed.error.message
  if (!parsed.success) world.violations.push(`status of ${keyOf(object)} breaks its schema: ${text}`)
  else if (Object.keys(parsed.data).sort().join() !== definedKeys(status).join())
    world.violations.push(`status of ${keyOf(object)} has fields that its schema does not know`)
}

const definedKeys = (value: object): string[] =>
  Object.entries(value)
    .filter(([, v]) => v !== undefined)
    .map(([key]) => key)
    .sort()

const setFinalizer = (process: MemoryProcess, object: Stored, isPresent: boolean): void => {
  const now = fresh(process.world, object)
  if (!now) return
  const others = now.metadata.finalizers.filter(one => one !== finalizer)
  const finalizers = isPresent ? [...others, finalizer] : others
  if (now.metadata.deletionTimestamp && finalizers.length === 0) {
    tableOf(process.world, object.kind).drop(nameOf(object.metadata))
    return
  }
  put(process, { ...now, metadata: { ...now.metadata, finalizers } } as Stored)
}

const put = (process: MemoryProcess, object: Stored): void => {
  const version = putObject(tableOf(process.world, object.kind), object)
  const view = object.kind === 'Model' ? process.models : process.runtimes
  process.recordWrite(keyOf(object), view, { name: nameOf(object.metadata), version })
}
