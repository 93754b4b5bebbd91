// verify: hash every byte of a copy again and compare it with the receipt.
import type { CopyResult } from '../domain/artifact.ts'
import type { WorkerTask } from '../domain/worker-task.ts'
import { sizeOf } from './layout/disk.ts'
import { shelfOf, suspect } from './layout/doubt.ts'
import { openStore } from './layout/open-store.ts'
import { type Filed, type ReceiptFile, readReceipts, saidOf } from './layout/receipt.ts'
import { locate, type Store } from './layout/store.ts'
import { WorkError } from './outcome.ts'
import type { Reporter } from './reporter.ts'
import { nameSource } from './sources/open-source.ts'
import { hashFile } from './transfer/digest.ts'

type VerifyTask = WorkerTask & { readonly command: 'verify' }

export const verify = async (
  task: VerifyTask,
  signal: AbortSignal,
  reporter: Reporter,
): Promise<CopyResult> => {
  const startedAt = performance.now()
  const store = openStore({ ...nameSource(task.source, task.layout), layout: task.layout, owner: task.owner })
  const filed = await readReceipts(task.layout)
  const mine = findReceipt(task, filed)
  const { receipt, digest } = mine
  const blobs = [...new Map(receipt.files.map(file => [file.blob, file])).values()]
  reporter.enter('Verifying', { bytesTotal: receipt.bytes, filesTotal: blobs.length })
  const faults = await hashAll({ task, store, signal, reporter, mine, filed }, blobs)
  const fault = faults[0] ?? (await store.findFault(receipt))
  if (fault) throw new WorkError('Integrity', `${fault}; it must be downloaded again`)
  reporter.enter('Done', { bytesDone: receipt.bytes, filesDone: blobs.length })
  const path = store.pathOf(receipt.revision)
  return {
    receipt: digest,
    bytes: receipt.bytes,
    bytesFetched: 0,
    bytesReused: receipt.bytes,
    ...(path ? { path } : {}),
    seconds: Math.round((performance.now() - startedAt) / 100) / 10,
    ...saidOf(receipt),
  }
}

const findReceipt = ({ owner, revision }: VerifyTask, filed: readonly Filed[]): Filed => {
  const found = filed.find(
    ({ isFinished, receipt }) => isFinished && receipt.owner === owner && receipt.revision === revision,
  )
  if (found) return found
  throw new WorkError('Integrity', `the volume has no receipt for ${revision}; it must be downloaded again`)
}

interface Looking {
  readonly task: VerifyTask
  readonly store: Store
  readonly signal: AbortSignal
  readonly reporter: Reporter
  readonly mine: Filed
  /** every receipt of the volume */
  readonly filed: readonly Filed[]
}

/** Every wrong blob is marked, so that the next download does not trust it. */
const hashAll = async (looking: Looking, blobs: readonly ReceiptFile[]): Promise<string[]> => {
  const faults: string[] = []
  let done = 0
  for (const file of blobs) {
    const fault = await findBlobFault(looking, file, count => {
      done += count
      looking.reporter.count(done)
    })
    if (!fault) continue
    faults.push(fault)
    // a volume that refuses the mark refuses the next download too
    const { task, mine, filed } = looking
    const wrong = { blob: file.blob, shelf: shelfOf(mine.receipt), filed }
    await suspect(task.layout, wrong, task.owner).catch(() => {})
  }
  return faults
}

const findBlobFault = async (
  { store, mine, signal }: Looking,
  file: ReceiptFile,
  onBytes: (count: number) => void,
): Promise<string | undefined> => {
  const path = await locate(store, mine.receipt, file)
  if (!path) return `${file.path} is gone`
  const size = await sizeOf(path)
  if (size !== file.size) return `${file.path} has ${size} bytes instead of ${file.size}`
  const { sha256 } = await hashFile(path, { algorithm: 'sha256', size: file.size, signal, onBytes })
  return sha256 === file.sha256
    ? undefined
    : `${file.path}: sha256 is ${sha256}, the receipt says ${file.sha256}`
}
