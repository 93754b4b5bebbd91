// What one Model and one switch cost in writes, on a cluster with a node: the figures of `npm run bench`, each write by its name.
import type { Counts } from '../bench/audit.ts'
import { writesPerModel } from '../bench/fleet.ts'
import { openPlace, type Say } from '../bench/place.ts'
import { ollamaSwitches, type Switch, vllmSwitches } from '../bench/switches.ts'
import type { Row } from './row.ts'

export interface WritesWish {
  readonly switches: number
}

/** The diary is not counted: events have limits of their own. */
const total = (counts: Counts): number =>
  Object.entries(counts).reduce((sum, [name, n]) => (/ events\b/.test(name) ? sum : sum + n), 0)

const most = (switches: readonly Switch[]): Switch | undefined =>
  [...switches].sort((a, b) => total(b.writes) - total(a.writes))[0]

export async function measureWrites(say: Say, { switches }: WritesWish): Promise<Row[]> {
  const place = await openPlace(say)
  try {
    const perModel = await writesPerModel(place)
    say(`${switches} switches of a vLLM stand-in, ${switches} of a real Ollama`)
    const vllm = most(await vllmSwitches(place, switches))?.writes ?? {}
    const ollama = most(await ollamaSwitches(place, switches))?.writes ?? {}
    const rowOf = (what: string, counts: Counts, atMost: number): Row => ({
      ...{ figure: `writes: ${what}, without events`, value: total(counts), unit: '' },
      ...{ atMost, details: counts },
    })
    return [
      rowOf('Model created → Ready, one copy', perModel, 8),
      rowOf('switch of a vLLM adopted by its config file, the most of all', vllm, 7),
      rowOf('switch of an Ollama, the most of all', ollama, 7),
    ]
  } finally {
    await place.close()
  }
}
