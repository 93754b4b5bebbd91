// What the database knows of engines: what each is to be started with, and which process it has.
import type { Ref } from '../../domain/object.ts'
import type { Problem } from '../../domain/platform.ts'
import type { HostDatabase } from './host-database.ts'
import type { ProcessMark } from './process-mark.ts'
import type { Template } from './serving-render.ts'

/** One start of a template, with its restarts: what a pod is on a cluster. */
export interface Run {
  readonly name: string
  readonly uid: string
  readonly template: Template
  /** stands in the environment of its process, and is recorded before that starts */
  readonly token: string
  /** absent: not started, or the daemon ended between its start and this note */
  readonly mark?: ProcessMark
  readonly createdAt: string
  /** when its process was seen to listen first; absent until then */
  readonly readyAt?: string
  readonly restarts: number
  /** how its process ended last, or why it does not start */
  readonly problem?: Problem
  /** its process is gone: not started again before that time (milliseconds) */
  readonly againAt?: number
  /** told to end */
  readonly isLeaving?: boolean
}

export interface ServingRecord extends Ref {
  /** of the Runtime */
  readonly uid: string
  readonly template: Template
  readonly previous?: Template
  /** of the spec that the template was made from; absent in records of before */
  readonly bare?: Template
  readonly replicas: 0 | 1
  readonly graceSeconds: number
  /** runs so far: names the next one */
  readonly runs: number
  readonly run?: Run
  /** goes when its process has ended */
  readonly isReleased?: boolean
}

export class ServingRecords {
  readonly #database: HostDatabase

  constructor(database: HostDatabase) {
    this.#database = database
  }

  all(): readonly ServingRecord[] {
    return this.#database
      .all('SELECT serving FROM servings')
      .map(row => JSON.parse(String(row['serving'])) as ServingRecord)
  }

  put(record: ServingRecord): void {
    this.#database.transaction(() =>
      this.#database.run(
        'INSERT OR REPLACE INTO servings (namespace, name, serving) VALUES (?, ?, ?)',
        record.namespace,
        record.name,
        JSON.stringify(record),
      ),
    )
  }

  drop({ namespace, name }: Ref): void {
    this.#database.transaction(() =>
      this.#database.run('DELETE FROM servings WHERE namespace = ? AND name = ?', namespace, name),
    )
  }
}
