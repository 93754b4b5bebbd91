// What the database knows of works: each is recorded before its process is started, and its process as soon as it has a number.
import type { MirrorSecret, VolumeView, WorkIdentity, WorkOrder } from '../../domain/platform.ts'
import type { WorkerTask } from '../../domain/worker-task.ts'
import type { HostDatabase, Row } from './host-database.ts'
import type { ProcessMark } from './process-mark.ts'

/** As much of an order as it takes to start it again. */
export interface Job extends WorkIdentity {
  readonly id: string
  readonly task: WorkerTask
  readonly volume?: Pick<VolumeView, 'key' | 'claimUID' | 'mountPath'>
  readonly tokenSecret?: { readonly name: string; readonly key: string }
  readonly mirrorSecrets?: readonly MirrorSecret[]
}

export interface WorkRecord {
  readonly job: Job
  /** stands in the environment of its process */
  readonly token: string
  readonly startedAt: string
  /** absent: not started, or we ended between its start and this note */
  readonly mark?: ProcessMark
  /** cancelled; seen until its process has ended */
  readonly isLeaving: boolean
}

export const toJob = ({
  owner,
  command,
  subject,
  attempt,
  id,
  task,
  volume,
  tokenSecret,
  mirrorSecrets,
}: WorkOrder): Job => ({
  owner: { namespace: owner.namespace, name: owner.name, uid: owner.uid },
  command,
  subject,
  attempt,
  id,
  task,
  ...(volume ? { volume: { key: volume.key, claimUID: volume.claimUID, mountPath: volume.mountPath } } : {}),
  ...(tokenSecret ? { tokenSecret } : {}),
  ...(mirrorSecrets ? { mirrorSecrets } : {}),
})

export class WorkRecords {
  readonly #database: HostDatabase

  constructor(database: HostDatabase) {
    this.#database = database
  }

  all(): readonly WorkRecord[] {
    return this.#database.all('SELECT * FROM works ORDER BY started_at, id').map(toRecord)
  }

  put({ job, token, startedAt, mark, isLeaving }: WorkRecord): void {
    const texts = [job.owner.namespace, job.id, token, JSON.stringify(job), startedAt]
    this.#database.transaction(() =>
      this.#database.run(
        'INSERT OR REPLACE INTO works (namespace, id, token, job, started_at, mark, is_leaving) VALUES (?, ?, ?, ?, ?, ?, ?)',
        ...texts,
        mark ? JSON.stringify(mark) : null,
        Number(isLeaving),
      ),
    )
  }

  drop({ job }: WorkRecord): void {
    this.#database.transaction(() =>
      this.#database.run('DELETE FROM works WHERE namespace = ? AND id = ?', job.owner.namespace, job.id),
    )
  }
}

const toRecord = (row: Row): WorkRecord => ({
  job: JSON.parse(String(row['job'])) as Job,
  token: String(row['token']),
  startedAt: String(row['started_at']),
  ...(row['mark'] === null ? {} : { mark: JSON.parse(String(row['mark'])) as ProcessMark }),
  isLeaving: row['is_leaving'] === 1,
})
