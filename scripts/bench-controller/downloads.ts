// Many downloads at once, each saying every second how far it is: how often does the operator write that down?
import { setTimeout as sleep } from 'node:timers/promises'
import { model } from '../../test/journeys/engines.ts'
import { countByName, operatorWrites } from '../bench/audit.ts'
import { create } from '../bench/place.ts'
import { cpuSeconds } from '../bench/process.ts'
import { engineAt, openClaim } from './fleet.ts'
import { openHollowNode } from './hollow-node.ts'
import { startOperator, until } from './program.ts'
import { type Row, rounded } from './row.ts'
import { eachOf, type Stage } from './stage.ts'

export interface DownloadsWish {
  readonly downloads: number
  readonly seconds: number
}

const namespace = 'downloads'

export async function measureDownloads(stage: Stage, wish: DownloadsWish): Promise<Row[]> {
  const { downloads, seconds } = wish
  const node = await openHollowNode(stage)
  const operator = await startOperator(stage, { SWITCHYARD_MAX_DOWNLOADS: '1000' })
  node.holdDownloads()
  await openClaim(stage, namespace)
  const numbers = Array.from({ length: downloads }, (_, n) => n)
  await eachOf(numbers, 4, n => create(stage.api, wanted(n, node.enginePort)))
  await until(`${downloads} downloads run`, async () => node.running >= downloads)
  stage.say(`${downloads} downloads run`)
  await sleep(15_000)
  const from = Date.now()
  const before = cpuSeconds(operator.pid)
  await sleep(seconds * 1000)
  const cpu = rounded(cpuSeconds(operator.pid) - before, 2)
  const writes = operatorWrites(stage.cluster, { from, to: Date.now() }, namespace)
  await node.letDownloadsEnd()
  await operator.stop()
  await node.close()
  const ofStatus = writes.filter(({ objectRef }) => objectRef?.subresource === 'status')
  return [
    {
      figure: `downloads: ${downloads} at once, status writes`,
      ...{ value: rounded(ofStatus.length / seconds, 2), unit: '/s', atMost: 10 },
      details: { seconds, cpu, writes: countByName(writes) },
    },
  ]
}

/** A Model and a folder of its own to fetch it to. */
const wanted = (n: number, port: number) => [
  ...engineAt({ namespace, name: `disk-${n}`, port, subPath: `disk-${n}`, replicas: 0 }),
  model(namespace, `model-${n}`, {
    source: { huggingFace: { repo: `tiny/model-${n}` } },
    runtimes: [{ name: `disk-${n}` }],
  }),
]
