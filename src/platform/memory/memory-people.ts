// What people do to objects of the memory world, with the rules of an API server: generation, finalizers, schema.
import type { Kind, Model, Runtime } from '../../domain/object.ts'
import { parseObject } from '../../domain/stored.ts'
import { nameOf, type World } from './memory-world.ts'
import type { Table } from './table.ts'

type Object_ = Model | Runtime

export interface Written {
  readonly kind: Kind
  readonly namespace?: string
  readonly name: string
  readonly spec: unknown
  readonly annotations?: Readonly<Record<string, string>>
}

export const tableOf = (world: World, kind: Kind): Table<Object_> =>
  (kind === 'Model' ? world.models : world.runtimes) as unknown as Table<Object_>

/** kubectl apply. */
export const applyObject = (world: World, written: Written): void => {
  const { kind, namespace = 'default', name, annotations = {} } = written
  const table = tableOf(world, kind)
  const { status: _, ...content } = parseObject(kind, written.spec, {})
  const old = table.get(`${namespace}/${name}`)
  const isSame =
    old?.invalid === content.invalid && JSON.stringify(old?.spec) === JSON.stringify(content.spec)
  table.put(
    `${namespace}/${name}`,
    version =>
      ({
        kind,
        status: old?.status ?? {},
        ...content,
        metadata: {
          namespace,
          name,
          uid: old?.metadata.uid ?? `${name}-${world.serial()}`,
          generation: (old?.metadata.generation ?? 0) + (isSame ? 0 : 1),
          resourceVersion: String(version),
          creationTimestamp: old?.metadata.creationTimestamp ?? world.now(),
          finalizers: old?.metadata.finalizers ?? [],
          annotations: { ...old?.metadata.annotations, ...annotations },
          labels: {},
          specManager: 'kubectl',
        },
      }) as unknown as Object_,
  )
}

/** kubectl patch of single fields of the spec; `undefined` takes a field out. */
export const patchSpec = (world: World, kind: Kind, name: string, change: object): void => {
  const old = tableOf(world, kind).get(`default/${name}`)
  if (!old) throw new Error(`there is no ${kind} ${name}`)
  applyObject(world, { kind, name, spec: JSON.parse(JSON.stringify({ ...old.spec, ...change })) })
}

/** kubectl annotate: the spec and its generation stay. */
export const annotate = (
  world: World,
  kind: Kind,
  name: string,
  annotations: Record<string, string>,
): void => {
  const table = tableOf(world, kind)
  const old = table.get(`default/${name}`)
  if (!old) throw new Error(`there is no ${kind} ${name}`)
  putObject(table, { ...old, metadata: { ...old.metadata, annotations } })
}

/** kubectl delete: it goes when no finalizer holds it. */
export const deleteObject = (world: World, kind: Kind, name: string): void => {
  const table = tableOf(world, kind)
  const old = table.get(`default/${name}`)
  if (!old) return
  if (old.metadata.finalizers.length === 0) table.drop(`default/${name}`)
  else putObject(table, { ...old, metadata: { ...old.metadata, deletionTimestamp: world.now() } })
}

/** Stores it under a new version. */
export const putObject = (table: Table<Object_>, object: Object_): number =>
  table.put(
    nameOf(object.metadata),
    version => ({ ...object, metadata: { ...object.metadata, resourceVersion: String(version) } }) as Object_,
  )
