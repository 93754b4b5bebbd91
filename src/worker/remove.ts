// remove: take a copy away, and of its bytes those that nothing else on the volume needs; the receipt goes last.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Fallen, RemoveResult, WorkerTask } from '../domain/worker-task.ts'
import { findShared, passOn, toSums } from './accounts.ts'
import { openStore, probeVolume } from './layout/open-store.ts'
import {
  type Filed,
  isNewest,
  type Receipt,
  type ReceiptFile,
  readReceipts,
  refile,
  removeReceipt,
  stagingOf,
} from './layout/receipt.ts'
import { type Heirs, targetOf } from './layout/share-file.ts'
import type { Store } from './layout/store.ts'
import type { Reporter } from './reporter.ts'
import { nameSource } from './sources/open-source.ts'

type RemoveTask = WorkerTask & { readonly command: 'remove' }

/** The newest copy takes older ones of the same Model along; an older one goes alone. */
const toLeaving = (filed: readonly Filed[], { owner, revision }: RemoveTask): Filed[] => {
  const mine = filed.filter(entry => entry.receipt.owner === owner)
  const takesAll = mine.some(entry => isNewest(entry) && entry.receipt.revision === revision)
  return takesAll ? mine : mine.filter(entry => entry.receipt.revision === revision)
}

export const remove = async (task: RemoveTask, reporter: Reporter): Promise<RemoveResult> => {
  const { layout, owner } = task
  reporter.enter('Removing')
  openStore({ ...nameSource(task.source, task.layout), layout, owner })
  await probeVolume(layout, owner)
  const filed = await readReceipts(layout)
  const leaving = toLeaving(filed, task)
  let staying = filed
  let bytesFreed = 0
  const fallen: Fallen[] = []
  for (const entry of leaving) {
    staying = staying.filter(other => other !== entry)
    const gone = await removeOne(task, entry, staying)
    bytesFreed += gone.bytesFreed
    fallen.push(...gone.fallen)
    staying = staying.map(other => gone.refiled.get(other) ?? other)
    await removeReceipt(entry)
  }
  await rm(stagingOf(layout, owner), { recursive: true, force: true })
  reporter.enter('Done')
  return { bytesFreed, ...(fallen.length > 0 ? { fallen: [...toSums(fallen)] } : {}) }
}

const removeOne = async (task: RemoveTask, { receipt, ...filed }: Filed, staying: readonly Filed[]) => {
  if (receipt.isAdopted) return { bytesFreed: 0, fallen: [], refiled: new Map<Filed, Filed>() }
  const receipts = staying.map(other => other.receipt)
  const open = (one: Receipt): Store => openFor(task, one)
  const shared = await findShared({ receipt, ...filed }, staying, open)
  const others = { receipts, heirs: await findHeirs(task, receipts) }
  const bytesFreed = await open(receipt).withdraw(receipt, others)
  const write = (heir: Filed, words: Receipt) => refile(stagingOf(task.layout, task.owner), heir, words)
  return { bytesFreed, ...(await passOn(shared, { openFor: open, refile: write })) }
}

const openFor = ({ layout, owner, aliases }: RemoveTask, receipt: Receipt): Store => {
  const { kind, path } = receipt.layout
  const place = { root: layout.root, kind, path: join(layout.root, path) }
  return openStore({ ...receipt.source, layout: place, owner, aliases })
}

/** An intent does not know yet which of the two it became. */
const shared: readonly ReceiptFile['origin'][] = ['Linked', 'InPlace']

/** Names that lead to bytes of another store, where hard links are refused. */
const findHeirs = async (task: RemoveTask, receipts: readonly Receipt[]): Promise<Heirs> => {
  const heirs = new Map<string, string[]>()
  for (const receipt of receipts) {
    const store = openFor(task, receipt)
    for (const { blob } of receipt.files.filter(file => shared.includes(file.origin))) {
      const name = await store.findBlob(blob)
      const target = name ? await targetOf(name) : undefined
      if (name && target) heirs.set(target, [...new Set([...(heirs.get(target) ?? []), name])])
    }
  }
  return heirs
}
