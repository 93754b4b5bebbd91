// Each table of the memory world as a resource of an API server, and what the cache keeps of it.
import type { Kind, Model, Runtime } from '../../src/domain/object.ts'
import { HeldObject } from '../../src/platform/kubernetes/held-object.ts'
import type { KernelObject } from '../../src/platform/kubernetes/kernel/objects.ts'
import {
  DEPLOYMENT,
  JOB,
  MODEL,
  PERSISTENT_VOLUME_CLAIM,
  POD,
  type Resource,
  RUNTIME,
} from '../../src/platform/kubernetes/kernel/resources.ts'
import type { RawCustom } from '../../src/platform/kubernetes/kubernetes-objects.ts'
import type { World } from '../../src/platform/memory/memory-world.ts'
import type { Table } from '../../src/platform/memory/table.ts'
import type { Served } from './memory-api-server.ts'

export interface Mirror<T> extends Served<T> {
  readonly table: Table<T>
  /** what came over the wire → what is kept */
  readonly transform: (raw: KernelObject) => KernelObject
  readonly read: (kept: KernelObject) => T
}

/** A Model or Runtime is kept as the operator keeps it. */
const custom = <T extends Model | Runtime>(kind: Kind, resource: Resource, table: Table<T>): Mirror<T> => ({
  table,
  resource,
  render: ({ metadata, spec, status }) =>
    ({ metadata: withManagers(metadata), spec, status }) as KernelObject,
  transform: raw => new HeldObject(kind, raw as RawCustom),
  read: kept => (kept as HeldObject<Kind>).object as T,
})

const withManagers = ({ specManager, ...metadata }: (Model | Runtime)['metadata']) =>
  specManager === undefined
    ? metadata
    : { ...metadata, managedFields: [{ manager: specManager, fieldsV1: { 'f:spec': {} } }] }

interface Wrapped<T> extends KernelObject {
  readonly value: T
}

const plain = <T>(resource: Resource, table: Table<T>): Mirror<T> => ({
  table,
  resource,
  render: (value, { name, version }): Wrapped<T> => {
    const [namespace = '', own = ''] = name.split('/')
    const { uid = name } = value as { readonly uid?: string }
    return { metadata: { namespace, name: own, uid, resourceVersion: String(version) }, value }
  },
  transform: raw => raw,
  read: kept => (kept as Wrapped<T>).value,
})

export const mirrorsOf = (world: World): readonly Mirror<never>[] =>
  [
    custom('Model', MODEL, world.models),
    custom('Runtime', RUNTIME, world.runtimes),
    plain(JOB, world.works),
    plain(DEPLOYMENT, world.deployments),
    plain(POD, world.pods),
    plain(PERSISTENT_VOLUME_CLAIM, world.claims),
  ] as unknown as readonly Mirror<never>[]
