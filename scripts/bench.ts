// `npm run bench`: what the operator costs, measured on a cluster of its own from the API server's audit log.
// `--json` prints one line for programs; `--idle-minutes N` and `--models N` say how long and how many (1 and 200).
import { cpus, loadavg } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { execa } from 'execa'
import { whyNotHere } from '../test/cluster/programs.ts'
import { fillFleet, firstWrites, writesPerModel } from './bench/fleet.ts'
import { settleMs, watchIdle } from './bench/idle.ts'
import { openPlace, type Place, type Say } from './bench/place.ts'
import { type Figures, tableOf } from './bench/report.ts'
import { ollamaSwitches, vllmSwitches } from './bench/switches.ts'

const begun = Date.now()
const say: Say = line => console.error(`${((Date.now() - begun) / 1000).toFixed(1).padStart(7)} s  ${line}`)

type Wish = { readonly models: number; readonly idleMinutes: number; readonly json: boolean }

function readWish(): Wish {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      'idle-minutes': { type: 'string', default: '1' },
      models: { type: 'string', default: '200' },
    },
  })
  return { json: values.json, idleMinutes: Number(values['idle-minutes']), models: Number(values.models) }
}

async function measure(place: Place, wish: Wish, commit: string): Promise<Figures> {
  const { models, idleMinutes } = wish
  say('one Model with one copy')
  const perModel = await writesPerModel(place)
  say('5 switches of a vLLM stand-in')
  const vllm = await vllmSwitches(place, 5)
  say('4 switches of a real Ollama')
  const ollama = await ollamaSwitches(place, 4)
  const first = Math.min(60, models)
  say(`${first} Models, one after another`)
  const firstWrite = await firstWrites(place, first)
  say(`a fleet of ${models}`)
  await fillFleet(place, first, models)
  say(`until every series of events is closed: ${Math.ceil(settleMs / 60_000)} min`)
  await sleep(settleMs)
  say(`idle for ${idleMinutes} min`)
  const idle = await watchIdle(place, idleMinutes)
  const { installMilliseconds } = place
  const machine = machineName()
  return {
    ...{ commit, machine, models, installMilliseconds, writesPerModel: perModel },
    ...{ firstWrite, vllm, ollama, idle },
  }
}

/** Asked before the image is built: what is measured, whatever is edited meanwhile. */
async function commitName(): Promise<string> {
  const git = await execa('git', ['describe', '--always', '--dirty'], { reject: false })
  return git.failed ? 'no Git here' : git.stdout
}

function machineName(): string {
  const [first] = cpus()
  return `${cpus().length} × ${first?.model.trim() ?? 'a processor'}, load average at the end ${loadavg()[0]?.toFixed(1)}`
}

async function main(): Promise<number> {
  const wish = readWish()
  const reason = whyNotHere()
  if (reason) {
    say(`no cluster can be started here: ${reason}`)
    return 1
  }
  const commit = await commitName()
  const place = await openPlace(say)
  const stop = (): void => void place.close().finally(() => process.exit(1))
  process.once('SIGINT', stop).once('SIGTERM', stop)
  try {
    const figures = await measure(place, wish, commit)
    const table = `\n${tableOf(figures)}`
    if (wish.json) {
      console.error(table)
      console.log(JSON.stringify(figures))
    } else console.log(table)
    return 0
  } finally {
    await place.close()
  }
}

process.exit(await main())
