// `npm run bench:controller`: what the controller costs by itself, on a real API server; each figure beside its goal.
// `--only memory,idle` measures these parts; `--full` takes the sizes of the goals, else small ones for a try; `--minutes N` says how
// long it is idle; `--json` prints one line for programs.
import { cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { execa } from 'execa'
import { ensurePrograms, whyNotHere } from '../test/cluster/programs.ts'
import type { Say } from './bench/place.ts'
import { measureDownloads } from './bench-controller/downloads.ts'
import { measureIdle } from './bench-controller/idle.ts'
import { measureLatency } from './bench-controller/latency.ts'
import { measureMemory } from './bench-controller/memory.ts'
import { measureOutage } from './bench-controller/outage.ts'
import { measureRate } from './bench-controller/rate.ts'
import { isMet, type Row, tableOf } from './bench-controller/row.ts'
import { measureSoak } from './bench-controller/soak.ts'
import { openStage, type Stage } from './bench-controller/stage.ts'
import { measureWrites } from './bench-controller/writes.ts'

const begun = Date.now()
const say: Say = line => console.error(`${((Date.now() - begun) / 1000).toFixed(1).padStart(7)} s  ${line}`)

interface Part {
  /** parts of the same stage that follow one another share it, and what stands on it */
  readonly stage?: string
  measure(stage: () => Promise<Stage>, isFull: boolean): Promise<Row[]>
}

const onStage = <Wish>(
  stage: string,
  measure: (stage: Stage, wish: Wish) => Promise<Row[]>,
  sizes: { readonly small: Wish; readonly full: Wish },
): Part => ({
  stage,
  measure: async (open, isFull) => measure(await open(), isFull ? sizes.full : sizes.small),
})

const small = { models: 1_000, runtimes: 100, namespaces: 10 }
const full = { models: 10_000, runtimes: 1_000, namespaces: 10 }

const partsFor = (minutes?: number): Readonly<Record<string, Part>> => ({
  writes: { measure: (_, isFull) => measureWrites(say, { switches: isFull ? 6 : 2 }) },
  rate: onStage('rate', measureRate, { small: { models: 200 }, full: { models: 2_000 } }),
  memory: onStage('fleet', measureMemory, {
    small: { ...small, settleSeconds: 20 },
    full: { ...full, settleSeconds: 20 },
  }),
  latency: onStage('fleet', measureLatency, {
    small: { ...small, probes: 50 },
    full: { ...full, probes: 300 },
  }),
  outage: onStage('fleet', measureOutage, {
    small: { ...small, seconds: 60 },
    full: { ...full, seconds: 300 },
  }),
  idle: onStage('idle', measureIdle, {
    small: { engines: 20, models: 200, minutes: minutes ?? 1 },
    full: { engines: 200, models: 2_000, minutes: minutes ?? 10 },
  }),
  downloads: onStage('downloads', measureDownloads, {
    small: { downloads: 20, seconds: 20 },
    full: { downloads: 100, seconds: 60 },
  }),
  soak: onStage('soak', measureSoak, {
    small: { reconciles: 10_000, drops: 100 },
    full: { reconciles: 200_000, drops: 2_000 },
  }),
})

/** One stage at a time; it ends before another begins. */
function createStages() {
  let name: string | undefined
  let open: Stage | undefined
  const close = async (): Promise<void> => {
    await open?.close()
    open = undefined
  }
  const get = async (wanted: string): Promise<Stage> => {
    if (name !== wanted) await close()
    name = wanted
    open ??= await openStage(say)
    return open
  }
  return { get, close }
}

function readWish() {
  const { values } = parseArgs({
    options: {
      json: { type: 'boolean', default: false },
      full: { type: 'boolean', default: false },
      minutes: { type: 'string' },
      only: { type: 'string', default: Object.keys(partsFor()).join() },
    },
  })
  const minutes = values.minutes === undefined ? undefined : Number(values.minutes)
  if (minutes !== undefined && !(minutes > 0)) throw new Error('--minutes: a number above 0')
  const parts = partsFor(minutes)
  const names = values.only.split(',')
  const unknown = names.filter(name => !Object.hasOwn(parts, name))
  if (unknown.length > 0) throw new Error(`--only: ${unknown.join()}; there are ${Object.keys(parts).join()}`)
  return { ...values, names, parts }
}

/** The load counts what else the machine was doing. */
async function whereAndWhat() {
  const git = await execa('git', ['describe', '--always', '--dirty'], { reject: false })
  const machine = `${cpus().length} × ${cpus()[0]?.model.trim() ?? 'a processor'}`
  return { commit: git.failed ? 'no Git here' : git.stdout, machine, date: new Date().toISOString() }
}

async function main(): Promise<number> {
  const wish = readWish()
  const reason = whyNotHere()
  if (reason) {
    say(`no control plane can be started here: ${reason}`)
    return 1
  }
  await ensurePrograms(say)
  const about = await whereAndWhat()
  const rows: Row[] = []
  const stages = createStages()
  try {
    for (const name of wish.names) {
      say(`part ${name}, load average ${loadavg()[0]?.toFixed(1)}`)
      const part = wish.parts[name]
      if (!part?.stage) await stages.close()
      rows.push(...((await part?.measure(() => stages.get(part.stage ?? name), wish.full)) ?? []))
      console.error(`\n${tableOf(rows)}\n`)
    }
  } finally {
    await stages.close()
  }
  const load = loadavg()[0]?.toFixed(1)
  if (wish.json) console.log(JSON.stringify({ ...about, load, full: wish.full, rows }))
  else console.log(`${about.commit} on ${about.machine}, load average ${load}\n\n${tableOf(rows)}`)
  return rows.every(row => isMet(row) ?? true) ? 0 : 2
}

process.exit(await main())
