// remove: take a copy away, and of its bytes those that nothing else on the volume needs; the receipt goes last.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type * as z from 'zod'
import type { RemoveResult, WorkerTask } from '../domain/worker-task.ts'
import { openStore, probeVolume } from './layout/open-store.ts'
import { type Filed, type Receipt, readReceipts, removeReceipt, stagingOf } from './layout/receipt.ts'
import type { Reporter } from './reporter.ts'
import { nameSource } from './sources/open-source.ts'

type RemoveTask = WorkerTask & { readonly command: 'remove' }

/** The newest copy takes older ones of the same Model along; an older one goes alone. */
const toLeaving = (filed: readonly Filed[], { owner, revision }: RemoveTask): Filed[] => {
  const mine = filed.filter(entry => entry.receipt.owner === owner)
  const isNewest = mine.some(
    ({ file, receipt }) => file.endsWith(`/${owner}.json`) && receipt.revision === revision,
  )
  return isNewest ? mine : mine.filter(entry => entry.receipt.revision === revision)
}

export const remove = async (task: RemoveTask, reporter: Reporter): Promise<z.infer<typeof RemoveResult>> => {
  const { layout, owner } = task
  reporter.enter('Removing')
  openStore({ ...nameSource(task.source), layout, owner })
  await probeVolume(layout, owner)
  const filed = await readReceipts(layout)
  const leaving = toLeaving(filed, task)
  let staying = filed
  let bytesFreed = 0
  for (const entry of leaving) {
    staying = staying.filter(other => other !== entry)
    bytesFreed += await withdraw(task, entry.receipt, staying)
    await removeReceipt(entry)
  }
  await rm(stagingOf(layout, owner), { recursive: true, force: true })
  reporter.enter('Done')
  return { bytesFreed }
}

const withdraw = (task: RemoveTask, receipt: Receipt, staying: readonly Filed[]): Promise<number> => {
  const { kind, path } = receipt.layout
  const layout = { root: task.layout.root, kind, path: join(task.layout.root, path) }
  const store = openStore({ ...receipt.source, layout, owner: task.owner, aliases: task.aliases })
  return store.withdraw(
    receipt,
    staying.map(entry => entry.receipt),
  )
}
