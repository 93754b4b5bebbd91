// A temporary volume and the tasks that a controller would give, run in this process: what every worker test starts from.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseProgressLine } from '../../src/domain/progress.ts'
import {
  type Layout,
  parseWorkerResult,
  type TaskSource,
  type WorkerResult,
  type WorkerTask,
} from '../../src/domain/worker-task.ts'
import { runWorker, type WorkerIo } from '../../src/worker/worker.ts'

export interface Ended {
  readonly code: number
  readonly result: WorkerResult
  readonly lines: readonly string[]
}

/** Retries at once; silence is long enough for a machine that does much else. */
export const quick = { attempts: 3, baseMs: 1, idleMs: 5_000 }
/** For sources that fall silent on purpose. */
export const impatient = { ...quick, idleMs: 1_500 }

export const run = async (task: WorkerTask, io: Partial<WorkerIo> = {}): Promise<Ended> => {
  const lines: string[] = []
  const code = await runWorker(task, {
    print: line => lines.push(line),
    signal: new AbortController().signal,
    retry: quick,
    ...io,
  })
  return { code, result: parseWorkerResult(lines.at(-1))!, lines }
}

export const progressOf = (ended: Ended) => ended.lines.map(parseProgressLine).filter(p => p !== undefined)

export interface Workplace {
  readonly root: string
  readonly layout: Layout
  readonly resolve: (source: TaskSource, more?: object) => Promise<Ended>
  /** resolve, then download what was resolved */
  readonly fetch: (source: TaskSource, more?: object) => Promise<Ended>
  readonly verify: (source: TaskSource, more: object) => Promise<Ended>
  readonly remove: (source: TaskSource, more: object) => Promise<Ended>
  readonly read: (path: string) => string
  readonly close: () => void
}

/** `endpoint` is the hub's or the registry's. */
export const openWorkplace = (
  kind: Layout['kind'],
  endpoint: string,
  io: Partial<WorkerIo> = {},
): Workplace => {
  const root = mkdtempSync(join(tmpdir(), 'worker-'))
  const layout: Layout = { root, kind, path: join(root, kind === 'HubCache' ? 'hub' : 'ollama') }
  const start = { owner: 'owner-1', sourceHash: 'hash', hubEndpoint: endpoint, registryEndpoint: endpoint }
  const pinned = (command: string) => (source: TaskSource, more: object) =>
    run({ ...start, command, source, layout, ...more } as WorkerTask, io)
  const resolve = (source: TaskSource, more: object = {}) =>
    run({ ...start, command: 'resolve', source, ...more } as WorkerTask, io)
  return {
    root,
    layout,
    resolve,
    fetch: async (source, more = {}) => {
      const { result, ...ended } = await resolve(source, more)
      if (!result.resolution) return { result, ...ended }
      const { revision, listDigest } = result.resolution
      return pinned('download')(source, { revision, listDigest, ...more })
    },
    verify: pinned('verify'),
    remove: pinned('remove'),
    read: path => readFileSync(join(root, path), 'utf8'),
    close: () => rmSync(root, { recursive: true, force: true }),
  }
}
