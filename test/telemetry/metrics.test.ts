// The figures: controller-runtime's names, all there at zero before anything happened.
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Freshness } from '../../src/platform/kubernetes/kernel/freshness.ts'
import { reconcile } from '../../src/telemetry/buckets.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'

const names = [
  'controller_runtime_reconcile_total',
  'controller_runtime_reconcile_errors_total',
  'controller_runtime_terminal_reconcile_errors_total',
  'controller_runtime_reconcile_panics_total',
  'controller_runtime_reconcile_timeouts_total',
  'controller_runtime_reconcile_time_seconds',
  'controller_runtime_max_concurrent_reconciles',
  'controller_runtime_active_workers',
  'workqueue_depth',
  'workqueue_adds_total',
  'workqueue_queue_duration_seconds',
  'workqueue_work_duration_seconds',
  'workqueue_unfinished_work_seconds',
  'workqueue_longest_running_processor_seconds',
  'workqueue_retries_total',
  'leader_election_master_status',
  'switchyard_stale_sync_skips_total',
]

describe('Before anything happened', () => {
  it.each(names)('%s has a series', async name => {
    const text = await createMetrics().registry.metrics()
    expect(text).toMatch(new RegExp(`^${name}(_count)?(\\{[^}]*\\})? 0$`, 'm'))
  })

  it('a cache that was named has its series too', async () => {
    const metrics = createMetrics()
    metrics.reflector('pods')
    expect(await metrics.registry.metrics()).toContain('switchyard_reflector_lists_total{resource="pods"} 0')
  })
})

describe('A cache that stays behind our own write', () => {
  it('is counted when it is not waited for any more', async () => {
    const metrics = createMetrics()
    let now = 0
    const freshness = new Freshness({ now: () => now, onGiveUp: metrics.skippedStaleCheck })
    const cache = { resourceVersion: '9', refill: () => undefined }
    freshness.recordWrite('Model/n/a', cache, { metadata: { resourceVersion: '10' } })
    now = 30_000
    expect(freshness.isBehind('Model/n/a')).toBe(false)
    expect(await metrics.registry.metrics()).toContain('switchyard_stale_sync_skips_total 1')
  })
})

describe('A reconcile', () => {
  it('that failed for good counts as an error and as one that waits for a person', async () => {
    const metrics = createMetrics({ workers: 4 })
    const ended = metrics.began('model')
    metrics.reconciled('model', 'terminal', 0.3)
    const text = await metrics.registry.metrics()
    expect(text).toContain('controller_runtime_reconcile_total{controller="model",result="error"} 1')
    expect(text).toContain('controller_runtime_terminal_reconcile_errors_total{controller="model"} 1')
    expect(text).toContain('controller_runtime_active_workers{controller="model"} 1')
    expect(text).toContain('controller_runtime_max_concurrent_reconciles{controller="model"} 4')
    ended()
    expect(await metrics.registry.metrics()).toContain(
      'controller_runtime_active_workers{controller="model"} 0',
    )
  })

  it('is timed in forty buckets', () => expect(reconcile).toHaveLength(40))

  it('of the process bring the delay of the event loop alone, not the time between two looks at it', async () => {
    const { registry } = createMetrics({ withProcess: true })
    await sleep(2_200)
    const told = await registry.metrics()
    for (const what of ['p50', 'p99', 'mean', 'max'])
      expect(told).toMatch(new RegExp(`^nodejs_eventloop_lag_${what}_seconds \\d`, 'm'))
    expect(Number(/^nodejs_eventloop_lag_p50_seconds (\S+)$/m.exec(told)?.[1])).toBeLessThan(0.9)
  })
})
