// A settled fleet with engines that serve: what the operator writes and computes while nothing happens.
import { setTimeout as sleep } from 'node:timers/promises'
import { model } from '../../test/journeys/engines.ts'
import { isReady, type Seen } from '../../test/journeys/town.ts'
import { type Counts, countByName, operatorWrites } from '../bench/audit.ts'
import { create } from '../bench/place.ts'
import { cpuSeconds, residentMegabytes } from '../bench/process.ts'
import { engineAt, ensureFleet, openClaim } from './fleet.ts'
import { openHollowNode } from './hollow-node.ts'
import { type Operator, startOperator, until } from './program.ts'
import { type Row, rounded } from './row.ts'
import { eachOf, type Stage } from './stage.ts'

export interface IdleWish {
  readonly engines: number
  readonly models: number
  readonly minutes: number
}

const perNamespace = 20

export async function measureIdle(stage: Stage, wish: IdleWish): Promise<Row[]> {
  await ensureFleet(stage, { models: wish.models, runtimes: 0, namespaces: 10 })
  await stage.api.request('DELETE', '/api/v1/nodes/hollow')
  const node = await openHollowNode(stage)
  const operator = await startOperator(stage)
  await startEngines(stage, wish.engines, node.enginePort)
  stage.say(`${wish.engines} engines serve and ${wish.models} Models are settled; a minute of rest`)
  await sleep(60_000)
  const asked = node.engines.requests
  const seen = await watch(stage, operator, wish.minutes)
  const requests = node.engines.requests - asked
  await operator.stop()
  await node.close()
  const details = { ...wish, requestsToEngines: requests, residentMegabytes: seen.resident, cpu: seen.cpu }
  const total = Object.values(seen.writes).reduce((sum, n) => sum + n, 0)
  return [
    {
      figure: `idle: ${wish.minutes} min, writes without the Lease`,
      ...{ value: total, unit: '', atMost: 0, details: seen.writes },
    },
    {
      figure: `idle: ${wish.minutes} min, share of one core`,
      ...{ value: rounded((seen.cpu / (wish.minutes * 60)) * 100, 2), unit: '%', atMost: 0.5, details },
    },
  ]
}

/** Twenty to a namespace, all with the same Model on one claim. */
async function startEngines(stage: Stage, count: number, port: number): Promise<void> {
  const namespaces = Array.from({ length: Math.ceil(count / perNamespace) }, (_, n) => `engines-${n}`)
  const spec = { source: { huggingFace: { repo: 'Qwen/Qwen2.5-7B-Instruct' } } }
  for (const namespace of namespaces) {
    await openClaim(stage, namespace)
    await create(stage.api, [model(namespace, 'served', spec)])
  }
  const numbers = Array.from({ length: count }, (_, n) => n)
  await eachOf(numbers, 4, async n => {
    const namespace = namespaces[Math.floor(n / perNamespace)] ?? ''
    await create(stage.api, engineAt({ namespace, name: `engine-${n}`, port, activeModel: 'served' }))
  })
  await until(`${count} engines serve`, async () => (await serving(stage)) >= count, { seconds: 1_800 })
}

async function serving({ api, say }: Stage): Promise<number> {
  const { items } = (await api.request('GET', '/apis/switchyard.dev/v1alpha1/runtimes')) as Seen
  const ready = items.filter((each: Seen) => isReady(each) && !each.status.switch).length
  if (process.env['BENCH_VERBOSE']) say(`${ready} of ${items.length} serve`)
  return ready
}

interface Watched {
  readonly cpu: number
  readonly resident: number
  readonly writes: Counts
}

async function watch(stage: Stage, { pid }: Operator, minutes: number): Promise<Watched> {
  const from = Date.now()
  const before = cpuSeconds(pid)
  await sleep(minutes * 60_000)
  const cpu = rounded(cpuSeconds(pid) - before, 2)
  const writes = countByName(operatorWrites(stage.cluster, { from, to: Date.now() }))
  return { cpu, resident: residentMegabytes(pid), writes }
}
