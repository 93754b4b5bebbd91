// The words of a receipt: what is known before the first byte, and what is known at the end.
import type { WorkerTask } from '../domain/worker-task.ts'
import { type Receipt, type ReceiptFile, relativePath } from './layout/receipt.ts'
import { toBytes } from './sources/listing-digest.ts'
import { nameSource } from './sources/open-source.ts'
import type { Listing, Source } from './sources/source.ts'

export type DownloadTask = WorkerTask & { readonly command: 'download' }

interface Known {
  readonly source: Source
  readonly listing: Listing
  /** by blob; one that is not in it is going to be fetched */
  readonly origins: ReadonlyMap<string, ReceiptFile['origin']>
}

const originOf = (source: Source, { revision, files }: Listing): string =>
  new URL(source.urlOf(revision, files[0]!)).origin

/** Written before the first byte: what is fetched from here on is ours to delete, also after a kill. */
export const toDraft = (task: DownloadTask, { source, listing, origins }: Known): Receipt => ({
  version: 1,
  owner: task.owner,
  source: { ...nameSource(task.source, task.layout), asked: source.asked },
  sourceHash: task.sourceHash,
  endpoint: source.kind === 'Local' ? 'file:' : originOf(source, listing),
  revision: listing.revision,
  listDigest: task.listDigest,
  layout: { kind: task.layout.kind, path: relativePath(task.layout) },
  files: listing.files.map(({ path, size, blob }) => ({
    path,
    size,
    blob,
    origin: origins.get(blob) ?? 'Fetched',
  })),
  bytes: toBytes(listing),
  isAdopted: false,
})

interface Finish {
  readonly bytesFetched: number
  readonly startedAt: Date
  readonly note?: string
}

export const toFinished = (
  draft: Receipt,
  digests: ReadonlyMap<string, string>,
  { bytesFetched, startedAt, note }: Finish,
): Receipt => ({
  ...draft,
  files: draft.files.map(file => ({ ...file, sha256: digests.get(file.blob)! })),
  finished: {
    startedAt: startedAt.toISOString(),
    finishedAt: new Date().toISOString(),
    bytesFetched,
    bytesReused: draft.bytes - bytesFetched,
    ...(note ? { note } : {}),
  },
})
