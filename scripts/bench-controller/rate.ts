// New Models to Ready with works that end at once, as a share of what a bare loop of writes reaches on the same server.
import { hubModel, namespaceOf } from '../../test/journeys/engines.ts'
import { countByName, operatorWrites } from '../bench/audit.ts'
import { create } from '../bench/place.ts'
import type { Look, Wish } from './bare-controller.ts'
import { startHelper, until } from './program.ts'
import { type Row, rounded } from './row.ts'
import { eachOf, type Stage } from './stage.ts'

export interface RateWish {
  readonly models: number
}

export const startController = (stage: Stage, server = stage.cluster.server) =>
  startHelper<Wish, Look>(stage, 'bare-controller', { KUBECONFIG: stage.kubeconfigFor(server) })

export async function measureRate(stage: Stage, { models }: RateWish): Promise<Row[]> {
  const names = Array.from({ length: models }, (_, n) => `model-${n}`)
  for (const namespace of ['bare', 'new']) {
    await create(stage.api, [namespaceOf(namespace)])
    await eachOf(names, 16, name => create(stage.api, [hubModel(namespace, name)]))
  }
  const bare = await measureBare(stage, names)
  await stage.cluster.kubectl(['delete', 'models', '--all', '-n', 'bare', '--wait=false'])
  const own = await measureLoop(stage, models)
  return [
    {
      figure: `rate: writes/s of ${models} new Models to Ready, share of a bare write loop`,
      ...{ value: rounded((own.perSecond / bare) * 100), unit: '%', atLeast: 50 },
      details: { bareWritesPerSecond: rounded(bare), ...own },
    },
  ]
}

async function measureBare(stage: Stage, names: readonly string[]): Promise<number> {
  const controller = await startController(stage)
  const times = 2
  const { milliseconds } = await controller.ask({ do: 'write', namespace: 'bare', names, times })
  await controller.ask({ do: 'look' })
  await controller.stop()
  return (names.length * times) / (milliseconds / 1000)
}

/** The caches are full before the clock starts; the last event of the diary is written before it stops. */
async function measureLoop(stage: Stage, models: number) {
  const controller = await startController(stage)
  await controller.ask({ do: 'start' })
  const from = Date.now()
  await controller.ask({ do: 'run' })
  await until('every Model is Ready', async () => (await controller.ask({ do: 'look' })).ready >= models)
  const to = Date.now()
  const look = await controller.ask({ do: 'look' })
  await controller.stop()
  const writes = operatorWrites(stage.cluster, { from, to }, 'new')
  const seconds = (to - from) / 1000
  return {
    perSecond: rounded(writes.length / seconds),
    modelsPerSecond: rounded(models / seconds),
    reconciles: look.reconciles,
    writes: countByName(writes),
  }
}
