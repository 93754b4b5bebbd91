// A settled fleet with engines that serve: what the operator writes and computes while nothing happens.
import { setTimeout as sleep } from 'node:timers/promises'
import { model } from '../../test/journeys/engines.ts'
import { isReady, type Seen } from '../../test/journeys/town.ts'
import { type Counts, countByName, operatorWrites } from '../bench/audit.ts'
import { create } from '../bench/place.ts'
import { cpuSeconds, residentMegabytes } from '../bench/process.ts'
import type { Looked, LooksWish } from './bare-looks.ts'
import { engineAt, ensureFleet, openClaim } from './fleet.ts'
import { type HollowNode, openHollowNode } from './hollow-node.ts'
import { type Operator, startHelper, startOperator, until } from './program.ts'
import { type Row, rounded } from './row.ts'
import { eachOf, type Stage } from './stage.ts'

export interface IdleWish {
  readonly engines: number
  readonly models: number
  readonly minutes: number
}

const perNamespace = 20
/** The default of a Runtime's proof. */
const intervalSeconds = 60
/** Code is compiled, and what was written at the start is quiet. */
const restSeconds = 45

export async function measureIdle(stage: Stage, wish: IdleWish): Promise<Row[]> {
  await ensureFleet(stage, { models: wish.models, runtimes: 0, namespaces: 10 })
  await stage.api.request('DELETE', '/api/v1/nodes/hollow')
  const node = await openHollowNode(stage)
  const operator = await startOperator(stage)
  stage.say(`${wish.models} Models are settled and no engine serves; rest`)
  await sleep(restSeconds * 1000)
  const alone = await watch(stage, operator, 1)
  await startEngines(stage, wish.engines, node.enginePort)
  stage.say(`${wish.engines} engines serve and ${wish.models} Models are settled; rest`)
  await sleep(restSeconds * 1000)
  const asked = node.engines.requests
  const seen = await watch(stage, operator, wish.minutes)
  const requests = node.engines.requests - asked
  await operator.stop()
  const bare = await askBarely(stage, node)
  await node.close()
  return toRows(wish, { seen, alone, requests, bare })
}

interface Idled {
  readonly seen: Watched
  readonly alone: Watched
  readonly requests: number
  readonly bare: Looked
}

const shareOf = (cpuSeconds: number, seconds: number): number => rounded((cpuSeconds / seconds) * 100, 2)

function toRows(wish: IdleWish, { seen, alone, requests, bare }: Idled): Row[] {
  const total = Object.values(seen.writes).reduce((sum, n) => sum + n, 0)
  const details = { ...wish, requestsToEngines: requests, residentMegabytes: seen.resident, cpu: seen.cpu }
  const unit = '%'
  return [
    {
      figure: `idle: ${wish.minutes} min, writes without the Lease`,
      ...{ value: total, unit: '', atMost: 0, details: seen.writes },
    },
    {
      figure: `idle: ${wish.minutes} min, share of one core`,
      ...{ value: shareOf(seen.cpu, wish.minutes * 60), unit, atMost: 0.5, details },
    },
    { figure: 'idle: share of one core without an engine', value: shareOf(alone.cpu, 60), unit },
    {
      figure: 'idle: share of one core of a bare loop of the same requests',
      ...{ value: shareOf(bare.cpuSeconds, bareSeconds), unit, details: { requests: bare.requests } },
    },
  ]
}

const bareSeconds = 60

/** What only sends the requests of the proofs, to the same engines. */
async function askBarely(stage: Stage, { engines, enginePort }: HollowNode): Promise<Looked> {
  const program = await startHelper<LooksWish, Looked>(stage, 'bare-looks', {})
  const addresses = engines.addresses.map(address => `http://${address}:${enginePort}`)
  const sent = { addresses, intervalSeconds, warmSeconds: restSeconds, seconds: bareSeconds }
  const looked = await program.ask(sent)
  await program.stop()
  return looked
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
