// The conductor of one work: command → steps → one result line, a result file, an exit code. The only place that catches.
import { writeFile } from 'node:fs/promises'
import { exitCodes } from '../domain/exit-codes.ts'
import { NotSupported } from '../domain/failure.ts'
import type { AskTask, WorkerResult, WorkerTask } from '../domain/worker-task.ts'
import { ask, type OpenEngine } from './ask.ts'
import { createDirectFetch } from './ask-key.ts'
import { download } from './download.ts'
import type { DownloadTask } from './draft-receipt.ts'
import { printResult, toExitCode, toFailure, WorkError } from './outcome.ts'
import { remove } from './remove.ts'
import { Reporter } from './reporter.ts'
import { resolve } from './resolve.ts'
import { tellRoom } from './room.ts'
import type { Network } from './sources/open-source.ts'
import { type Allowance, UsedUp } from './transfer/allowance.ts'
import { createGuardedFetch } from './transfer/guard.ts'
import type { RetryPolicy } from './transfer/wire.ts'
import { verify } from './verify.ts'

export interface WorkerIo {
  /** writes one line to standard output */
  readonly print: (line: string) => void
  /** ends the work; what is half done is left so that it does not look finished */
  readonly signal: AbortSignal
  /** where the result is also written: the termination log of a pod */
  readonly resultFile?: string
  readonly fetch?: typeof fetch
  /** how `ask` speaks to an engine; absent = it cannot */
  readonly openEngine?: OpenEngine
  readonly retry?: RetryPolicy
  /** the environment names a proxy */
  readonly hasProxy?: boolean
  /** bytes of a part of a blob of this size */
  readonly partSize?: (size: number) => number
}

export const runWorker = async (task: WorkerTask, io: WorkerIo): Promise<number> => {
  const reporter = new Reporter(io.print)
  const result = await work(task, io, reporter)
  reporter.end()
  return finish(result, io)
}

/** Prints and stores the result of a work, also of one that could not begin. */
export const finish = async (result: WorkerResult, io: WorkerIo): Promise<number> => {
  const text = printResult(result)
  io.print(text)
  if (io.resultFile) await writeFile(io.resultFile, text).catch(() => {})
  return io.signal.aborted && result.failure ? exitCodes.terminated : toExitCode(result)
}

const work = async (task: WorkerTask, io: WorkerIo, reporter: Reporter): Promise<WorkerResult> => {
  try {
    return await start(task, io, reporter)
  } catch (error) {
    const known = io.signal.aborted ? new WorkError('Interrupted', 'stopped from outside') : error
    return { failure: toFailure(known) }
  }
}

const start = async (task: WorkerTask, io: WorkerIo, reporter: Reporter): Promise<WorkerResult> => {
  const { hasProxy = false, signal, retry, partSize } = io
  const { fetch = createGuardedFetch(hasProxy) } = io
  const network = { fetch, signal, hasProxy, ...(retry ? { retry } : {}), ...(partSize ? { partSize } : {}) }
  switch (task.command) {
    case 'resolve':
      return resolveSource(task, network, reporter)
    case 'download':
      return { copy: await download(task, network, reporter).catch(rethrow(task)) }
    case 'verify':
      return { copy: await verify(task, signal, reporter) }
    case 'remove':
      return { removed: await remove(task, reporter) }
    case 'ask':
      return { asked: await askEngine(task, io) }
  }
}

/** What its requests used up is lost with this process: the result says it to whoever starts the next one. */
const resolveSource = async (
  task: WorkerTask & { readonly command: 'resolve' },
  network: Network,
  reporter: Reporter,
): Promise<WorkerResult> => {
  const usedUp = new UsedUp()
  const onAllowance = (_: string, allowance: Allowance): void => usedUp.note(allowance)
  const resolution = await resolve(task, { ...network, onAllowance }, reporter)
  const { seconds } = usedUp
  return { resolution, ...(seconds > 0 ? { quietSeconds: seconds } : {}) }
}

const rethrow = (task: DownloadTask) => async (error: unknown) => {
  throw await tellRoom(task, error)
}

const askEngine = (task: AskTask, { openEngine, fetch = createDirectFetch(), signal }: WorkerIo) => {
  if (!openEngine) throw new NotSupported('this worker was started without engines to ask')
  return ask(task, { openEngine, fetch, signal })
}
