// An nvidia-smi for tests: prints what stands in a file, fails or hangs as that says.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Scripted {
  readonly gpus?: string
  readonly processes?: string
  /** printed instead of all else, with this exit code */
  readonly failure?: { readonly said: string; readonly code: number }
  readonly hangs?: boolean
  /** the list of processes takes so long, and does not fail */
  readonly processesAfterMs?: number
}

/** A folder for the PATH, what makes it say something else, and how often it was asked. */
export const scriptNvidiaSmi = (folder: string) => {
  const bin = join(folder, 'bin')
  mkdirSync(bin, { recursive: true })
  const at = (name: string): string => join(folder, name)
  const [script, calls, slow] = [at('said.json'), at('calls'), at('slow')]
  const say = (said: Scripted): void => writeFileSync(script, JSON.stringify(said))
  writeFileSync(calls, '')
  say({})
  const program = `#!${process.execPath}
const { appendFileSync, readFileSync } = require('node:fs')
appendFileSync(${JSON.stringify(calls)}, process.argv[2] + '\\n')
const { gpus = '', processes = '', failure, hangs, processesAfterMs } = JSON.parse(readFileSync(${JSON.stringify(script)}, 'utf8'))
const isOfGpus = process.argv[2].startsWith('--query-gpu')
if (hangs) setInterval(() => {}, 1000)
else if (processesAfterMs && !isOfGpus) setTimeout(() => appendFileSync(${JSON.stringify(slow)}, 'ended'), processesAfterMs)
else if (failure) { process.stdout.write(failure.said); process.exitCode = failure.code }
else process.stdout.write(isOfGpus ? gpus : processes)
`
  writeFileSync(join(bin, 'nvidia-smi'), program, { mode: 0o755 })
  const countCalls = (): number => readFileSync(calls, 'utf8').split('\n').length - 1
  const hasEndedSlowly = (): boolean => existsSync(slow)
  return { environment: { PATH: bin }, say, countCalls, hasEndedSlowly }
}
