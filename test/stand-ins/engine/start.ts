// Starts the engine stand-in as a child process for a test, and reads its stamps and log.
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { EngineFault } from './faults.ts'
import type { Stamp, StampEvent } from './stamps.ts'

export interface EngineProcessOptions {
  /** As on a real command line: ['vllm', 'serve', PATH, '--port', '8000'] or ['ollama', 'serve']. */
  readonly command: readonly string[]
  /** The port that the command names; `freePort()` finds one. */
  readonly port: number
  readonly environment?: Readonly<Record<string, string>>
  readonly faults?: readonly EngineFault[]
  readonly loadMilliseconds?: number
  readonly stopMilliseconds?: number
  readonly tokenMilliseconds?: number
  /** Every line as it comes. */
  readonly onLine?: (line: string) => void
  /** What runs it; default this Node and main.ts. */
  readonly program?: readonly string[]
}

export interface EngineProcess {
  readonly url: string
  readonly pid: number
  readonly controlUrl: string
  readonly log: () => string
  readonly stamps: () => readonly Stamp[]
  /** Waits for a stamp; throws with the log when the process ends first. */
  readonly until: (event: StampEvent, milliseconds?: number) => Promise<Stamp>
  /** The exit code, or the signal's name. */
  readonly exited: Promise<number | string>
  readonly setFaults: (faults: readonly EngineFault[]) => Promise<void>
  readonly stop: (signal?: NodeJS.Signals) => Promise<number | string>
}

const handedOut = new Set<number>()

/** Below the ports that outgoing connections are given (32768 and up), and each only once: between this and who listens there, nobody takes it. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (;;) {
    const port = randomInt(12_000, 30_000)
    if (handedOut.has(port)) continue
    handedOut.add(port)
    if (await isFree(host, port)) return port
  }
}

const isFree = async (host: string, port: number): Promise<boolean> => {
  const server = createServer().listen(port, host)
  const isOurs = await new Promise<boolean>(resolve => {
    server.once('listening', () => resolve(true)).once('error', () => resolve(false))
  })
  if (!isOurs) return false
  server.close()
  await once(server, 'close')
  return true
}

const MAIN = fileURLToPath(new URL('./main.ts', import.meta.url))

function environmentOf(options: EngineProcessOptions, controlPort: number): Record<string, string> {
  const number = (name: string, value: number | undefined) =>
    value === undefined ? {} : { [name]: String(value) }
  return {
    PATH: process.env['PATH'] ?? '',
    HOME: process.env['HOME'] ?? '/root',
    NODE_COMPILE_CACHE: join(tmpdir(), 'switchyard-compile-cache'),
    ENGINE_CONTROL_PORT: String(controlPort),
    ...(options.faults === undefined ? {} : { ENGINE_FAULTS: JSON.stringify(options.faults) }),
    ...number('ENGINE_LOAD_MS', options.loadMilliseconds),
    ...number('ENGINE_STOP_MS', options.stopMilliseconds),
    ...number('ENGINE_TOKEN_MS', options.tokenMilliseconds),
    ...options.environment,
  }
}

function toStamp(line: string): Stamp | undefined {
  if (!line.startsWith('{"stamp"')) return undefined
  return JSON.parse(line) as Stamp
}

export async function startEngineProcess(options: EngineProcessOptions): Promise<EngineProcess> {
  const controlPort = await freePort()
  const [program, ...before] = options.program ?? [
    process.execPath,
    '--disable-warning=ExperimentalWarning',
    MAIN,
  ]
  const child = spawn(program!, [...before, ...options.command], {
    env: environmentOf(options, controlPort),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines: string[] = []
  const stamps: Stamp[] = []
  let changed: () => void = () => {}
  const take = (line: string) => {
    lines.push(line)
    options.onLine?.(line)
    const stamp = toStamp(line)
    if (stamp !== undefined) stamps.push(stamp)
    changed()
  }
  createInterface({ input: child.stdout }).on('line', take)
  createInterface({ input: child.stderr }).on('line', take)
  let isOver = false
  const exited = once(child, 'close').then(([code, signal]) => {
    isOver = true
    changed()
    return (code ?? signal) as number | string
  })

  async function until(event: StampEvent, milliseconds = 15_000): Promise<Stamp> {
    const deadline = Date.now() + milliseconds
    for (;;) {
      const found = stamps.find(stamp => stamp.stamp === event)
      if (found !== undefined) return found
      if (isOver || Date.now() > deadline)
        throw new Error(
          `the engine stand-in ${isOver ? 'ended' : 'waits'} before "${event}":\n${lines.join('\n')}`,
        )
      await new Promise<void>(resolve => {
        changed = resolve
        setTimeout(resolve, 50)
      })
    }
  }

  const controlUrl = `http://127.0.0.1:${controlPort}`
  return {
    url: `http://127.0.0.1:${options.port}`,
    pid: child.pid ?? 0,
    controlUrl,
    log: () => lines.join('\n'),
    stamps: () => stamps,
    until,
    exited,
    async setFaults(faults) {
      const answer = await fetch(`${controlUrl}/__control`, { method: 'POST', body: JSON.stringify(faults) })
      if (!answer.ok) throw new Error(await answer.text())
    },
    async stop(signal = 'SIGTERM') {
      if (!isOver) child.kill(signal)
      return exited
    },
  }
}
