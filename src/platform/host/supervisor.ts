// Keeps each engine's process as its record says: starts, watches, restarts and ends it. One writer per engine, and that is this file.
//   no run, wanted            → the port is free: record the run, start it
//   a run that is not wanted  → TERM, grace, KILL; gone when no process of it lives
//   a run whose process ended → what is left of it is killed, then it is started again, later each time
import { randomUUID } from 'node:crypto'
import { type Key, type Ref, toKey } from '../../domain/object.ts'
import type { Problem } from '../../domain/platform.ts'
import type { Started } from './detached.ts'
import type { EngineKeeper } from './engine-keeper.ts'
import { isListening, isPortTaken } from './engine-process.ts'
import type { HostDatabase } from './host-database.ts'
import type { DeviceGate } from './monitor/device-gate.ts'
import { isAlive, type ProcessMark, signal } from './process-mark.ts'
import { type Run, type ServingRecord, ServingRecords } from './serving-records.ts'
import { isSameTemplate } from './serving-render.ts'

export interface SupervisorParts {
  readonly database: HostDatabase
  readonly keeper: EngineKeeper
  readonly now: () => Date
  readonly onChange: (key: Key) => void
  readonly onFailure?: (error: unknown) => void
  readonly lookMs?: number
  /** absent: what ended holds nothing that the next load could miss */
  readonly device?: Pick<DeviceGate, 'begin' | 'note' | 'isFree' | 'sentenceOf'>
}

const slowMs = 1_000
const longestPauseMs = 300_000
/** An engine that ran for so long begins with short pauses again. */
const calmMs = 600_000

const unknownEnd = 'no daemon was there to see how'

const nameOf = ({ namespace, name }: Ref): string => `${namespace}/${name}`

export class Supervisor {
  readonly #parts: SupervisorParts
  readonly #records: ServingRecords
  readonly #servings = new Map<string, ServingRecord>()
  /** when a run was told to end, by its token */
  readonly #told = new Map<string, number>()
  /** tokens of runs that we started: how they end, we shall be told */
  readonly #ours = new Set<string>()
  /** how a process ended, by its token */
  readonly #endings = new Map<string, string>()
  /** tokens of runs whose process may still come */
  readonly #beginning = new Set<string>()
  /** tokens of runs whose keeper is being asked how they ended */
  readonly #asked = new Set<string>()
  readonly #timer: NodeJS.Timeout
  #lookedSlowly = 0
  #isStopped = false

  constructor(parts: SupervisorParts) {
    this.#parts = parts
    this.#records = new ServingRecords(parts.database)
    for (const record of this.#records.all()) this.#servings.set(nameOf(record), this.#adopt(record))
    this.#timer = setInterval(() => this.#look(), parts.lookMs ?? 100)
    this.#timer.unref()
  }

  get(ref: Ref): ServingRecord | undefined {
    return this.#servings.get(nameOf(ref))
  }

  all(): readonly ServingRecord[] {
    return [...this.#servings.values()]
  }

  /** Every living process of a run. */
  leftOf(ref: Ref, run: Run): readonly ProcessMark[] {
    return this.#parts.keeper.left(ref, run)
  }

  /** Stores what is wished; the process follows. */
  put(record: ServingRecord): void {
    this.#records.put(record)
    this.#servings.set(nameOf(record), record)
    this.#parts.onChange(toKey('Runtime', record))
  }

  /** Engines go on without us. */
  stop(): void {
    this.#isStopped = true
    clearInterval(this.#timer)
  }

  #change(record: ServingRecord, run: Run): void {
    this.put({ ...record, run })
  }

  /** Of a daemon before us, which may have ended before it could note which process it had started. */
  #adopt(record: ServingRecord): ServingRecord {
    const { run } = record
    if (!run || run.mark || run.againAt !== undefined) return record
    const [mark] = this.leftOf(record, run)
    if (!mark) return record
    const adopted = { ...record, run: { ...run, mark } }
    this.#records.put(adopted)
    return adopted
  }

  #look(): void {
    if (this.#isStopped) return
    const isSlow = Date.now() - this.#lookedSlowly >= slowMs
    if (isSlow) this.#lookedSlowly = Date.now()
    for (const record of [...this.#servings.values()]) {
      try {
        this.#settle(record, isSlow)
      } catch (error) {
        this.#parts.onFailure?.(error)
      }
    }
  }

  #settle(record: ServingRecord, isSlow: boolean): void {
    const { run, replicas, template, isReleased } = record
    const isWanted = replicas === 1 && !isReleased
    if (!run) {
      if (isReleased) this.#drop(record)
      else if (isWanted) this.#begin(record)
    } else if (!isWanted || run.isLeaving || !isSameTemplate(run.template, template)) this.#end(record, run)
    else if (run.againAt !== undefined || !this.#isStarted(run)) this.#startAgain(record, run)
    else if (!run.mark) this.#noteBegin(record, run)
    else if (!isAlive(run.mark)) this.#noteEnd(record, run)
    else if (!run.readyAt || isSlow) this.#watch(record, run)
  }

  /** False for one that a daemon before us recorded and did not come to start. */
  #isStarted({ mark, token }: Run): boolean {
    return mark !== undefined || this.#ours.has(token)
  }

  #drop(record: ServingRecord): void {
    this.#records.drop(record)
    this.#parts.keeper.drop(record)
    this.#servings.delete(nameOf(record))
    this.#parts.onChange(toKey('Runtime', record))
  }

  #begin(record: ServingRecord): void {
    const runs = record.runs + 1
    const run: Run = {
      name: `${record.name}-${runs}`,
      uid: randomUUID(),
      template: record.template,
      token: randomUUID(),
      createdAt: this.#parts.now().toISOString(),
      restarts: 0,
    }
    this.#start({ ...record, runs }, run)
  }

  #startAgain(record: ServingRecord, run: Run): void {
    if (run.againAt !== undefined && Date.now() < run.againAt) return
    if (!this.#isDeviceFree(record, run)) return
    const { againAt: _, mark: __, ...again } = run
    // A port that was taken is no end of a process, and its next try no restart.
    const restarts = run.mark ? run.restarts + 1 : run.restarts
    this.#start(record, { ...again, token: randomUUID(), restarts })
  }

  /** Recorded first: whatever ends us, the process is found by its token. */
  #start(record: ServingRecord, run: Run): void {
    const { port } = run.template
    if (isPortTaken(port)) {
      const message = `port ${port} is in use by ${this.#holderOf(port, record)}`
      this.#hinder(record, run, { reason: 'PortTaken', message })
      return
    }
    this.#records.put({ ...record, run })
    this.#parts.device?.begin(run.token)
    let started: Started
    try {
      started = this.#parts.keeper.start(record, run)
    } catch (error) {
      this.#hinder(record, run, { reason: 'PodNotStarted', message: (error as Error).message })
      return
    }
    this.#ours.add(run.token)
    this.#await(started, run)
    const { mark } = started
    this.#change(record, mark ? { ...run, mark } : run)
  }

  #await({ begun, ended }: Started, run: Run): void {
    if (begun) this.#beginning.add(run.token)
    begun?.then(() => this.#beginning.delete(run.token))
    ended.then(how => {
      this.#endings.set(run.token, how)
      this.#look()
    })
  }

  /** Of a process that came after its start was asked for. */
  #noteBegin(record: ServingRecord, run: Run): void {
    const [mark] = this.leftOf(record, run)
    if (mark) this.#change(record, { ...run, mark })
    else if (!this.#beginning.has(run.token)) this.#noteEnd(record, run)
  }

  #holderOf(port: number, { name }: Ref): string {
    const holder = [...this.#servings.values()].find(
      one => one.name !== name && one.run?.template.port === port && this.#isListening(one, one.run),
    )
    return holder ? `the engine of Runtime ${holder.name}` : 'a process that is not ours'
  }

  #hinder(record: ServingRecord, run: Run, problem: Problem): void {
    this.#change(record, { ...run, problem, againAt: Date.now() + slowMs })
  }

  #noteEnd(record: ServingRecord, run: Run): void {
    const left = this.leftOf(record, run)
    for (const mark of left) signal(mark, 'SIGKILL')
    const how = this.#howEnded(record, run)
    if (left.length > 0 || how === undefined) return
    const { readyAt, ...ended } = run
    const problem: Problem = { reason: 'LoadFailed', message: `the process ended (${how})` }
    this.#forget(run)
    const pause = pauseAfter(run.restarts, readyAt)
    this.#change(record, { ...ended, problem, againAt: Date.now() + pause })
  }

  /** Undefined: it is still to be told. */
  #howEnded(record: ServingRecord, { token, ...run }: Run): string | undefined {
    const known = this.#endings.get(token)
    const { keeper } = this.#parts
    if (known !== undefined || !keeper.endOf) return known ?? (this.#ours.has(token) ? undefined : unknownEnd)
    if (this.#asked.has(token)) return undefined
    this.#asked.add(token)
    keeper
      .endOf(record, { token, ...run })
      .then(how => how !== undefined && this.#endings.set(token, how), this.#parts.onFailure)
      .finally(() => this.#asked.delete(token))
    return undefined
  }

  #isListening(ref: Ref, run: Run): boolean {
    return isListening(run, () => this.leftOf(ref, run))
  }

  #watch(record: ServingRecord, run: Run): void {
    this.#parts.keeper.shortenLog?.(record, run)
    const isReady = this.#isListening(record, run)
    if (isReady === (run.readyAt !== undefined)) return
    if (isReady) this.#noteDevice(record, run)
    const { readyAt: _, problem, ...kept } = run
    const at = this.#parts.now().toISOString()
    this.#change(record, isReady ? { ...kept, readyAt: at } : { ...kept, ...(problem ? { problem } : {}) })
  }

  #forget({ token }: Run): void {
    this.#ours.delete(token)
    this.#told.delete(token)
    this.#endings.delete(token)
  }

  /** While its processes live: what they hold now is waited for when they have ended. */
  #noteDevice(ref: Ref, run: Run): void {
    const pids = this.leftOf(ref, run).map(({ pid }) => pid)
    this.#parts.device?.note(run.token, pids)
  }

  /** What one that was told to end still holds is told once: the figure moves. */
  #isDeviceFree(record: ServingRecord, run: Run): boolean {
    const isFree = this.#parts.device?.isFree(run.token) ?? true
    const message = isFree ? undefined : this.#parts.device?.sentenceOf(run.token)
    if (message !== undefined && run.isLeaving && run.problem?.reason !== 'Unloading')
      this.#change(record, { ...run, problem: { reason: 'Unloading', message } })
    return isFree
  }

  /** Ends when no process of the run lives, neither its leader nor what it left behind, and the memory of its GPU is back. */
  #end(record: ServingRecord, run: Run): void {
    const left = this.leftOf(record, run)
    if (left.length === 0) {
      if (this.#beginning.has(run.token) || !this.#isDeviceFree(record, run)) return
      this.#forget(run)
      const { run: _, ...rest } = record
      this.put(rest)
      return
    }
    const toldAt = this.#told.get(run.token)
    if (toldAt === undefined) {
      this.#told.set(run.token, Date.now())
      this.#noteDevice(record, run)
      const [leader] = run.mark && isAlive(run.mark) ? [run.mark] : left
      if (leader) signal(leader, 'SIGTERM')
      if (!run.isLeaving) this.#change(record, { ...run, isLeaving: true })
    } else if (Date.now() - toldAt > record.graceSeconds * 1000)
      for (const mark of left) signal(mark, 'SIGKILL')
  }
}

const pauseAfter = (restarts: number, readyAt: string | undefined): number => {
  const isCalm = readyAt !== undefined && Date.now() - Date.parse(readyAt) > calmMs
  return isCalm ? slowMs : Math.min(longestPauseMs, slowMs * 2 ** restarts)
}
