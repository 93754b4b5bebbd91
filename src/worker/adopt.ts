// A copy that somebody else put on the volume, whole: every byte is hashed, and it gets a receipt. Nothing else is written.
import { type DownloadTask, toDraft, toFinished } from './draft-receipt.ts'
import { HeadCheck } from './inspect/head-check.ts'
import { sizeOf } from './layout/disk.ts'
import { isSameShelf, shelfAt, shelfOf } from './layout/doubt.ts'
import { type Filed, writeReceipt } from './layout/receipt.ts'
import { syncFile } from './layout/share-file.ts'
import { isOurs, type Store } from './layout/store.ts'
import { WorkError } from './outcome.ts'
import type { Listing, Source, SourceFile } from './sources/source.ts'
import { hashFile } from './transfer/digest.ts'

export interface Adoption {
  readonly task: DownloadTask
  readonly source: Source
  readonly store: Store
  readonly listing: Listing
  readonly filed: readonly Filed[]
  readonly startedAt: Date
  readonly onHashed: (count: number) => void
}

/** Undefined when it is not there whole, not what the source lists, or partly of our making: then it is downloaded. */
export const adopt = async (adoption: Adoption): Promise<Filed | undefined> => {
  const isThere = !isPartlyOurs(adoption) && (await isWhole(adoption))
  if (!isThere && adoption.source.kind === 'Local')
    throw new WorkError('Integrity', `${adoption.source.name} changed while it was read`, { retry: 'Later' })
  if (!isThere) return undefined
  const digests = await digestsOf(adoption)
  return digests ? writeAdopted(adoption, digests) : undefined
}

const isPartlyOurs = ({ task, source, listing, filed }: Adoption): boolean => {
  const here = shelfAt(task.layout, source.name)
  const blobs = new Set(listing.files.map(file => file.blob))
  return filed
    .filter(({ receipt }) => isSameShelf(shelfOf(receipt), here))
    .some(({ receipt }) => receipt.files.some(file => isOurs(file) && blobs.has(file.blob)))
}

const isWhole = async ({ store, listing }: Adoption): Promise<boolean> => {
  if (!(await store.isShown(listing))) return false
  for (const file of listing.files) {
    if ((await sizeOf(store.shownAt(listing.revision, file))) !== file.size) return false
  }
  return true
}

/** A local listing is the digests of these bytes, made a moment ago. */
const digestsOf = async (adoption: Adoption): Promise<ReadonlyMap<string, string> | undefined> =>
  adoption.source.kind === 'Local'
    ? new Map(adoption.listing.files.map(file => [file.blob, file.digest.hex]))
    : hashAll(adoption)

/** Blob → SHA-256; undefined at the first file that is not what the source lists. */
const hashAll = async (adoption: Adoption): Promise<Map<string, string> | undefined> => {
  const digests = new Map<string, string>()
  for (const file of adoption.listing.files) {
    const sha256 = await hashOne(adoption, file)
    if (!sha256) return undefined
    digests.set(file.blob, sha256)
  }
  return digests
}

const hashOne = async (
  { store, listing, source, onHashed }: Adoption,
  file: SourceFile,
): Promise<string | undefined> => {
  const path = store.shownAt(listing.revision, file)
  const { algorithm, hex } = file.digest
  const order = { algorithm, size: file.size, signal: source.wire.signal, onBytes: onHashed }
  const { named, sha256 } = await hashFile(path, order)
  if (named !== hex) return undefined
  await new HeadCheck(file, path).look(file.size)
  await syncFile(path)
  return sha256
}

const writeAdopted = (
  { task, source, listing, startedAt }: Adoption,
  digests: ReadonlyMap<string, string>,
): Promise<Filed> => {
  const origins = new Map(listing.files.map(file => [file.blob, 'Found' as const]))
  const draft = toDraft(task, { source, listing, origins })
  const finished = toFinished(draft, digests, { bytesFetched: 0, startedAt })
  return writeReceipt(task.layout, { ...finished, isAdopted: true })
}
