// The API server is away for minutes while a large fleet stands on it: how often the operator knocks, what it holds, and how soon it is
// at work again. A leader that has lost its Lease ends itself; it is started again here as a kubelet would.
import { setTimeout as sleep } from 'node:timers/promises'
import { hubModel, namespaceOf } from '../../test/journeys/engines.ts'
import { isReady, type Seen } from '../../test/journeys/town.ts'
import { create } from '../bench/place.ts'
import { markPeak, peakMegabytes, residentMegabytes } from '../bench/process.ts'
import { ensureFleet, type FleetWish } from './fleet.ts'
import { type Gate, openGate } from './gate.ts'
import { openHollowNode } from './hollow-node.ts'
import { launchOperator, leads, type Operator, until, untilDrained, untilLeading } from './program.ts'
import { type Row, rounded } from './row.ts'
import type { Stage } from './stage.ts'

export interface OutageWish extends FleetWish {
  /** how long nobody answers */
  readonly seconds: number
}

export async function measureOutage(stage: Stage, wish: OutageWish): Promise<Row[]> {
  await ensureFleet(stage, wish)
  await create(stage.api, [namespaceOf('outage')])
  await stage.api.request('DELETE', '/api/v1/nodes/hollow')
  const node = await openHollowNode(stage)
  const gate = await openGate(stage)
  const kept = await keepRunning(stage, gate)
  await untilLeading(kept.operator)
  await untilDrained(kept.operator)
  await sleep(10_000)
  const seen = await sufferOutage(stage, { wish, gate, kept })
  await kept.stop()
  await gate.close()
  await node.close()
  return rowsOf(wish, seen)
}

interface Kept {
  /** the one that runs now */
  readonly operator: Operator
  readonly restarts: number
  /** of all that ran since the mark, MB */
  readonly peak: number
  stop(): Promise<void>
}

/** Started again after 0, 10, 20, 40 … s, as a kubelet does. */
async function keepRunning(stage: Stage, { url }: Gate): Promise<Kept> {
  const start = () => launchOperator(stage, { server: url })
  let operator = await start()
  let [restarts, highest, isStopping] = [0, 0, false]
  const keep = async (): Promise<void> => {
    for (;;) {
      const timer = setInterval(() => {
        highest = Math.max(highest, peakMegabytes(operator.pid))
      }, 1_000)
      await operator.ended
      clearInterval(timer)
      if (isStopping) return
      stage.say('the operator has ended and is started again')
      await sleep(restarts === 0 ? 0 : Math.min(300, 10 * 2 ** (restarts - 1)) * 1000)
      operator = await start()
      restarts++
    }
  }
  const keeping = keep()
  return {
    get operator() {
      return operator
    },
    get restarts() {
      return restarts
    },
    get peak() {
      return Math.max(highest, peakMegabytes(operator.pid))
    },
    stop: async () => {
      isStopping = true
      await operator.stop()
      await keeping
    },
  }
}

interface Suffered {
  readonly watches: number
  readonly refused: number
  readonly restarts: number
  readonly steady: number
  readonly peak: number
  /** since the server answers again */
  readonly leadsAfter: number
  readonly readyAfter: number
  readonly drainedAfter: number
}

interface Scene {
  readonly wish: OutageWish
  readonly gate: Gate
  readonly kept: Kept
}

async function sufferOutage(stage: Stage, { wish, gate, kept }: Scene): Promise<Suffered> {
  const watches = gate.openWatches
  const steady = residentMegabytes(kept.operator.pid)
  markPeak(kept.operator.pid)
  gate.shut()
  stage.say(`${watches} watches are cut, and nobody answers for ${wish.seconds} s`)
  await create(stage.api, [hubModel('outage', 'meanwhile')])
  await sleep(wish.seconds * 1000)
  const { refused } = gate
  const { restarts } = kept
  gate.reopen()
  const after = await recover(stage, kept)
  return { watches, refused, restarts, steady, peak: kept.peak, ...after }
}

/** Seconds until it leads, until the Model that was made meanwhile is Ready, and until everything was looked at. */
async function recover(stage: Stage, kept: Kept) {
  const begun = performance.now()
  const since = (): number => rounded((performance.now() - begun) / 1000)
  await until('it leads again', async () => leads(await kept.operator.metrics()))
  const leadsAfter = since()
  const path = '/apis/switchyard.dev/v1alpha1/namespaces/outage/models/meanwhile'
  await until('the Model is Ready', async () => isReady((await stage.api.request('GET', path)) as Seen))
  const readyAfter = since()
  await untilDrained(kept.operator)
  return { leadsAfter, readyAfter, drainedAfter: since() }
}

function rowsOf(wish: OutageWish, seen: Suffered): Row[] {
  const { watches, refused, steady, peak, drainedAfter } = seen
  const figure = `outage of ${wish.seconds} s`
  const tries = refused / wish.seconds / watches
  return [
    { figure: `${figure}: tries per watch`, value: rounded(tries, 2), unit: '/s', atMost: 1, details: seen },
    { figure: `${figure}: until all is as it should be`, value: drainedAfter, unit: 's', atMost: 30 },
    { figure: `${figure}: peak over steady`, value: rounded(peak / steady, 2), unit: '×', atMost: 3 },
  ]
}
