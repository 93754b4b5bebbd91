// The monitor against a real GPU, to be run by hand on a machine that has one: Node 24 and a python3 with torch, nothing else.
//   node test/gpu/gpu-check.ts
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { startDetached } from '../../src/platform/host/detached.ts'
import { DeviceGate } from '../../src/platform/host/monitor/device-gate.ts'
import { GpuLook } from '../../src/platform/host/monitor/gpu-look.ts'
import { type GpuReading, gpuQuery, processQuery } from '../../src/platform/host/monitor/gpu-reading.ts'
import { findProcesses, signal } from '../../src/platform/host/process-mark.ts'

interface Told {
  readonly pid: number
  readonly isLeader: boolean
  readonly name: string
  readonly reserved: number
  readonly free: number
  readonly total: number
}

const gibi = 1024 ** 3
const mib = (bytes: number | undefined): string =>
  bytes === undefined ? 'not told' : `${Math.round(bytes / 1024 ** 2)} MiB`
const environment = Object.fromEntries(
  Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
)
const gpus = new GpuLook({ environment })
const folder = mkdtempSync(join(tmpdir(), 'switchyard-gpu-'))
const results: boolean[] = []
const late: string[] = []
const gate = new DeviceGate({ gpus, onLate: sentence => late.push(sentence), boundMs: 60_000 })

const check = (what: string, isGood: boolean, figures = ''): void => {
  results.push(isGood)
  console.log(`${isGood ? '✓' : '✗'} ${what}${figures ? ` (${figures})` : ''}`)
}

const read = async (): Promise<GpuReading> => {
  const sight = await gpus.look(0)
  if (sight.state === 'Seen') return sight
  throw new Error(sight.state === 'Failed' ? sight.message : 'there is no nvidia-smi on the PATH')
}

const until = async <T>(what: string, look: () => T | undefined | Promise<T | undefined>): Promise<T> => {
  for (const end = Date.now() + 180_000; Date.now() < end; await sleep(20)) {
    const found = await look()
    if (found) return found
  }
  throw new Error(`waited 180 s for ${what}`)
}

const toldIn = (logFile: string): readonly Told[] =>
  readFileSync(logFile, 'utf8')
    .split('\n')
    .filter(line => line.startsWith('{"pid"'))
    .map(line => JSON.parse(line) as Told)

/** An engine's worth of memory: a leader with 4 GiB and a child with 1 GiB. */
const holdMemory = async (token: string) => {
  gate.begin(token)
  const logFile = join(folder, `${token}.log`)
  const program = fileURLToPath(new URL('hold-memory.py', import.meta.url))
  const command = ['python3', program, '4']
  const { mark } = startDetached({ command, environment, folder, logFile, token })
  if (!mark) throw new Error('python3 did not start')
  const told = await until('both processes to hold memory', () => {
    const all = toldIn(logFile)
    if (findProcesses(token, mark).length === 0) throw new Error(readFileSync(logFile, 'utf8').slice(-2_000))
    return all.length === 2 ? all : undefined
  })
  const [leader, child] = [true, false].map(isLeader => told.find(one => one.isLeader === isLeader))
  if (!leader || !child) throw new Error('one of the two told nothing')
  return { mark, leader, child, last: told.at(-1) as Told, pids: () => findProcesses(token, mark) }
}

type Held = Awaited<ReturnType<typeof holdMemory>>

const compare = (reading: GpuReading, { leader, child, last }: Held): void => {
  const gpu = reading.gpus.find(({ name }) => name === leader.name)
  check('torch and nvidia-smi name the same GPU', gpu !== undefined, leader.name)
  const [total = 0, used = 0] = [gpu?.totalBytes, gpu?.usedBytes]
  const apart = (a: number, b: number): string => `nvidia-smi ${mib(a)}, torch ${mib(b)}`
  check(
    'the total agrees within 2 %',
    Math.abs(total - leader.total) < 0.02 * leader.total,
    apart(total, leader.total),
  )
  const usedByTorch = last.total - last.free
  check('the used bytes agree within 1 GiB', Math.abs(used - usedByTorch) < gibi, apart(used, usedByTorch))
  if (!reading.processes.some(({ pid }) => pid === leader.pid)) {
    console.log(
      '  torch’s PIDs are not listed, so nothing is said per PID: a PID namespace of its own, or a driver that lists none',
    )
    return
  }
  for (const [who, one] of Object.entries({ leader, child })) {
    const row = reading.processes.find(({ pid }) => pid === one.pid)
    const bytes = row?.usedBytes ?? 0
    // Beyond torch's own blocks stands the CUDA context.
    const isGood = bytes >= one.reserved && bytes < one.reserved + 2 * gibi
    check(
      `the bytes of the ${who}'s PID ${one.pid} are torch's and a context`,
      isGood,
      apart(bytes, one.reserved),
    )
  }
}

const ms = (since: number): string => `${Math.round(performance.now() - since)} ms`

const memoryOf = async (token: string): Promise<void> => {
  await until('the gate to say free', () => gate.isFree(token))
}

/** KILL of the leader alone leaves its child on the GPU: the gate must see it. */
const followOrphan = async (held: Held, token: string, before: GpuReading): Promise<void> => {
  gate.note(
    token,
    held.pids().map(({ pid }) => pid),
  )
  await sleep(2_000)
  signal(held.mark, 'SIGKILL')
  await until('the leader to end', () => held.pids().length === 1)
  gate.isFree(token)
  await sleep(2_000)
  check('after KILL of the leader its child still holds the GPU', !gate.isFree(token), gate.sentenceOf(token))
  const killedAt = performance.now()
  for (const mark of held.pids()) signal(mark, 'SIGKILL')
  await until('the processes to end', () => held.pids().length === 0)
  const processesGone = ms(killedAt)
  await memoryOf(token)
  check(
    'after KILL of both the memory is back',
    late.length === 0,
    `processes ${processesGone}, memory proved after ${ms(killedAt)}`,
  )
  compareAfter(await read(), before)
}

const compareAfter = (after: GpuReading, before: GpuReading): void => {
  for (const { index, uuid, usedBytes = 0 } of before.gpus) {
    const now = after.gpus.find(gpu => gpu.uuid === uuid)?.usedBytes ?? 0
    const isGood = Math.abs(now - usedBytes) < 0.25 * gibi
    check(`GPU ${index} is as before`, isGood, `before ${mib(usedBytes)}, after ${mib(now)}`)
  }
}

/** How the figure falls after one KILL to all, with what is seen of the processes meanwhile. */
const drawFall = async (held: Held, token: string): Promise<void> => {
  gate.note(
    token,
    held.pids().map(({ pid }) => pid),
  )
  await sleep(2_000)
  const killedAt = performance.now()
  for (const mark of held.pids()) signal(mark, 'SIGKILL')
  for (let isFree = false; !isFree; isFree = gate.isFree(token)) {
    const living = held.pids().length
    const { gpus: all, processes } = await read()
    const used = all.map(({ usedBytes }) => mib(usedBytes)).join(', ')
    console.log(`  ${ms(killedAt)}: ${living} living, ${processes.length} on the GPU, used ${used}`)
  }
  check('one KILL to all is followed until the memory is back', late.length === 0, ms(killedAt))
}

const main = async (): Promise<void> => {
  check('nvidia-smi is on the PATH', gpus.isThere)
  const startedAt = performance.now()
  const before = await read()
  console.log(`  one look takes ${ms(startedAt)}: ${JSON.stringify(before)}`)
  const orphaned = await holdMemory('switchyard-gpu-check-1')
  const reading = await read()
  console.log(`  while torch holds memory: ${JSON.stringify(reading)}`)
  for (const query of [gpuQuery, processQuery])
    console.log(
      `  nvidia-smi ${query.join(' ')}:\n${execFileSync('nvidia-smi', query, { encoding: 'utf8' })}`,
    )
  compare(reading, orphaned)
  await followOrphan(orphaned, 'switchyard-gpu-check-1', before)
  await drawFall(await holdMemory('switchyard-gpu-check-2'), 'switchyard-gpu-check-2')
  compareAfter(await read(), before)
}

try {
  await main()
} catch (error) {
  check((error as Error).message, false)
} finally {
  for (const token of ['switchyard-gpu-check-1', 'switchyard-gpu-check-2'])
    for (const mark of findProcesses(token)) signal(mark, 'SIGKILL')
  rmSync(folder, { recursive: true, force: true })
}
console.log(`${results.filter(Boolean).length} of ${results.length} good`)
process.exit(results.every(Boolean) ? 0 : 1)
