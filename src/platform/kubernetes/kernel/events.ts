// The diary that people read with kubectl: events.k8s.io/v1, repeated ones as a series; never throws, never makes anybody wait.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Log } from '../../../telemetry/log.ts'
import type { Client } from './client.ts'
import { ApiError } from './errors.ts'
import {
  cutNote,
  EventAllowance,
  type EventNote,
  limits,
  Recent,
  type Series,
  seriesKey,
} from './event-series.ts'
import { toMicroTime } from './lease-record.ts'
import { isTransient } from './no-answer.ts'
import { EVENT } from './resources.ts'

export interface EventRecorderSettings {
  /** `switchyard.dev/operator` */
  readonly controller: string
  /** name of the pod */
  readonly instance: string
  readonly log?: Log
  readonly now?: () => number
  readonly retryMs?: number
  readonly sweepMs?: number
}

interface Task {
  readonly series: Series
  readonly count: number
}

const longestQueue = 1000
const mostTries = 12

export class EventRecorder {
  readonly #client: Client
  readonly #settings: EventRecorderSettings & { readonly retryMs: number }
  readonly #now: () => number
  readonly #series = new Recent<Series>()
  readonly #allowance = new EventAllowance()
  readonly #queue: Task[] = []
  readonly #stopping = new AbortController()
  readonly #sweeper: NodeJS.Timeout
  #working: Promise<void> | undefined
  #sequence = 0

  constructor(client: Client, settings: EventRecorderSettings) {
    this.#client = client
    this.#settings = { retryMs: 1000, ...settings }
    this.#now = settings.now ?? Date.now
    this.#sweeper = setInterval(() => this.sweep(), settings.sweepMs ?? 60_000).unref()
  }

  write(event: EventNote): void {
    const now = this.#now()
    const note = { ...event, note: cutNote(event.note) }
    const key = seriesKey(note)
    const running = this.#series.get(key)
    if (running && now - running.lastAt < limits.quietMs) this.#repeat(running, now)
    else {
      if (running) this.#finish(running)
      if (this.#allowance.take(event.regarding.uid, now)) this.#begin(key, note, now)
      else this.#drop(note, 'too many for one object')
    }
  }

  #begin(key: string, note: EventNote, now: number): void {
    const series = this.#newSeries(note, now)
    const gone = this.#series.set(key, series)
    if (gone) this.#finish(gone)
    this.#enqueue(series)
  }

  /** Writes what waits, for at most `withinMs`, then ends. */
  async close(withinMs = 2_000): Promise<void> {
    clearInterval(this.#sweeper)
    for (const [, series] of this.#series.entries()) this.#finish(series)
    const timer = setTimeout(() => this.#stopping.abort(), withinMs)
    await this.#working
    clearTimeout(timer)
    this.#stopping.abort()
  }

  /** Closes series that fell silent and refreshes long ones. Called by its own timer. */
  sweep(): void {
    const now = this.#now()
    for (const [key, series] of this.#series.entries()) {
      if (now - series.lastAt >= limits.quietMs) {
        this.#finish(series)
        this.#series.delete(key)
      } else if (now - series.toldAt >= limits.refreshMs) this.#finish(series)
    }
  }

  #newSeries(first: EventNote, now: number): Series {
    const unique = `${now.toString(16)}${(this.#sequence++).toString(16).padStart(4, '0')}`
    const name = `${first.regarding.name.slice(0, 200)}.${unique}`
    return { name, first, firstAt: now, count: 1, lastAt: now, toldAt: now, toldCount: 0 }
  }

  /** The first repetition is told at once, so that people see a series; later ones are counted. */
  #repeat(series: Series, now: number): void {
    series.count++
    series.lastAt = now
    if (series.count === 2) this.#enqueue(series)
  }

  #finish(series: Series): void {
    if (series.count > series.toldCount) this.#enqueue(series)
  }

  #enqueue(series: Series): void {
    if (this.#stopping.signal.aborted || this.#queue.length >= longestQueue) {
      this.#drop(series.first, 'the queue is full')
      return
    }
    series.toldCount = series.count
    series.toldAt = this.#now()
    this.#queue.push({ series, count: series.count })
    this.#working ??= this.#work()
  }

  #drop({ regarding, reason }: EventNote, why: string): void {
    const fields = { kind: regarding.kind, namespace: regarding.namespace, name: regarding.name, reason }
    this.#settings.log?.debug(fields, `an event is not written: ${why}`)
  }

  async #work(): Promise<void> {
    for (let task = this.#queue.shift(); task; task = this.#queue.shift()) await this.#deliver(task)
    this.#working = undefined
  }

  async #deliver(task: Task): Promise<void> {
    for (let attempt = 1; attempt <= mostTries && !this.#stopping.signal.aborted; attempt++) {
      try {
        return await this.#send(task)
      } catch (error) {
        if (!isTransient(error) || attempt === mostTries) return this.#giveUp(task, error)
        const waitMs =
          Math.min(10_000, this.#settings.retryMs * 2 ** (attempt - 1)) * (0.5 + Math.random() / 2)
        await sleep(waitMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined)
      }
    }
  }

  #giveUp({ series }: Task, error: unknown): void {
    if (this.#stopping.signal.aborted) return
    if (error instanceof ApiError && error.isNamespaceTerminating)
      this.#drop(series.first, 'its namespace is being deleted')
    else
      this.#settings.log?.warn({ err: error, reason: series.first.reason }, 'an event could not be written')
  }

  async #send({ series, count }: Task): Promise<void> {
    const options = { signal: this.#stopping.signal }
    if (count > 1 && (await this.#patchSeries(series, count))) return
    try {
      await this.#client.create(EVENT, this.#render(series, count), options)
    } catch (error) {
      if (!(error instanceof ApiError && error.isAlreadyExists)) throw error
    }
  }

  /** False when the event is gone: events live an hour. */
  async #patchSeries(series: Series, count: number): Promise<boolean> {
    const patch = { series: toSeries(series, count) }
    const at = { namespace: namespaceOf(series.first), name: series.name, patch }
    try {
      await this.#client.mergePatch(EVENT, at, { signal: this.#stopping.signal })
      return true
    } catch (error) {
      if (error instanceof ApiError && error.isNotFound) return false
      throw error
    }
  }

  #render(series: Series, count: number) {
    const { regarding, related, type, reason, action, note } = series.first
    return {
      metadata: { name: series.name, namespace: namespaceOf(series.first) },
      eventTime: toMicroTime(new Date(series.firstAt)),
      reportingController: this.#settings.controller,
      reportingInstance: this.#settings.instance.slice(0, 128),
      regarding,
      ...(related && { related }),
      type,
      reason,
      action,
      note,
      ...(count > 1 && { series: toSeries(series, count) }),
    }
  }
}

/** An event about an object of the whole cluster lives in `default`. */
const namespaceOf = ({ regarding }: EventNote): string => regarding.namespace ?? 'default'

const toSeries = ({ lastAt }: Series, count: number) => ({
  count,
  lastObservedTime: toMicroTime(new Date(lastAt)),
})
