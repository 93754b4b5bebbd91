// `switchyard worker run --task JSON [--result-file F]` and `worker discover --root DIR`: arguments, signals, the last net for errors.
import { parseArgs } from 'node:util'
import { exitCodes } from '../domain/exit-codes.ts'
import { type WorkerResult, WorkerTask } from '../domain/worker-task.ts'
import { discover } from './discover.ts'
import { toFailure, WorkError } from './outcome.ts'
import { finish, runWorker, type WorkerIo } from './worker.ts'

interface Words {
  readonly command: 'run' | 'discover'
  readonly root: string | undefined
  readonly task: string | undefined
  readonly resultFile: string | undefined
}

const usage = 'usage: worker run --task JSON [--result-file FILE], or worker discover --root DIR'
const options = {
  task: { type: 'string' },
  'result-file': { type: 'string' },
  root: { type: 'string' },
} as const

const readWords = (argv: readonly string[]): Words => {
  try {
    const { values, positionals } = parseArgs({ args: [...argv], options, allowPositionals: true })
    const command = positionals.join(' ')
    if (command !== 'run' && command !== 'discover') throw new Error('the word is run or discover')
    return { command, root: values.root, task: values.task, resultFile: values['result-file'] }
  } catch (error) {
    throw new WorkError('InvalidSpec', `${(error as Error).message}; ${usage}`)
  }
}

const readTask = (text: string | undefined): WorkerTask => {
  try {
    const parsed = WorkerTask.safeParse(JSON.parse(text ?? ''))
    if (parsed.success) return parsed.data
    const issue = parsed.error.issues[0]
    throw new WorkError(
      'InvalidSpec',
      `--task: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'not a task'}`,
    )
  } catch (error) {
    if (error instanceof WorkError) throw error
    throw new WorkError('InvalidSpec', '--task is not JSON')
  }
}

const print = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

/** Resolves with the exit code. SIGTERM and SIGINT stop the work cleanly; an error that nobody caught is a result too. */
export const workerMain = async (
  argv: readonly string[],
  parts: Pick<WorkerIo, 'fetch' | 'openEngine' | 'hasProxy'> = {},
): Promise<number> => {
  const stop = new AbortController()
  const onSignal = () => stop.abort()
  let io: WorkerIo = { ...parts, print, signal: stop.signal }
  const onStray = (error: unknown) => {
    const result: WorkerResult = { failure: toFailure(error) }
    void finish(result, io).then(code => process.exit(code))
  }
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal)
  process.on('uncaughtException', onStray).on('unhandledRejection', onStray)
  try {
    const words = readWords(argv)
    if (words.resultFile) io = { ...io, resultFile: words.resultFile }
    if (words.command === 'run') return await runWorker(readTask(words.task), io)
    print(JSON.stringify(await discover(words.root ?? '')))
    return exitCodes.ok
  } catch (error) {
    return await finish({ failure: toFailure(error) }, io)
  }
}
