// Keeps the journal from growing for ever: bounded by number and age, in small steps; what a running operation still tells of stays.
import type { HostDatabase } from './host-database.ts'
import type { HostObjects, Stored } from './host-objects.ts'

export interface JournalKeeps {
  readonly entries: number
  readonly days: number
}

export interface BoundParts {
  readonly database: HostDatabase
  readonly objects: Pick<HostObjects, 'list'>
  readonly keeps: JournalKeeps
  readonly now: () => Date
  readonly onFailure: (error: unknown) => void
}

const restMs = 3_600_000
const dayMs = 86_400_000
/** In one transaction: nobody waits longer than some milliseconds. */
const step = 2_000

/** Entries of one object that stay whatever their age, from that time on. */
interface Kept {
  readonly uid: string
  readonly from: string
}

export class JournalBound {
  readonly #parts: BoundParts
  #timer: NodeJS.Timeout

  constructor(parts: BoundParts) {
    this.#parts = parts
    this.#timer = setTimeout(() => this.#look(), 0).unref()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  /** Goes on soon while there is more to do, and else after an hour. */
  #look(): void {
    let isMore = false
    try {
      isMore = this.shorten() === step
    } catch (error) {
      this.#parts.onFailure(error)
    }
    this.#timer = setTimeout(() => this.#look(), isMore ? 50 : restMs).unref()
  }

  /** Number of entries that went; writes nothing when none has to. */
  shorten(): number {
    const { database } = this.#parts
    const bound = this.#bound()
    const kept = JSON.stringify(this.#kept())
    const where = `seq <= ? AND NOT EXISTS (
      SELECT 1 FROM json_each(?) AS kept
      WHERE kept.value ->> 'uid' = journal.uid AND journal.at >= kept.value ->> 'from')`
    const rows = database.all(
      `SELECT seq FROM journal WHERE ${where} ORDER BY seq LIMIT ${step}`,
      bound,
      kept,
    )
    const last = rows.at(-1)?.['seq']
    if (last === undefined) return 0
    return database.transaction(() => {
      database.run('UPDATE journal_bound SET seq = ?', Number(last))
      return database.run(`DELETE FROM journal WHERE ${where}`, Number(last), kept)
    })
  }

  /** The newest entry that is one too many, or too old. */
  #bound(): number {
    const { database, keeps, now } = this.#parts
    const oldest = new Date(now().getTime() - keeps.days * dayMs).toISOString()
    const surplus = database.all('SELECT seq FROM journal ORDER BY seq DESC LIMIT 1 OFFSET ?', keeps.entries)
    const aged = database.all('SELECT seq FROM journal WHERE at < ? ORDER BY seq DESC LIMIT 1', oldest)
    return Math.max(Number(surplus[0]?.['seq'] ?? 0), Number(aged[0]?.['seq'] ?? 0))
  }

  #kept(): readonly Kept[] {
    const { objects } = this.#parts
    return [...objects.list('Model'), ...objects.list('Runtime')].flatMap(runningOf)
  }
}

const runningOf = ({ metadata, status }: Stored): readonly Kept[] =>
  (status.operations ?? [])
    .filter(({ finishedAt }) => finishedAt === undefined)
    .map(({ startedAt }) => ({ uid: metadata.uid, from: startedAt }))
