// One work of the production worker in small parts, as a process that can be traced: the task as JSON, the result on standard output.
import { WorkerTask } from '../../../src/domain/worker-task.ts'
import { defaultRetry } from '../../../src/worker/transfer/wire.ts'
import { runWorker } from '../../../src/worker/worker.ts'

process.exitCode = await runWorker(WorkerTask.parse(JSON.parse(process.argv[2] ?? '')), {
  print: line => void process.stdout.write(`${line}\n`),
  signal: new AbortController().signal,
  partSize: () => 64 << 10,
  // a stand-in beside it may be slow to list very many files
  retry: { ...defaultRetry, idleMs: 300_000 },
})
