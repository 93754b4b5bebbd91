// The table that `npm run bench` prints.
import type { Counts, Spread } from './audit.ts'
import type { Latency } from './fleet.ts'
import type { Idle } from './idle.ts'
import type { Share, Switch } from './switches.ts'

export type Figures = {
  readonly commit: string
  readonly machine: string
  readonly models: number
  readonly installMilliseconds: number
  readonly writesPerModel: Counts
  readonly firstWrite: Latency
  readonly vllm: readonly Switch[]
  readonly ollama: readonly Switch[]
  readonly idle: Idle
}

type Row = readonly [what: string, figure: string]

const seconds = (milliseconds: number): string => `${(milliseconds / 1000).toFixed(1)} s`

const total = (counts: Counts): number => Object.values(counts).reduce((sum, n) => sum + n, 0)

const listed = (counts: Counts): string => {
  const parts = Object.entries(counts).map(([name, n]) => `${name} ${Number(n.toFixed(2))}`)
  return `${Number(total(counts).toFixed(2))}${parts.length ? `: ${parts.join(', ')}` : ''}`
}

const spreadText = ({ n, p50, p99, max }: Spread): string => `p50 ${p50}, p99 ${p99}, max ${max} ms (${n})`

/** Switches with the same writes share a row. */
function switchRows(engine: string, switches: readonly Switch[]): Row[] {
  const texts = switches.map(each => listed(each.writes))
  return [...new Set(texts)].map(text => {
    const times = texts.filter(each => each === text).length
    return [`writes per switch, ${engine} (${times} of ${texts.length})`, text]
  })
}

function shareRow(what: string, figures: Figures, of: (share: Share) => number): Row {
  const values = figures.vllm.flatMap(({ share }) => (share ? [of(share)] : [])).sort((a, b) => a - b)
  const median = values[Math.floor(values.length / 2)]
  return [what, `median ${median}, max ${values.at(-1)} ms (${values.length})`]
}

export function rowsOf(figures: Figures): Row[] {
  const { idle } = figures
  return [
    ['helm install → available', seconds(figures.installMilliseconds)],
    ['writes per Model, create → Ready, one copy', listed(figures.writesPerModel)],
    ['writes per Model, create → Ready, only resolved', listed(figures.firstWrite.writesPerModel)],
    ...switchRows('vLLM stand-in', figures.vllm),
    ...switchRows('Ollama', figures.ollama),
    ["Model created → operator's first write on it", spreadText(figures.firstWrite.spread)],
    shareRow('switch: spec → Deployment patched', figures, share => share.order),
    shareRow('switch: engine listens → Ready', figures, share => share.fromEngine),
    shareRow('switch: kubelet says ready → Ready', figures, share => share.fromKubelet),
    shareRow('our share (spec → patch, engine listens → Ready)', figures, s => s.order + s.fromEngine),
    shareRow('our share (spec → patch, kubelet ready → Ready)', figures, s => s.order + s.fromKubelet),
    [`idle ${idle.minutes} min, ${figures.models} Models, 2 Runtimes: writes`, listed(idle.writes)],
    [`idle ${idle.minutes} min: CPU`, `${idle.cpuSeconds} s`],
    [`memory (RSS) at ${figures.models} Models`, `${idle.residentMegabytes} MB`],
  ]
}

export function tableOf(figures: Figures): string {
  const rows = rowsOf(figures)
  const width = Math.max(...rows.map(([what]) => what.length))
  const lines = rows.map(([what, figure]) => `${what.padEnd(width)}  ${figure}`)
  return [`${figures.commit} on ${figures.machine}`, '', ...lines].join('\n')
}
