// The objects of a host: in the database, and as they were parsed in memory, which shows exactly what was committed.
import type { Kind, Metadata, Model, Ref, Runtime } from '../../domain/object.ts'
import { type Key, toKey } from '../../domain/object.ts'
import { parseObject } from '../../domain/stored.ts'
import type { HostDatabase, Row } from './host-database.ts'

export type Stored = Model | Runtime

/** As it stands in the database: the spec as a person wrote it, so that a later schema reads it anew. */
export interface Written {
  readonly kind: Kind
  readonly metadata: Omit<Metadata, 'resourceVersion'>
  readonly spec: unknown
  readonly status: unknown
}

const columns = 'kind, namespace, name, uid, version, metadata, spec, status'

export class HostObjects {
  readonly #database: HostDatabase
  readonly #objects = new Map<Key, Stored>()
  readonly #specs = new Map<Key, unknown>()
  readonly #listeners = new Set<(key: Key) => void>()

  constructor(database: HostDatabase) {
    this.#database = database
    for (const row of database.all(`SELECT ${columns} FROM objects`))
      this.#show(toWritten(row), Number(row['version']))
  }

  get(kind: Kind, ref: Ref): Stored | undefined {
    return this.#objects.get(toKey(kind, ref))
  }

  /** The spec as it was written. */
  specOf(object: Stored): unknown {
    return this.#specs.get(toKey(object.kind, object.metadata))
  }

  list(kind: Kind): readonly Stored[] {
    return [...this.#objects.values()].filter(object => object.kind === kind)
  }

  keys(): readonly Key[] {
    return [...this.#objects.keys()]
  }

  /** Called after each change is on disk and while it is shown here; returns what ends that. */
  subscribe(listener: (key: Key) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Stores it under the next version, and what `also` writes with it, as one commit. */
  put(written: Written, also: () => void = () => undefined): void {
    const version = this.#database.transaction(() => {
      const next = this.#nextVersion()
      const { kind, metadata, spec, status } = written
      const { namespace, name, uid } = metadata
      const texts = [metadata, spec, status].map(part => JSON.stringify(part ?? {}))
      const values = [kind, namespace, name, uid, next, ...texts]
      this.#database.run(
        `INSERT OR REPLACE INTO objects (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
        ...values,
      )
      also()
      return next
    })
    this.#show(written, version)
    this.#tell(toKey(written.kind, written.metadata))
  }

  drop(object: Stored, also: () => void = () => undefined): void {
    const { namespace, name } = object.metadata
    this.#database.transaction(() => {
      this.#nextVersion()
      this.#database.run(
        'DELETE FROM objects WHERE kind = ? AND namespace = ? AND name = ?',
        object.kind,
        namespace,
        name,
      )
      also()
    })
    const key = toKey(object.kind, object.metadata)
    this.#objects.delete(key)
    this.#specs.delete(key)
    this.#tell(key)
  }

  #nextVersion(): number {
    return Number(
      this.#database.all('UPDATE counter SET version = version + 1 RETURNING version')[0]?.['version'],
    )
  }

  #show(written: Written, version: number): void {
    const { kind, metadata, spec, status } = written
    const key = toKey(kind, metadata)
    const parsed = parseObject(kind, spec, JSON.parse(JSON.stringify(status ?? {})))
    const shown = { kind, metadata: { ...metadata, resourceVersion: String(version) }, ...parsed }
    this.#objects.set(key, shown as Stored)
    this.#specs.set(key, spec)
  }

  #tell(key: Key): void {
    for (const listener of this.#listeners) listener(key)
  }
}

const toWritten = (row: Row): Written => {
  const part = (name: string): unknown => JSON.parse(String(row[name]))
  return {
    kind: row['kind'] as Kind,
    metadata: part('metadata') as Written['metadata'],
    spec: part('spec'),
    status: part('status'),
  }
}
