// How late the event loop is, looked at once a second. prom-client does it a hundred times a second, which costs as much as all else of
// an operator at rest, and counts the time between two looks as delay.
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Gauge, type Registry } from 'prom-client'

/** For prom-client: milliseconds between two looks. */
export const never = 2 ** 31 - 1

const lookMs = 1_000
const prefix = 'nodejs_eventloop_lag'

/** Replaces the series of prom-client: median, 99th percentile, mean and most since the last scrape, in seconds. */
export const measureLoopDelay = (registry: Registry): void => {
  const theirs = registry.getMetricsAsArray().filter(({ name }) => name.startsWith(prefix))
  for (const { name } of theirs) registry.removeSingleMetric(name)
  const delay = monitorEventLoopDelay({ resolution: lookMs })
  delay.enable()
  const gauge = (what: string, help: string, collect = (): void => {}) =>
    new Gauge({ name: `${prefix}_${what}_seconds`, help, registers: [registry], collect })
  // The first of them is asked first: it speaks for all.
  const p50 = gauge('p50', 'Median delay of the event loop since the last scrape.', () => {
    p50.set(toSeconds(delay.percentile(50)))
    p99.set(toSeconds(delay.percentile(99)))
    mean.set(toSeconds(delay.mean))
    max.set(toSeconds(delay.max))
    delay.reset()
  })
  const p99 = gauge('p99', '99th percentile of the delay of the event loop since the last scrape.')
  const mean = gauge('mean', 'Mean delay of the event loop since the last scrape.')
  const max = gauge('max', 'Longest delay of the event loop since the last scrape.')
}

/** NaN, where nothing was looked at yet, is no delay. */
const toSeconds = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e9 - lookMs / 1000 || 0)
