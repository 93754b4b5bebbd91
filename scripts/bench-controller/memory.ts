// What the bundled operator holds with a large fleet, beside client-node's informer with the same objects, and while it reads
// everything afresh.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Seen } from '../../test/journeys/town.ts'
import { cpuSeconds, markPeak, peakMegabytes, residentMegabytes } from '../bench/process.ts'
import { ensureFleet, type FleetWish } from './fleet.ts'
import { openGate } from './gate.ts'
import { startHelper, startOperator, sumOf, untilDrained } from './program.ts'
import { type Row, rounded } from './row.ts'
import type { Stage } from './stage.ts'

export interface MemoryWish extends FleetWish {
  readonly settleSeconds: number
}

export async function measureMemory(stage: Stage, wish: MemoryWish): Promise<Row[]> {
  await ensureFleet(stage, wish)
  const own = await measureOperator(stage, wish)
  const theirs = await measureInformer(stage, wish)
  const fleet = { ...wish, objectBytes: await sizeOf(stage), ...own.heap }
  return [
    {
      figure: 'memory: RSS of the bundled operator',
      value: own.steady,
      unit: 'MB',
      atMost: 130,
      details: fleet,
    },
    {
      figure: 'memory: share of client-node’s informer with the same objects',
      ...{ value: rounded((own.steady / theirs) * 100), unit: '%', atMost: 60 },
      details: { informer: theirs },
    },
    {
      figure: 'memory: peak while everything is read afresh, over steady',
      ...{ value: rounded(own.peak / own.steady, 2), unit: '×', atMost: 1.25 },
      details: { peak: own.peak, fills: own.fills, afterwards: own.afterwards },
    },
    { figure: 'memory: CPU from start to settled', value: own.cpu, unit: 's' },
  ]
}

async function measureOperator(stage: Stage, { settleSeconds }: MemoryWish) {
  const gate = await openGate(stage)
  const operator = await startOperator(stage, { server: gate.url })
  await untilDrained(operator)
  const cpu = cpuSeconds(operator.pid)
  await sleep(settleSeconds * 1000)
  const steady = residentMegabytes(operator.pid)
  const heap = heapOf(await operator.metrics())
  stage.say(`the operator holds ${steady} MB`)
  markPeak(operator.pid)
  const fills = gate.expireWatches()
  await sleep(settleSeconds * 1000)
  const peak = peakMegabytes(operator.pid)
  const afterwards = residentMegabytes(operator.pid)
  await operator.stop()
  await gate.close()
  return { steady, peak, fills, afterwards, cpu, heap }
}

async function measureInformer(stage: Stage, wish: MemoryWish): Promise<number> {
  const env = { KUBECONFIG: stage.kubeconfigFor(stage.cluster.server) }
  const informer = await startHelper<number, number>(stage, 'informer', env)
  const held = await informer.ask(wish.models + wish.runtimes)
  stage.say(`the informer holds ${held} objects`)
  await sleep(wish.settleSeconds * 1000)
  const megabytes = residentMegabytes(informer.pid)
  await informer.stop()
  return megabytes
}

const heapOf = (metrics: ReadonlyMap<string, number>) => {
  const megabytes = (name: string): number => rounded(sumOf(metrics, name) / 1e6)
  return {
    heapMegabytes: megabytes('nodejs_heap_size_total_bytes'),
    usedMegabytes: megabytes('nodejs_heap_size_used_bytes'),
  }
}

/** One Model as JSON. */
async function sizeOf({ api }: Stage): Promise<number> {
  const path = '/apis/switchyard.dev/v1alpha1/namespaces/fleet-0/models?limit=1'
  const { items } = (await api.request('GET', path)) as Seen
  return JSON.stringify(items[0]).length
}
