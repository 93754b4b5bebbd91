// Which blobs are there and right, which are missing, and whether what is missing fits.
import type { Layout } from '../domain/worker-task.ts'
import { proveFound } from './found-blob.ts'
import { sizeOf } from './layout/disk.ts'
import { isSameShelf, listSuspects, shelfAt, shelfOf } from './layout/doubt.ts'
import type { Filed, ReceiptFile } from './layout/receipt.ts'
import type { Way } from './layout/share-file.ts'
import { isOurs, type Store } from './layout/store.ts'
import { WorkError } from './outcome.ts'
import { countHeld, roomOf, toNeed, toNoSpace } from './room.ts'
import { type Elsewhere, findElsewhere } from './share-blobs.ts'
import { toBlobs } from './sources/listing-digest.ts'
import type { Listing, SourceFile } from './sources/source.ts'
import { sha256 } from './transfer/digest.ts'

export interface Plan {
  readonly missing: readonly SourceFile[]
  /** blob → SHA-256 of its bytes, for every blob that is there and right */
  readonly present: ReadonlyMap<string, string>
  /** blob → where else on the volume its bytes are; neither missing nor present */
  readonly shared: ReadonlyMap<string, Elsewhere>
  /** blobs of our own making that have to be written; they count as present */
  readonly made: ReadonlyMap<string, Buffer>
  readonly origins: ReadonlyMap<string, ReceiptFile['origin']>
  readonly bytesTotal: number
  readonly bytesMissing: number
  /** of these, bytes that a former attempt has left on the disk */
  readonly bytesHeld: number
}

export interface PlanOrder {
  readonly layout: Layout
  readonly store: Store
  readonly name: string
  readonly listing: Listing
  readonly filed: readonly Filed[]
  readonly signal: AbortSignal
  readonly onHashed: (count: number) => void
}

/** Receipts that speak about the same blobs folder. */
const ofSameStore = ({ layout, name, filed }: PlanOrder): Filed[] => {
  const here = shelfAt(layout, name)
  return filed.filter(({ receipt }) => isSameShelf(shelfOf(receipt), here))
}

const toTrusted = (
  filed: readonly Filed[],
  isSuspect: (blob: string) => boolean,
): ReadonlyMap<string, string> => {
  const trusted = new Map<string, string>()
  for (const { receipt } of filed.filter(entry => entry.isFinished)) {
    for (const { blob, sha256 } of receipt.files) {
      if (sha256 && !isSuspect(blob)) trusted.set(blob, sha256)
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
  return proveFound(order, file, path)
}

const sumOf = (files: readonly SourceFile[]): number => files.reduce((sum, file) => sum + file.size, 0)

/** How the name of a blob came into this store, for those that are of our making. */
const toNamed = (filed: readonly Filed[]): ReadonlyMap<string, ReceiptFile['origin']> =>
  new Map(
    filed.flatMap(({ receipt }) =>
      receipt.files.filter(isOurs).map(file => [file.blob, file.origin] as const),
    ),
  )

export const makePlan = async (order: PlanOrder): Promise<Plan> => {
  const same = ofSameStore(order)
  const isSuspect = await listSuspects(order.layout, shelfAt(order.layout, order.name))
  const trusted = toTrusted(same, isSuspect)
  const named = toNamed(same)
  const present = new Map<string, string>()
  const origins = new Map<string, ReceiptFile['origin']>()
  const blobs = toBlobs(order.listing.files)
  for (const file of blobs) {
    const sha256 = await checkBlob(order, file, trusted)
    if (!sha256) continue
    present.set(file.blob, sha256)
    origins.set(file.blob, named.get(file.blob) ?? 'Found')
  }
  const made = new Map([...(order.listing.made ?? [])].filter(([blob]) => !present.has(blob)))
  for (const [blob, bytes] of made) {
    present.set(blob, sha256(bytes))
    origins.set(blob, 'Fetched')
  }
  const absent = blobs.filter(file => !present.has(file.blob))
  const shared = await findElsewhere(order, absent)
  for (const { blob } of absent) origins.set(blob, shared.has(blob) ? 'Linked' : 'Fetched')
  const missing = absent.filter(file => !shared.has(file.blob))
  const bytesHeld = await countHeld(order.store, missing)
  const sums = { bytesTotal: sumOf(blobs), bytesMissing: sumOf(missing), bytesHeld }
  return { missing, present, shared, made, origins, ...sums }
}

/** The plan after the names were made: what could not be shared is missing. */
export const afterSharing = (
  plan: Plan,
  files: readonly SourceFile[],
  ways: ReadonlyMap<string, Way>,
): Plan => {
  const refused = toBlobs(files).filter(({ blob }) => plan.shared.has(blob) && !ways.has(blob))
  const missing = [...plan.missing, ...refused]
  const named = [...ways.keys()].map(blob => [blob, plan.shared.get(blob)!.sha256] as const)
  const fetched = refused.map(({ blob }) => [blob, 'Fetched'] as const)
  return {
    missing,
    present: new Map([...plan.present, ...named]),
    shared: new Map(),
    made: new Map(),
    origins: new Map([...plan.origins, ...ways, ...fetched]),
    bytesTotal: plan.bytesTotal,
    bytesMissing: sumOf(missing),
    bytesHeld: plan.bytesHeld,
  }
}

/** Refuses before the first byte, with both numbers. */
export const checkRoom = async (
  plan: Plan,
  layout: Layout,
  budgetBytes: number | undefined,
): Promise<void> => {
  const { bytesMissing, bytesHeld, missing, origins } = plan
  if (missing.length === 0) return
  if (budgetBytes !== undefined && bytesMissing > budgetBytes) {
    const message = `${bytesMissing} bytes are needed, ${budgetBytes} are left of the volume's quota`
    throw new WorkError('OverBudget', message, { needBytes: bytesMissing, haveBytes: budgetBytes })
  }
  const have = await roomOf(layout.path)
  const need = toNeed(bytesMissing - bytesHeld, missing.length, origins.size)
  if (need.bytes > have.bytes || need.files > have.files) throw toNoSpace(need, have)
}
