// How soon the operator answers a new Model: at rest, and while a large fleet of the first list still waits to be looked at.
import { setTimeout as sleep } from 'node:timers/promises'
import { hubModel, namespaceOf } from '../../test/journeys/engines.ts'
import { spread } from '../bench/audit.ts'
import { delays } from '../bench/fleet.ts'
import { create } from '../bench/place.ts'
import { ensureFleet, type FleetWish } from './fleet.ts'
import { launchOperator, type Operator, sumOf, untilDrained, untilLeading } from './program.ts'
import type { Row } from './row.ts'
import type { Stage } from './stage.ts'

export interface LatencyWish extends FleetWish {
  readonly probes: number
}

export async function measureLatency(stage: Stage, wish: LatencyWish): Promise<Row[]> {
  const { models: waiting, probes } = wish
  await ensureFleet(stage, wish)
  const first = await launchOperator(stage)
  const busy = await probeWhileBusy(stage, first)
  await untilDrained(first)
  stage.say(`${busy} Models were created while start-up items waited; ${probes} more at rest`)
  await create(stage.api, [namespaceOf('rest')])
  for (let n = 0; n < probes; n++) await probe(stage, 'rest', n)
  await sleep(2_000)
  await first.stop()
  return [
    ...rowsOf(stage, 'rest', 'at rest'),
    ...rowsOf(stage, 'busy', `while ${waiting} start-up items wait`),
  ]
}

const startupItems = async (operator: Operator): Promise<number> =>
  sumOf(await operator.metrics(), 'workqueue_depth', 'priority="-100"')

/** From the moment it leads until the last start-up item was taken. */
async function probeWhileBusy(stage: Stage, operator: Operator): Promise<number> {
  await create(stage.api, [namespaceOf('busy')])
  await untilLeading(operator, 10)
  let n = 0
  while ((await startupItems(operator)) > 0) await probe(stage, 'busy', n++)
  return n
}

async function probe(stage: Stage, namespace: string, n: number): Promise<void> {
  await create(stage.api, [hubModel(namespace, `probe-${n}`)])
  await sleep(20)
}

function rowsOf({ cluster }: Stage, namespace: 'rest' | 'busy', when: string): Row[] {
  const ofNamespace = cluster.auditEvents().filter(event => event.objectRef?.namespace === namespace)
  const details = spread(delays(ofNamespace))
  const figure = `latency: Model created → first write, ${when}`
  const p99 = { figure: `${figure}, p99`, value: details.p99, unit: 'ms', details }
  if (namespace === 'busy') return [{ ...p99, atMost: 250 }]
  return [
    { figure: `${figure}, p50`, value: details.p50, unit: 'ms', atMost: 10 },
    { ...p99, atMost: 50 },
  ]
}
