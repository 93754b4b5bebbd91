// download: list again, plan what is missing, refuse what does not fit, fetch and verify, publish, write the receipt.
import { rm } from 'node:fs/promises'
import type { CopyResult } from '../domain/artifact.ts'
import type { WorkerTask } from '../domain/worker-task.ts'
import { fetchBlobs } from './fetch-blobs.ts'
import { ensureFolder, sizeOf } from './layout/disk.ts'
import { listSuspects, shelfOf, trust } from './layout/doubt.ts'
import { openStore, probeVolume } from './layout/open-store.ts'
import {
  type Filed,
  noteOf,
  type Receipt,
  readReceipts,
  relativePath,
  removeReceipt,
  stagingOf,
  writeReceipt,
} from './layout/receipt.ts'
import type { Store } from './layout/store.ts'
import { WorkError } from './outcome.ts'
import { afterSharing, checkRoom, makePlan, type Plan } from './plan.ts'
import type { Reporter } from './reporter.ts'
import { describeSharing, shareBlobs } from './share-blobs.ts'
import { toBytes, toListDigest } from './sources/listing-digest.ts'
import { type Network, nameSource, openSource } from './sources/open-source.ts'
import type { Listing, Source } from './sources/source.ts'

export type DownloadTask = WorkerTask & { readonly command: 'download' }

export const download = async (
  task: DownloadTask,
  network: Network,
  reporter: Reporter,
): Promise<CopyResult> => {
  const { layout, owner } = task
  const startedAt = new Date()
  reporter.enter('Planning')
  const store = openStore({ ...nameSource(task.source), layout, owner })
  await probeVolume(layout, owner)
  const filed = await readReceipts(layout)
  const done = await findDone(task, store, filed)
  if (done) return toResult(done, store, { fetched: 0 })

  const source = await openSource(task, network)
  const listing = await listAgain(task, source)
  const look = { layout, store, name: source.name, listing, filed, signal: network.signal }
  const planned = await makePlan({ ...look, ...showHashing(reporter, listing) })
  await checkRoom(planned, layout, task.budgetBytes)
  await writeReceipt(layout, toDraft(task, { source, listing, plan: planned }))
  const { plan, note } = await share(task, { source, listing, store, plan: planned })
  reporter.restart()

  reporter.enter('Downloading', { bytesTotal: plan.bytesTotal, filesTotal: listing.files.length })
  await ensureFolder(store.staging)
  const fetched = await fetchBlobs({
    ...{ source, store, plan, revision: listing.revision, reporter },
    ...(task.bytesPerSecond ? { bytesPerSecond: task.bytesPerSecond } : {}),
  })
  reporter.enter('Publishing')
  await store.publish(listing, source.asked)
  const bytesFetched = plan.bytesMissing - fetched.bytesResumed
  const digests = new Map([...plan.present, ...fetched.digests])
  const draft = toDraft(task, { source, listing, plan })
  const receipt = toFinished(draft, digests, { bytesFetched, startedAt, ...(note ? { note } : {}) })
  const written = await writeReceipt(layout, receipt)
  await tidyUp(task, filed, receipt)
  reporter.enter('Done', { bytesDone: plan.bytesTotal, filesDone: listing.files.length })
  return toResult(written, store, { fetched: bytesFetched, startedAt })
}

/** A copy that stands, finished and undoubted: nothing is asked and nothing is written. */
const findDone = async (
  task: DownloadTask,
  store: Store,
  filed: readonly Filed[],
): Promise<Filed | undefined> => {
  const mine = filed.find(
    ({ isFinished, receipt }) =>
      isFinished &&
      receipt.owner === task.owner &&
      receipt.revision === task.revision &&
      receipt.listDigest === task.listDigest &&
      receipt.layout.path === relativePath(task.layout),
  )
  if (!mine || (await store.findFault(mine.receipt))) return undefined
  const isSuspect = await listSuspects(task.layout, shelfOf(mine.receipt))
  for (const { blob, size } of mine.receipt.files) {
    const path = await store.findBlob(blob)
    if (isSuspect(blob) || !path || (await sizeOf(path)) !== size) return undefined
  }
  return mine
}

const listAgain = async (task: DownloadTask, source: Source): Promise<Listing> => {
  const listing = await source.list(task.revision)
  const digest = toListDigest(listing.files)
  if (digest === task.listDigest) return listing
  throw new WorkError(
    'Integrity',
    `the source lists other files for ${task.revision} than when it was resolved: ${digest} instead of ${task.listDigest}`,
  )
}

/** Hashing what is there already takes as long as it takes: it is shown, and is no speed of the download. */
const showHashing = (reporter: Reporter, listing: Listing) => {
  let hashed = 0
  return {
    onHashed: (count: number): void => {
      if (hashed === 0) reporter.enter('Verifying', { bytesTotal: toBytes(listing) })
      hashed += count
      reporter.count(hashed)
    },
  }
}

/** After the intent, so that the names are ours also after a kill; room again, when something has to be fetched after all. */
const share = async (task: DownloadTask, { plan, store, listing }: Sharing): Promise<Shared> => {
  const ways = await shareBlobs(store, plan.shared)
  const shared = afterSharing(plan, listing.files, ways)
  if (shared.bytesMissing > plan.bytesMissing) await checkRoom(shared, task.layout, task.budgetBytes)
  const note = describeSharing(plan.shared, ways)
  return { plan: shared, ...(note ? { note } : {}) }
}

interface Sharing extends Known {
  readonly store: Store
}

interface Shared {
  readonly plan: Plan
  /** what people should know about it */
  readonly note?: string
}

interface Known {
  readonly source: Source
  readonly listing: Listing
  readonly plan: Plan
}

/** Written before the first byte: what is fetched from here on is ours to delete, also after a kill. */
const toDraft = (task: DownloadTask, { source, listing, plan }: Known): Receipt => ({
  version: 1,
  owner: task.owner,
  source: { kind: source.kind, name: source.name, asked: source.asked },
  sourceHash: task.sourceHash,
  endpoint: new URL(source.urlOf(listing.revision, listing.files[0]!)).origin,
  revision: listing.revision,
  listDigest: task.listDigest,
  layout: { kind: task.layout.kind, path: relativePath(task.layout) },
  files: listing.files.map(({ path, size, blob }) => ({
    path,
    size,
    blob,
    origin: plan.origins.get(blob) ?? 'Fetched',
  })),
  bytes: plan.bytesTotal,
})

interface Finish {
  readonly bytesFetched: number
  readonly startedAt: Date
  readonly note?: string
}

const toFinished = (
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

const tidyUp = async (
  { layout, owner }: DownloadTask,
  filed: readonly Filed[],
  receipt: Receipt,
): Promise<void> => {
  for (const { blob } of receipt.files) await trust(layout, shelfOf(receipt), blob)
  const intents = await readReceipts(layout)
  for (const intent of [...filed, ...intents]) {
    const isSame = intent.receipt.owner === owner && intent.receipt.listDigest === receipt.listDigest
    if (!intent.isFinished && isSame) await removeReceipt(intent)
  }
  await rm(stagingOf(layout, owner), { recursive: true, force: true })
}

const toResult = (
  { digest, receipt }: Filed,
  store: Store,
  { fetched, startedAt }: { readonly fetched: number; readonly startedAt?: Date },
): CopyResult => {
  const path = store.pathOf(receipt.revision)
  const seconds = startedAt ? Math.round((Date.now() - startedAt.getTime()) / 100) / 10 : 0
  return {
    receipt: digest,
    bytes: receipt.bytes,
    bytesFetched: fetched,
    bytesReused: receipt.bytes - fetched,
    ...(path ? { path } : {}),
    seconds,
    ...noteOf(receipt),
  }
}
