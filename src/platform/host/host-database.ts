// The one file of a host: SQLite with a write-ahead log that is synced at each commit, opened by one process, migrated as it is opened.
import { chmodSync, closeSync, existsSync, openSync } from 'node:fs'
import type { DatabaseSync, SQLInputValue, StatementSync } from 'node:sqlite'
import { Transient } from '../../domain/failure.ts'
import { migrations } from './host-schema.ts'

/** A row as SQLite returns it. */
export type Row = Readonly<Record<string, unknown>>

/** Conditions may hold what an engine said; nobody else has to read it. SQLite gives its log the mode of the file. */
const keepPrivate = (path: string): void => {
  // A file that is there is not opened here: its end would give back the lock of whoever has it in this process.
  if (!existsSync(path)) closeSync(openSync(path, 'wx', 0o600))
  for (const file of [path, `${path}-wal`]) if (existsSync(file)) chmodSync(file, 0o600)
}

const open = (path: string): DatabaseSync => {
  // Loaded when it is needed: the operator never does.
  const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
  const sqlite = new DatabaseSync(path)
  try {
    // Exclusive: the lock is the process's, and the kernel gives it back whatever ends it.
    sqlite.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL')
    sqlite.exec('BEGIN IMMEDIATE; COMMIT')
  } catch (error) {
    sqlite.close()
    throw /locked|busy/.test((error as Error).message)
      ? new Error(`${path} is in use: another switchyard host runs on it`)
      : error
  }
  return sqlite
}

export class HostDatabase {
  readonly #sqlite: DatabaseSync
  readonly #statements = new Map<string, StatementSync>()

  /** Throws when another process has it, or when it was written by a newer program. */
  constructor(path: string) {
    if (path !== ':memory:') keepPrivate(path)
    this.#sqlite = open(path)
    try {
      this.#migrate(path)
    } catch (error) {
      this.#sqlite.close()
      throw error
    }
  }

  all(sql: string, ...values: SQLInputValue[]): readonly Row[] {
    return this.#statement(sql).all(...values)
  }

  /** Number of rows changed. */
  run(sql: string, ...values: SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).changes)
  }

  /** All of it or nothing; on disk when it returns. What SQLite refuses is Transient. */
  transaction<T>(change: () => T): T {
    try {
      this.#sqlite.exec('BEGIN IMMEDIATE')
      const result = change()
      this.#sqlite.exec('COMMIT')
      return result
    } catch (error) {
      if (this.#sqlite.isTransaction) this.#sqlite.exec('ROLLBACK')
      throw isOfSqlite(error)
        ? new Transient('ApiUnavailable', `the store cannot be written: ${error.message}`)
        : error
    }
  }

  close(): void {
    if (this.#sqlite.isOpen) this.#sqlite.close()
  }

  #statement(sql: string): StatementSync {
    const known = this.#statements.get(sql) ?? this.#sqlite.prepare(sql)
    this.#statements.set(sql, known)
    return known
  }

  #migrate(path: string): void {
    const done = Number(this.all('PRAGMA user_version')[0]?.['user_version'])
    if (done > migrations.length)
      throw new Error(
        `${path} was written by a newer switchyard (schema ${done}, known ${migrations.length})`,
      )
    for (const [at, migration] of migrations.entries())
      if (at >= done)
        this.transaction(() => this.#sqlite.exec(`${migration}; PRAGMA user_version = ${at + 1}`))
  }
}

const isOfSqlite = (error: unknown): error is Error =>
  error instanceof Error && (error as NodeJS.ErrnoException).code === 'ERR_SQLITE_ERROR'
