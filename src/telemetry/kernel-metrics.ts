// The kernel's own figures: requests under client-go's names, caches and watches under ours.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import * as buckets from './buckets.ts'

export interface RequestFigures {
  readonly code: string
  readonly method: string
  readonly host: string
  readonly seconds: number
}

export const createRestRecorder = (registry: Registry) => {
  const registers = [registry]
  const total = new Counter({
    name: 'rest_client_requests_total',
    help: 'Requests to the API server',
    labelNames: ['code', 'method', 'host'],
    registers,
  })
  const duration = new Histogram({
    name: 'rest_client_request_duration_seconds',
    help: 'Time until the answer begins',
    labelNames: ['method', 'host'],
    buckets: buckets.request,
    registers,
  })
  return {
    requested: ({ code, method, host, seconds }: RequestFigures): void => {
      total.inc({ code, method, host })
      duration.observe({ method, host }, seconds)
    },
  }
}

/** One recorder per cache. */
export const createReflectorRecorders = (registry: Registry) => {
  const registers = [registry]
  const labelNames = ['resource'] as const
  const lists = new Counter({
    name: 'switchyard_reflector_lists_total',
    help: 'Complete reads',
    labelNames,
    registers,
  })
  const restarts = new Counter({
    name: 'switchyard_reflector_watch_restarts_total',
    help: 'Watches opened again after trouble, by reason',
    labelNames: ['resource', 'reason'],
    registers,
  })
  const bytes = new Counter({
    name: 'switchyard_reflector_bytes_total',
    help: 'Bytes of events',
    labelNames,
    registers,
  })
  const objects = new Gauge({ name: 'switchyard_cache_objects', help: 'Objects kept', labelNames, registers })
  const last = new Gauge({
    name: 'switchyard_reflector_last_event_timestamp_seconds',
    help: 'When anything came last',
    labelNames,
    registers,
  })
  return (resource: string) => {
    for (const each of [lists, bytes]) each.inc({ resource }, 0)
    objects.set({ resource }, 0)
    return {
      listed: (): void => lists.inc({ resource }),
      restarted: (reason: string): void => restarts.inc({ resource, reason }),
      received: (count: number): void => {
        bytes.inc({ resource }, count)
        last.set({ resource }, Date.now() / 1000)
      },
      holds: (count: number): void => objects.set({ resource }, count),
    }
  }
}
