// Which blobs are there and right, which are missing, and whether what is missing fits.
import { statfs } from 'node:fs/promises'
import type { Layout } from '../domain/worker-task.ts'
import { sizeOf } from './layout/disk.ts'
import { type Filed, listSuspects, type Receipt, type ReceiptFile, relativePath } from './layout/receipt.ts'
import type { Store } from './layout/store.ts'
import { WorkError } from './outcome.ts'
import { toBlobs } from './sources/listing-digest.ts'
import type { Listing, SourceFile } from './sources/source.ts'
import { hashFile } from './transfer/digest.ts'

export interface Plan {
  readonly missing: readonly SourceFile[]
  /** blob → SHA-256 of its bytes, for every blob that is there and right */
  readonly present: ReadonlyMap<string, string>
  readonly origins: ReadonlyMap<string, ReceiptFile['origin']>
  readonly bytesTotal: number
  readonly bytesMissing: number
}

export interface PlanOrder {
  readonly layout: Layout
  readonly store: Store
  readonly name: string
  readonly listing: Listing
  readonly filed: readonly Filed[]
  readonly signal: AbortSignal
}

/** Receipts that speak about the same blobs folder. */
const ofSameStore = ({ layout, name, filed }: PlanOrder): Filed[] => {
  const path = relativePath(layout)
  const isSame = ({ layout: other, source }: Receipt) =>
    other.path === path &&
    other.kind === layout.kind &&
    (other.kind === 'OllamaStore' || source.name === name)
  return filed.filter(entry => isSame(entry.receipt))
}

const toTrusted = (filed: readonly Filed[], suspects: ReadonlySet<string>): Map<string, string> => {
  const trusted = new Map<string, string>()
  for (const { receipt } of filed.filter(entry => entry.isFinished)) {
    for (const { blob, sha256 } of receipt.files) {
      if (sha256 && !suspects.has(blob)) trusted.set(blob, sha256)
    }
  }
  return trusted
}

/** SHA-256 when the blob is there and right; a blob that no receipt names is hashed first. */
const checkBlob = async (
  order: PlanOrder,
  file: SourceFile,
  trusted: ReadonlyMap<string, string>,
): Promise<string | undefined> => {
  const path = await order.store.findBlob(file.blob)
  if (!path || (await sizeOf(path)) !== file.size) return undefined
  const known = trusted.get(file.blob)
  if (known) return known
  const { algorithm, hex } = file.digest
  const { named, sha256 } = await hashFile(path, { algorithm, size: file.size, signal: order.signal })
  return named === hex ? sha256 : undefined
}

const sumOf = (files: readonly SourceFile[]): number => files.reduce((sum, file) => sum + file.size, 0)

export const makePlan = async (order: PlanOrder): Promise<Plan> => {
  const same = ofSameStore(order)
  const trusted = toTrusted(same, await listSuspects(order.layout))
  const fetched = new Set(
    same.flatMap(({ receipt }) => receipt.files.filter(f => f.origin === 'Fetched').map(f => f.blob)),
  )
  const present = new Map<string, string>()
  const origins = new Map<string, ReceiptFile['origin']>()
  const blobs = toBlobs(order.listing.files)
  for (const file of blobs) {
    const sha256 = await checkBlob(order, file, trusted)
    if (sha256) present.set(file.blob, sha256)
    origins.set(file.blob, sha256 && !fetched.has(file.blob) ? 'Found' : 'Fetched')
  }
  const missing = blobs.filter(file => !present.has(file.blob))
  return { missing, present, origins, bytesTotal: sumOf(blobs), bytesMissing: sumOf(missing) }
}

export const freeBytes = async (folder: string): Promise<number> => {
  const { bavail, bsize } = await statfs(folder)
  return bavail * bsize
}

/** Room for metadata and for others: 2 % and 64 MiB, at most 1 GiB. */
const margin = (bytes: number): number => Math.min(1 << 30, Math.ceil(bytes * 0.02) + (64 << 20))

/** Refuses before the first byte, with both numbers. */
export const checkRoom = async (
  plan: Plan,
  layout: Layout,
  budgetBytes: number | undefined,
): Promise<void> => {
  const need = plan.bytesMissing
  if (need === 0) return
  if (budgetBytes !== undefined && need > budgetBytes) {
    const message = `${need} bytes are needed, ${budgetBytes} are left of the volume's quota`
    throw new WorkError('OverBudget', message, { needBytes: need, haveBytes: budgetBytes })
  }
  const free = await freeBytes(layout.path)
  if (need + margin(need) > free) throw toNoSpace(need + margin(need), free)
}

export const toNoSpace = (needBytes: number, haveBytes: number): WorkError =>
  new WorkError('NoSpace', `${needBytes} bytes are needed, ${haveBytes} are free on the volume`, {
    needBytes,
    haveBytes,
  })
