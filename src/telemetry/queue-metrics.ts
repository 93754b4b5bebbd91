// The queue's figures, under the names of controller-runtime.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import * as buckets from './buckets.ts'

/** Asked at each scrape. */
export interface QueueSight {
  /** keys that are ready, by priority */
  readonly ready: ReadonlyMap<number, number>
  /** for each key in hand, since when */
  readonly heldSeconds: readonly number[]
}

export interface QueueRecorder {
  added(): void
  retried(): void
  waited(seconds: number): void
  worked(seconds: number): void
  watch(look: () => QueueSight): void
}

export const createQueueRecorder = (registry: Registry, name: string): QueueRecorder => {
  const labels = { name, controller: name }
  const labelNames = ['name', 'controller'] as const
  const registers = [registry]
  const counter = (rest: string, help: string) => {
    const series = new Counter({ name: `workqueue_${rest}`, help, labelNames, registers })
    series.inc(labels, 0)
    return () => series.inc(labels)
  }
  const histogram = (rest: string, help: string) => {
    const series = new Histogram({
      name: `workqueue_${rest}`,
      help,
      labelNames,
      registers,
      buckets: buckets.queue,
    })
    series.zero(labels)
    return (seconds: number) => series.observe(labels, Math.max(0, seconds))
  }
  return {
    added: counter('adds_total', 'Keys added'),
    retried: counter('retries_total', 'Keys added again after a failure'),
    waited: histogram('queue_duration_seconds', 'How long a ready key waits'),
    worked: histogram('work_duration_seconds', 'How long a key is in hand'),
    watch: registerSights(registers, labels),
  }
}

type Labels = Readonly<Record<'name' | 'controller', string>>

/** Shows the queue that was named last. */
const registerSights = (registers: Registry[], labels: Labels) => {
  let look = (): QueueSight => ({ ready: new Map(), heldSeconds: [] })
  const labelNames = ['name', 'controller'] as const
  new Gauge({
    name: 'workqueue_depth',
    help: 'Keys that are ready',
    labelNames: [...labelNames, 'priority'],
    registers,
    collect() {
      this.reset()
      this.set({ ...labels, priority: '0' }, 0)
      for (const [priority, keys] of look().ready) this.set({ ...labels, priority: String(priority) }, keys)
    },
  })
  const held = (name: string, help: string, combine: (seconds: readonly number[]) => number) =>
    new Gauge({
      name,
      help,
      labelNames,
      registers,
      collect() {
        this.set(labels, combine(look().heldSeconds))
      },
    })
  const sum = (all: readonly number[]) => all.reduce((one, other) => one + other, 0)
  held('workqueue_unfinished_work_seconds', 'Seconds of all keys in hand', sum)
  held('workqueue_longest_running_processor_seconds', 'Seconds of the key longest in hand', all =>
    Math.max(0, ...all),
  )
  return (next: () => QueueSight): void => {
    look = next
  }
}
