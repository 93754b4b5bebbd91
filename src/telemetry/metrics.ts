// Figures for Prometheus, under controller-runtime's names so that its dashboards work.
import { Counter, Gauge, Histogram, Registry } from 'prom-client'

export type ReconcileResult = 'success' | 'error' | 'requeue_after' | 'terminal'

export interface Metrics {
  readonly registry: Registry
  reconciled(controller: string, result: ReconcileResult, seconds: number): void
  requested(verb: string, code: number, seconds: number): void
  queued(depth: number): void
  led(isLeader: boolean): void
}

const controllers = ['model', 'runtime']
const results: readonly ReconcileResult[] = ['success', 'error', 'requeue_after', 'terminal']

const createSeries = (registers: Registry[]) => ({
  total: new Counter({
    name: 'controller_runtime_reconcile_total',
    help: 'Reconciles by result.',
    labelNames: ['controller', 'result'],
    registers,
  }),
  errors: new Counter({
    name: 'controller_runtime_reconcile_errors_total',
    help: 'Reconciles that failed.',
    labelNames: ['controller'],
    registers,
  }),
  time: new Histogram({
    name: 'controller_runtime_reconcile_time_seconds',
    help: 'Length of a reconcile.',
    labelNames: ['controller'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
    registers,
  }),
  depth: new Gauge({ name: 'workqueue_depth', help: 'Keys that wait.', labelNames: ['name'], registers }),
  ...requestSeries(registers),
})

const requestSeries = (registers: Registry[]) => ({
  requests: new Counter({
    name: 'rest_client_requests_total',
    help: 'Requests to the API server.',
    labelNames: ['code', 'method'],
    registers,
  }),
  latency: new Histogram({
    name: 'rest_client_request_duration_seconds',
    help: 'Length of a request.',
    labelNames: ['verb'],
    registers,
  }),
  leader: new Gauge({
    name: 'leader_election_master_status',
    help: '1 while this replica leads.',
    labelNames: ['name'],
    registers,
  }),
})

const name = 'switchyard'

export const createMetrics = (): Metrics => {
  const registry = new Registry()
  const { total, errors, time, depth, requests, latency, leader } = createSeries([registry])
  for (const controller of controllers) {
    errors.inc({ controller }, 0)
    for (const result of results) total.inc({ controller, result }, 0)
  }
  depth.set({ name }, 0)
  leader.set({ name }, 0)
  return {
    registry,
    reconciled: (controller, result, seconds) => {
      total.inc({ controller, result })
      if (result === 'error') errors.inc({ controller })
      time.observe({ controller }, seconds)
    },
    requested: (verb, code, seconds) => {
      requests.inc({ code: String(code), method: verb })
      latency.observe({ verb }, seconds)
    },
    queued: size => depth.set({ name }, size),
    led: isLeader => leader.set({ name }, isLeader ? 1 : 0),
  }
}
