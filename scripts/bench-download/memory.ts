// Peak memory of downloads, asked of the kernel: the whole worker as its image starts it, and a blob of 450 GB of which some is fetched.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { TaskSource } from '../../src/domain/worker-task.ts'
import { parseWorkerResult } from '../../src/domain/worker-task.ts'
import { workerFlags } from '../../src/program/node-flags.ts'
import { startHub } from '../../test/stand-ins/hub.ts'
import { toSafetensors } from '../../test/stand-ins/weights.ts'
import { nodeEnvironment } from '../image.ts'

export interface Peak {
  readonly mebibytes: number
  /** of these, memory of its own: the rest are pages of the program's file */
  readonly ownMebibytes: number
}

const mebibytesOf = (status: string, name: string): number =>
  Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024)

/** Watches until the process ends, or until `isEnough` says so. */
const watch = async (child: ChildProcess, isEnough: () => Promise<boolean> | boolean): Promise<Peak> => {
  let peak: Peak = { mebibytes: 0, ownMebibytes: 0 }
  while (child.exitCode === null && child.signalCode === null && !(await isEnough())) {
    const status = readStatus(child.pid)
    peak = {
      mebibytes: Math.max(peak.mebibytes, mebibytesOf(status, 'VmHWM')),
      ownMebibytes: Math.max(peak.ownMebibytes, mebibytesOf(status, 'RssAnon')),
    }
    await sleep(20)
  }
  return peak
}

const readStatus = (pid: number | undefined): string => {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8')
  } catch {
    return ''
  }
}

const start = (words: readonly string[]): ChildProcess =>
  spawn(process.execPath, [...workerFlags, ...words], {
    env: { ...process.env, ...nodeEnvironment },
    stdio: ['ignore', 'pipe', 'inherit'],
  })

/** resolve, then download, by the bundle: what a pod needs. */
export async function wholeWorker(program: string, folder: string, bytes: number): Promise<Peak> {
  const hub = await startHub({
    repos: [{ id: 'acme/memory', files: { 'model.safetensors': toSafetensors(Buffer.alloc(bytes, 7)) } }],
  })
  const source: TaskSource = { huggingFace: { repo: 'acme/memory', revision: 'main' } }
  const root = join(folder, 'volume')
  const task = { owner: 'owner-1', sourceHash: 'hash', hubEndpoint: hub.url, source }
  const run = async (more: object) => {
    const child = start([program, 'worker', 'run', '--task', JSON.stringify({ ...task, ...more })])
    const lines: string[] = []
    child.stdout?.setEncoding('utf8').on('data', (text: string) => lines.push(text))
    const peak = await watch(child, () => false)
    return { peak, result: parseWorkerResult(lines.join('').trim().split('\n').at(-1) ?? '') }
  }
  const { result } = await run({ command: 'resolve' })
  const { revision, listDigest } = result?.resolution ?? {}
  const layout = { root, kind: 'HubCache', path: join(root, 'hub') }
  const { peak, result: copied } = await run({ command: 'download', revision, listDigest, layout })
  await hub.close()
  if (!copied?.copy) throw new Error(`the worker did not download: ${JSON.stringify(copied)}`)
  return peak
}

export interface Endless {
  readonly url: string
  readonly size: number
  /** at most; absent: as in a worker */
  readonly connections?: number
  /** fetched before the kill, and after it */
  readonly parts: readonly number[]
  sent(): Promise<number>
}

/** Some gigabytes of a blob that no disk here could hold, stopped, and some more after that. */
export async function ofEndless(program: string, target: string, source: Endless): Promise<Peak> {
  const peaks: Peak[] = []
  const most = source.connections ? [String(source.connections)] : []
  for (const bytes of source.parts) {
    const before = await source.sent()
    const child = start([program, source.url, target, String(source.size), '0'.repeat(64), ...most])
    let looks = 0
    const isEnough = async () => ++looks % 10 === 0 && (await source.sent()) - before > bytes
    peaks.push(await watch(child, isEnough))
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  }
  const highest = (of: (peak: Peak) => number): number => Math.max(...peaks.map(of))
  return { mebibytes: highest(peak => peak.mebibytes), ownMebibytes: highest(peak => peak.ownMebibytes) }
}
