// Asks nvidia-smi, when there is one: beside everything else, for a bounded time, never twice at once, and no oftener than its rest.
import { execFile } from 'node:child_process'
import { statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import {
  failureOf,
  type GpuReading,
  gpuQuery,
  parseGpus,
  parseProcesses,
  processQuery,
} from './gpu-reading.ts'

/** Absent: there is no nvidia-smi on the PATH, which is no failure. */
export type GpuSight =
  | { readonly state: 'Absent' }
  | { readonly state: 'Failed'; readonly message: string }
  | ({ readonly state: 'Seen' } & GpuReading)

export interface GpuLookParts {
  /** its PATH says where nvidia-smi is */
  readonly environment: Readonly<Record<string, string>>
  /** it may hang for ever when a GPU fell off the bus */
  readonly timeoutMs?: number
}

/** An answer that is younger is given again. */
const restMs = 5_000

export class GpuLook {
  readonly #parts: GpuLookParts
  #program: string | undefined
  #asking: Promise<GpuSight> | undefined
  #last: { readonly sight: GpuSight; readonly at: number } | undefined
  /** processes of ours that did not end although they were killed: nobody waits for them again */
  #hung = 0

  constructor(parts: GpuLookParts) {
    this.#parts = parts
  }

  /** Whether there is one to ask: a look at the PATH, nothing is started. */
  get isThere(): boolean {
    this.#program ??= findProgram(this.#parts.environment)
    return this.#program !== undefined
  }

  /** Never throws. Several that ask at once share one answer, and it is at most `oldestMs` old. */
  async look(oldestMs = restMs): Promise<GpuSight> {
    if (!this.isThere) return { state: 'Absent' }
    if (this.#last && performance.now() - this.#last.at <= oldestMs) return this.#last.sight
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #ask(): Promise<GpuSight> {
    const sight = await this.#read()
    this.#last = { sight, at: performance.now() }
    return sight
  }

  async #read(): Promise<GpuSight> {
    if (this.#hung > 0)
      return {
        state: 'Failed',
        message: 'nvidia-smi hangs and cannot be ended: look at dmesg for Xid errors',
      }
    const asked = [this.#run(gpuQuery), this.#run(processQuery)] as const
    // Both have ended when this look has, also when one of them failed at once.
    await Promise.allSettled(asked)
    try {
      const [gpus, processes] = await Promise.all(asked)
      return { state: 'Seen', gpus: parseGpus(gpus), processes: parseProcesses(processes) }
    } catch (error) {
      return { state: 'Failed', message: (error as Error).message }
    }
  }

  /** Waits for the time-out and a moment, not for the process: one that sleeps in the driver cannot even be killed. */
  #run(query: readonly string[]): Promise<string> {
    const { environment, timeoutMs = 5_000 } = this.#parts
    return new Promise((resolve, reject) => {
      const options = { env: { ...environment, LC_ALL: 'C' }, maxBuffer: 4 * 1024 * 1024 }
      const child = execFile(this.#program ?? '', query, options, (error, output, errors) => {
        clearTimeout(late)
        if (isLate) this.#hung -= 1
        else if (error) reject(new Error(failureOf(`${errors}\n${output}`, endingOf(error))))
        else resolve(output)
      })
      let isLate = false
      const late = setTimeout(() => {
        isLate = true
        this.#hung += 1
        child.kill('SIGKILL')
        reject(new Error(`nvidia-smi did not answer within ${timeoutMs / 1000} s`))
      }, timeoutMs)
    })
  }
}

const endingOf = ({ code, message }: Error & { code?: unknown }): string =>
  typeof code === 'number' ? `exit code ${code}` : message

const findProgram = (environment: Readonly<Record<string, string>>): string | undefined =>
  (environment['PATH'] ?? '')
    .split(delimiter)
    .filter(folder => folder.startsWith('/'))
    .map(folder => join(folder, 'nvidia-smi'))
    .find(file => statSync(file, { throwIfNoEntry: false })?.isFile())
