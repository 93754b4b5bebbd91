// Works as detached processes of the same program: recorded before they start, found again by what was recorded, read on from their files.
import { randomUUID } from 'node:crypto'
import { Waiting } from '../../domain/failure.ts'
import { type Key, toKey } from '../../domain/object.ts'
import type { Problem, Wake, Work, WorkOrder, WorkView } from '../../domain/platform.ts'
import { ownerKind } from '../../domain/worker-task.ts'
import type { Started } from './detached.ts'
import type { HostDatabase } from './host-database.ts'
import { findProcesses, isAlive, signal } from './process-mark.ts'
import {
  checkPaths,
  type Ending,
  findHindrance,
  hasResult,
  readEnding,
  readTold,
  removeTold,
  startWorker,
  type Told,
  type WorkerProgram,
} from './work-process.ts'
import { type Job, toJob, type WorkRecord, WorkRecords } from './work-records.ts'

export interface WorkParts {
  readonly database: HostDatabase
  readonly program: WorkerProgram
  readonly now: () => Date
  readonly onFailure?: (error: unknown) => void
  /** between two looks at what runs */
  readonly lookMs?: number
}

/** A work as it is seen: what is recorded, and what was found at the last look. */
interface Seen {
  readonly record: WorkRecord
  readonly problem?: Problem
  readonly told?: Told
  readonly ending?: Ending
  /** when its process is ended by force */
  readonly killAt?: number
}

const graceMs = 30_000
const retryMs = 2_000

const nameOf = (namespace: string, id: string): string => `${namespace}/${id}`
const nameOfJob = ({ owner, id }: Job): string => nameOf(owner.namespace, id)
const ownerKey = ({ command, owner }: Job): Key => toKey(ownerKind(command), owner)

export class HostWork implements Work {
  readonly #parts: WorkParts
  readonly #records: WorkRecords
  readonly #works = new Map<string, Seen>()
  readonly #timer: NodeJS.Timeout
  #triedAt = 0
  #isStopped = false
  #wake: Wake = () => undefined

  constructor(parts: WorkParts) {
    this.#parts = parts
    this.#records = new WorkRecords(parts.database)
    for (const record of this.#records.all()) this.#works.set(nameOfJob(record.job), this.#adopt(record))
    this.#timer = setInterval(() => this.#look(), parts.lookMs ?? 250)
    this.#timer.unref()
  }

  list(owner: { readonly uid: string }): readonly WorkView[] {
    return this.#views().filter(view => view.owner.uid === owner.uid)
  }

  running(namespace?: string): readonly WorkView[] {
    return this.#views().filter(
      ({ owner, endedAt }) => endedAt === undefined && (namespace ?? owner.namespace) === owner.namespace,
    )
  }

  async start(order: WorkOrder): Promise<void> {
    const job = toJob(order)
    const known = this.#works.get(nameOfJob(job))
    if (known?.record.isLeaving)
      throw new Waiting('VolumeBusy', `the former worker of ${order.owner.name} is still ending`, 2_000)
    if (known) return
    checkPaths(this.#parts.program, job)
    const startedAt = this.#parts.now().toISOString()
    const record: WorkRecord = { job, token: randomUUID(), startedAt, isLeaving: false }
    this.#records.put(record)
    this.#show({ record })
    this.#launch(record)
  }

  async cancel(id: string, namespace: string): Promise<void> {
    const known = this.#works.get(nameOf(namespace, id))
    if (!known || known.record.isLeaving) return
    const record = { ...known.record, isLeaving: true }
    this.#records.put(record)
    this.#show({ ...known, record })
    this.#end(record)
  }

  async forget(id: string, namespace: string): Promise<void> {
    const known = this.#works.get(nameOf(namespace, id))
    if (known?.ending) this.#drop(known.record)
  }

  watch(wake: Wake): void {
    this.#wake = wake
    for (const { record } of this.#works.values()) wake(ownerKey(record.job), true)
  }

  /** What runs goes on without us. */
  stop(): void {
    this.#isStopped = true
    clearInterval(this.#timer)
  }

  #views(): readonly WorkView[] {
    return [...this.#works.values()].map(toView)
  }

  #show(seen: Seen): void {
    this.#works.set(nameOfJob(seen.record.job), seen)
    this.#wake(ownerKey(seen.record.job), false)
  }

  #drop(record: WorkRecord): void {
    this.#records.drop(record)
    removeTold(this.#parts.program, record.job)
    this.#works.delete(nameOfJob(record.job))
    this.#wake(ownerKey(record.job), false)
  }

  /** Of a daemon before us: its process by its mark, or, when that daemon ended before it could note one, by its token. */
  #adopt(record: WorkRecord): Seen {
    if (record.mark) return this.#seen({ record })
    const [mark] = findProcesses(record.token)
    if (!mark) return hasResult(this.#parts.program, record.job) ? this.#ended(record) : { record }
    const adopted = { ...record, mark }
    this.#records.put(adopted)
    return this.#seen({ record: adopted })
  }

  #seen({ record, told }: Seen): Seen {
    return record.mark && isAlive(record.mark)
      ? { record, told: readTold(this.#parts.program, record.job, told) }
      : this.#ended(record)
  }

  #ended(record: WorkRecord): Seen {
    const { program } = this.#parts
    return { record, told: readTold(program, record.job), ending: readEnding(program, record) }
  }

  #launch(record: WorkRecord): void {
    const { program } = this.#parts
    const problem = findHindrance(program, record.job)
    if (problem) {
      this.#hinder(record, problem)
      return
    }
    let started: Started
    try {
      started = startWorker(program, record)
    } catch (error) {
      this.#hinder(record, { reason: 'PodNotStarted', message: (error as Error).message })
      return
    }
    const { mark, ended } = started
    ended.then(() => this.#look())
    if (mark) this.#records.put({ ...record, mark })
    this.#show(mark ? { record: { ...record, mark } } : this.#ended(record))
  }

  #hinder(record: WorkRecord, problem: Problem): void {
    this.#triedAt = Date.now()
    const before = this.#works.get(nameOfJob(record.job))
    if (before?.problem?.message === problem.message) return
    // A start is answered before anybody is woken by what hinders it.
    setImmediate(() => {
      const now = this.#works.get(nameOfJob(record.job))
      if (now?.record === record && !now.record.mark) this.#show({ record, problem })
    })
  }

  #end(record: WorkRecord): void {
    const known = this.#works.get(nameOfJob(record.job))
    if (!known) return
    if (!record.mark || known.ending) this.#drop(record)
    else if (signal(record.mark, 'SIGTERM'))
      this.#works.set(nameOfJob(record.job), { ...known, record, killAt: Date.now() + graceMs })
  }

  #look(): void {
    if (this.#isStopped) return
    for (const seen of [...this.#works.values()]) {
      try {
        this.#lookAt(seen)
      } catch (error) {
        this.#parts.onFailure?.(error)
      }
    }
  }

  #lookAt(seen: Seen): void {
    const { record, ending, problem } = seen
    if (record.isLeaving) this.#lookAtLeaving(seen)
    else if (ending) return
    else if (record.mark) this.#lookAtRunning(seen)
    else if (!problem || Date.now() - this.#triedAt >= retryMs) this.#launch(record)
  }

  #lookAtLeaving({ record, killAt }: Seen): void {
    if (!record.mark || !isAlive(record.mark)) this.#drop(record)
    else if (killAt === undefined) this.#end(record)
    else if (Date.now() > killAt)
      for (const mark of findProcesses(record.token, record.mark)) signal(mark, 'SIGKILL')
  }

  #lookAtRunning(seen: Seen): void {
    const now = this.#seen(seen)
    if (now.ending || now.told?.progressAt !== seen.told?.progressAt) this.#show(now)
  }
}

const toView = ({ record, problem, told, ending }: Seen): WorkView => {
  const { id, owner, command, subject, attempt, volume } = record.job
  return {
    id,
    owner,
    command,
    subject,
    attempt,
    ...(volume ? { volume: volume.key } : {}),
    phase: phaseOf(record, ending),
    ...(problem ? { notStarted: problem } : {}),
    ...told,
    ...ending,
    startedAt: record.startedAt,
  }
}

const phaseOf = ({ mark }: WorkRecord, ending: Ending | undefined): WorkView['phase'] => {
  if (ending) return ending.result && !ending.result.failure ? 'Succeeded' : 'Failed'
  return mark ? 'Running' : 'Starting'
}
