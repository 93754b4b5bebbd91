// The diary of a host: one append-only table of what people asked for, how objects went on, and what was noted.
import type { Kind, Metadata, Model, Ref, Runtime } from '../../domain/object.ts'
import type { Operation } from '../../domain/operation.ts'
import type { Journal, Note } from '../../domain/platform.ts'
import type { HostDatabase, Row } from './host-database.ts'

interface About extends Pick<Model | Runtime, 'kind'> {
  readonly metadata: Pick<Metadata, 'namespace' | 'name' | 'uid'>
}
type Status = Model['status'] | Runtime['status']

/** Applied, Deleted and Asked (by annotation): a person's wish. Phase and Operation: how it went on. Note: an event. */
export type What = 'Applied' | 'Deleted' | 'Asked' | 'Phase' | 'Operation' | 'Note'

export interface Entry {
  readonly seq: number
  readonly at: string
  readonly actor: string
  readonly what: What
  readonly body: unknown
}

/** With the object that it is about. */
export interface Told extends Entry, Ref {
  readonly kind: Kind
}

const controller = 'switchyard'

export class HostJournal implements Journal {
  readonly #database: HostDatabase
  readonly #now: () => Date
  readonly #onFailure: (error: unknown) => void
  readonly #listeners = new Set<() => void>()

  constructor(
    database: HostDatabase,
    now: () => Date,
    onFailure: (error: unknown) => void = () => undefined,
  ) {
    this.#database = database
    this.#now = now
    this.#onFailure = onFailure
  }

  write(about: Model | Runtime, note: Note): void {
    try {
      this.#database.transaction(() => this.add(about, 'Note', { body: note }))
    } catch (error) {
      this.#onFailure(error)
    }
  }

  /** Inside the transaction that carries it out. */
  add(about: About, what: What, { body, actor = controller }: { body: unknown; actor?: string }): void {
    const { namespace, name, uid } = about.metadata
    const values = [
      this.#now().toISOString(),
      actor,
      what,
      about.kind,
      namespace,
      name,
      uid,
      JSON.stringify(body),
    ]
    this.#database.run(
      'INSERT INTO journal (at, actor, what, kind, namespace, name, uid, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
      ...values,
    )
    // When the transaction around it has ended, which is one turn without a pause.
    queueMicrotask(() => {
      for (const listener of this.#listeners) listener()
    })
  }

  /** Called after an entry may have been added; returns what ends that. */
  subscribe(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** What a status that is about to be written says beyond the one before: another phase, operations that began or ended. */
  writeProgress(object: Model | Runtime, next: Status): void {
    const before = object.status
    if (before.phase !== next.phase)
      this.add(object, 'Phase', { body: { from: before.phase ?? '', to: next.phase ?? '' } })
    for (const operation of newsOf(before.operations, next.operations))
      this.add(object, 'Operation', { body: operation, ...actorOf(operation) })
  }

  /** Oldest first, at most `limit`, after `since`. */
  read(uid: string, since = 0, limit = 1_000): readonly Entry[] {
    const sql =
      'SELECT seq, at, actor, what, body FROM journal WHERE uid = ? AND seq > ? ORDER BY seq LIMIT ?'
    return this.#database.all(sql, uid, since, limit).map(toEntry)
  }

  /** The number up to which entries may have left; 0: none has. */
  bound(): number {
    return Number(this.#database.all('SELECT seq FROM journal_bound')[0]?.['seq'] ?? 0)
  }

  /** Of all objects, also those that are gone; oldest first, at most `limit`, after `since`. */
  readAll(since: number, limit: number): readonly Told[] {
    const sql =
      'SELECT seq, at, actor, what, kind, namespace, name, body FROM journal WHERE seq > ? ORDER BY seq LIMIT ?'
    return this.#database.all(sql, since, limit).map(row => ({
      ...toEntry(row),
      kind: row['kind'] as Kind,
      namespace: String(row['namespace']),
      name: String(row['name']),
    }))
  }
}

const toEntry = (row: Row): Entry => ({
  seq: Number(row['seq']),
  at: String(row['at']),
  actor: String(row['actor']),
  what: row['what'] as What,
  body: JSON.parse(String(row['body'])),
})

const actorOf = ({ requestedBy }: Operation) => (requestedBy ? { actor: requestedBy } : {})

/** Oldest first. */
const newsOf = (before: readonly Operation[] = [], next: readonly Operation[] = []): readonly Operation[] =>
  next.filter(one => !before.some(old => old.id === one.id && old.phase === one.phase)).toReversed()
