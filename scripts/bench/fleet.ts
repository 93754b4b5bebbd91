// Models: what one costs in writes, how soon the operator answers a new one, and a fleet of settled ones.
import { setTimeout as sleep } from 'node:timers/promises'
import type { AuditEvent } from '../../test/cluster/attached.ts'
import { imageNames } from '../../test/cluster/images.ts'
import { hubModel, model, ollamaModel, volumeOnly } from '../../test/journeys/engines.ts'
import { isReady } from '../../test/journeys/town.ts'
import {
  answered,
  type Counts,
  countByName,
  isByOperator,
  isWrite,
  operatorWrites,
  received,
  type Spread,
  spread,
} from './audit.ts'
import { create, modelsOf, openNamespace, type Place, untilQuiet, untilReady } from './place.ts'

const fleet = 'fleet'
/** Unsettled Models at the same time: each is a pod for some seconds, and more would measure how two cores start them. */
const few = 4
const many = 8

/** A tiny Model with one copy, from its creation until the last write that it causes. */
export async function writesPerModel(place: Place): Promise<Counts> {
  const { api, cluster } = place
  const namespace = 'one'
  await openNamespace(api, namespace)
  await create(api, volumeOnly({ namespace, name: 'disk', image: imageNames.engine }))
  await untilQuiet(place)
  const from = Date.now()
  await create(api, [hubModel(namespace, 'alpha', { runtimes: [{ name: 'disk' }] })])
  await untilReady(api, namespace, 'alpha')
  await untilQuiet(place)
  return countByName(operatorWrites(cluster, { from, to: Date.now() }, namespace))
}

export type Latency = { readonly spread: Spread; readonly writesPerModel: Counts }

/** Models without a Runtime, so that a Model is resolved and nothing more. */
export async function firstWrites(place: Place, count: number): Promise<Latency> {
  await openNamespace(place.api, fleet)
  const from = Date.now()
  await addModels(place, { from: 0, to: count, atOnce: few })
  await untilQuiet(place)
  const events = place.cluster.auditEvents().filter(event => event.objectRef?.namespace === fleet)
  const writes = operatorWrites(place.cluster, { from, to: Date.now() }, fleet)
  const perModel = Object.entries(countByName(writes)).map(([name, n]) => [name, n / count])
  return { spread: spread(delays(events)), writesPerModel: Object.fromEntries(perModel) }
}

/** For each Model: from the answer to its creation until the operator's first write on it arrives. */
export function delays(events: readonly AuditEvent[]): number[] {
  const ofModels = events.filter(event => event.objectRef?.resource === 'models' && isWrite(event))
  const created = ofModels.filter(event => event.verb === 'create' && !isByOperator(event))
  const own = ofModels.filter(isByOperator).sort((a, b) => received(a) - received(b))
  return created.flatMap(event => {
    const name = event.objectRef?.name ?? event.requestURI
    const first = own.find(write => write.objectRef?.name === name)
    return first ? [received(first) - answered(event)] : []
  })
}

export async function fillFleet(place: Place, from: number, to: number): Promise<void> {
  await addModels(place, { from, to, atOnce: many })
  await untilQuiet(place, 10)
}

type Batch = { readonly from: number; readonly to: number; readonly atOnce: number }

async function addModels({ api }: Place, { from, to, atOnce }: Batch): Promise<void> {
  for (let n = from; n < to; n++) {
    await settled(api, n - atOnce)
    const source = { huggingFace: { repo: n % 2 ? 'tiny/alpha' : 'tiny/beta' } }
    await create(api, [model(fleet, `model-${String(n).padStart(3, '0')}`, { source })])
  }
  await settled(api, to)
}

/** Until so many Models of the fleet are Ready. */
async function settled(api: Place['api'], count: number): Promise<void> {
  const deadline = Date.now() + 240_000
  while (count > 0 && (await modelsOf(api, fleet)).filter(isReady).length < count) {
    if (Date.now() > deadline) throw new Error(`not within 4 minutes: ${count} Models are Ready`)
    await sleep(250)
  }
}

export const pairFor = (engine: 'VLLM' | 'Ollama', namespace: string, runtime: string) =>
  ['alpha', 'beta'].map(name =>
    (engine === 'VLLM' ? hubModel : ollamaModel)(namespace, name, { runtimes: [{ name: runtime }] }),
  )
