// Figures for Prometheus, under controller-runtime's names so that its dashboards work; every series is there from the start.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import * as buckets from './buckets.ts'
import { createReflectorRecorders, createRestRecorder } from './kernel-metrics.ts'
import { measureLoopDelay, never } from './loop-delay.ts'
import { createQueueRecorder, type QueueRecorder } from './queue-metrics.ts'

export type ReconcileResult = 'success' | 'error' | 'requeue_after' | 'terminal'

export interface Metrics {
  readonly registry: Registry
  readonly queue: QueueRecorder
  readonly rest: ReturnType<typeof createRestRecorder>
  /** one per cache, by the plural of its resource */
  readonly reflector: ReturnType<typeof createReflectorRecorders>
  reconciled(controller: string, result: ReconcileResult, seconds: number): void
  /** One more worker is busy; call what is returned when it is not any more. */
  began(controller: string): () => void
  /** a defect, not an answer: an exception that nobody foresaw, or a pass over its deadline */
  broke(controller: string, how: 'panic' | 'timeout'): void
  /** a cache stayed behind our own write for too long */
  skippedStaleCheck(): void
  led(isLeader: boolean): void
}

const controllers = ['model', 'runtime']
const results = ['success', 'error', 'requeue', 'requeue_after'] as const
const name = 'switchyard'

/** `withProcess` adds memory, CPU, and the event loop's delay with its percentiles. */
export const createMetrics = ({ withProcess = false, workers = 0 } = {}): Metrics => {
  const registry = new Registry()
  if (withProcess) {
    collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: never })
    measureLoopDelay(registry)
  }
  return {
    registry,
    queue: createQueueRecorder(registry, name),
    rest: createRestRecorder(registry),
    reflector: createReflectorRecorders(registry),
    ...createReconcileRecorder(registry, workers),
    ...createProcessRecorder(registry),
  }
}

const createReconcileRecorder = (registry: Registry, workers: number) => {
  const series = createReconcileSeries([registry])
  for (const controller of controllers) {
    for (const result of results) series.total.inc({ controller, result }, 0)
    for (const each of [series.error, series.terminal, series.panic, series.timeout])
      each.inc({ controller }, 0)
    series.time.zero({ controller })
    series.active.set({ controller }, 0)
    series.most.set({ controller }, workers)
  }
  return {
    reconciled: (controller: string, result: ReconcileResult, seconds: number): void => {
      const isFailure = result === 'error' || result === 'terminal'
      series.total.inc({ controller, result: isFailure ? 'error' : result })
      if (isFailure) series.error.inc({ controller })
      if (result === 'terminal') series.terminal.inc({ controller })
      series.time.observe({ controller }, seconds)
    },
    began: (controller: string): (() => void) => {
      series.active.inc({ controller })
      return () => series.active.dec({ controller })
    },
    broke: (controller: string, how: 'panic' | 'timeout'): void => series[how].inc({ controller }),
  }
}

const createReconcileSeries = (registers: Registry[]) => {
  const labelNames = ['controller'] as const
  const of = (rest: string) => `controller_runtime_${rest}`
  const counter = (rest: string, help: string) => new Counter({ name: of(rest), help, labelNames, registers })
  const gauge = (rest: string, help: string) => new Gauge({ name: of(rest), help, labelNames, registers })
  return {
    total: new Counter({
      name: of('reconcile_total'),
      help: 'Reconciles by result.',
      labelNames: ['controller', 'result'],
      registers,
    }),
    time: new Histogram({
      name: of('reconcile_time_seconds'),
      help: 'Length of a reconcile.',
      labelNames,
      buckets: buckets.reconcile,
      registers,
    }),
    error: counter('reconcile_errors_total', 'Reconciles that failed.'),
    terminal: counter('terminal_reconcile_errors_total', 'Failures that wait for a person.'),
    panic: counter('reconcile_panics_total', 'Exceptions that nobody foresaw.'),
    timeout: counter('reconcile_timeouts_total', 'Reconciles over their deadline.'),
    active: gauge('active_workers', 'Workers that are busy.'),
    most: gauge('max_concurrent_reconciles', 'Workers.'),
  }
}

const createProcessRecorder = (registry: Registry) => {
  const registers = [registry]
  const leader = new Gauge({
    name: 'leader_election_master_status',
    help: '1 while this replica leads.',
    labelNames: ['name'],
    registers,
  })
  const skips = new Counter({
    name: 'switchyard_stale_sync_skips_total',
    help: 'Times a cache stayed behind our own write.',
    registers,
  })
  leader.set({ name }, 0)
  return {
    led: (isLeader: boolean): void => leader.set({ name }, isLeader ? 1 : 0),
    skippedStaleCheck: (): void => skips.inc(),
  }
}
