// Starts long-running programs, records them on disk, and ends exactly those: by process id and start time.
import { spawn } from 'node:child_process'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

export type ProcessRecord = { readonly pid: number; readonly start: string }

export type Daemon = {
  readonly name: string
  readonly argv: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** The kernel kills it when the starting process ends, however that ends. */
  readonly diesWithParent: boolean
}

/** Starts the program with its output in `<stateDir>/log/<name>.log`; the record outlives this process. */
export function startDaemon(stateDir: string, daemon: Daemon): ProcessRecord {
  const log = join(stateDir, 'log', `${daemon.name}.log`)
  mkdirSync(dirname(log), { recursive: true })
  mkdirSync(join(stateDir, 'run'), { recursive: true })
  const out = openSync(log, 'a')
  const argv = daemon.diesWithParent ? ['setpriv', '--pdeathsig', 'KILL', ...daemon.argv] : daemon.argv
  const child = spawn(argv[0]!, argv.slice(1), {
    detached: true,
    stdio: ['ignore', out, out],
    env: daemon.env ? { ...process.env, ...daemon.env } : process.env,
  })
  child.on('error', () => undefined)
  closeSync(out)
  child.unref()
  if (child.pid === undefined) throw new Error(`${argv[0]} could not be started`)
  const record = { pid: child.pid, start: startTimeOf(child.pid) ?? '' }
  writeFileSync(recordFile(stateDir, daemon.name), JSON.stringify(record))
  return record
}

const recordFile = (stateDir: string, name: string) => join(stateDir, 'run', `${name}.json`)

export function findRecord(stateDir: string, name: string): ProcessRecord | undefined {
  const file = recordFile(stateDir, name)
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as ProcessRecord) : undefined
}

export function recordedNames(stateDir: string): string[] {
  const folder = join(stateDir, 'run')
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter(file => file.endsWith('.json'))
    .map(file => file.slice(0, -'.json'.length))
}

/** A process id may be used again; with the start time it names one process. */
export function isAlive(record: ProcessRecord | undefined): record is ProcessRecord {
  return record !== undefined && record.start !== '' && startTimeOf(record.pid) === record.start
}

function startTimeOf(pid: number): string | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ')
    return fields[0] === 'Z' ? undefined : fields[19]
  } catch {
    return undefined
  }
}

/** SIGKILL and wait: nothing that the harness starts keeps anything worth a slow end. */
export async function endRecorded(stateDir: string, name: string): Promise<void> {
  const record = findRecord(stateDir, name)
  if (isAlive(record)) process.kill(record.pid, 'SIGKILL')
  for (let n = 0; n < 200 && isAlive(record); n++) await sleep(25)
  rmSync(recordFile(stateDir, name), { force: true })
}

export function childrenOf(pid: number): number[] {
  const file = `/proc/${pid}/task/${pid}/children`
  return existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ').filter(Boolean).map(Number) : []
}
