// download: list again, plan what is missing, refuse what does not fit, fetch and verify, publish, write the receipt.
import { rm } from 'node:fs/promises'
import type { CopyResult } from '../domain/artifact.ts'
import type { WorkerTask } from '../domain/worker-task.ts'
import { fetchBlobs } from './fetch-blobs.ts'
import { ensureFolder, sizeOf } from './layout/disk.ts'
import { openStore, probeVolume } from './layout/open-store.ts'
import {
  type Filed,
  listSuspects,
  type Receipt,
  readReceipts,
  relativePath,
  removeReceipt,
  stagingOf,
  trust,
  writeReceipt,
} from './layout/receipt.ts'
import type { Store } from './layout/store.ts'
import { WorkError } from './outcome.ts'
import { checkRoom, makePlan, type Plan } from './plan.ts'
import type { Reporter } from './reporter.ts'
import { toListDigest } from './sources/listing-digest.ts'
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
  const plan = await makePlan({ layout, store, name: source.name, listing, filed, signal: network.signal })
  await checkRoom(plan, layout, task.budgetBytes)
  const draft = toDraft(task, { source, listing, plan })
  await writeReceipt(layout, draft)

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
  const receipt = toFinished(draft, digests, { bytesFetched, startedAt })
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
  const suspects = await listSuspects(task.layout)
  for (const { blob, size } of mine.receipt.files) {
    const path = await store.findBlob(blob)
    if (suspects.has(blob) || !path || (await sizeOf(path)) !== size) return undefined
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

const toFinished = (
  draft: Receipt,
  digests: ReadonlyMap<string, string>,
  { bytesFetched, startedAt }: { readonly bytesFetched: number; readonly startedAt: Date },
): Receipt => ({
  ...draft,
  files: draft.files.map(file => ({ ...file, sha256: digests.get(file.blob)! })),
  finished: {
    startedAt: startedAt.toISOString(),
    finishedAt: new Date().toISOString(),
    bytesFetched,
    bytesReused: draft.bytes - bytesFetched,
  },
})

const tidyUp = async (
  { layout, owner }: DownloadTask,
  filed: readonly Filed[],
  receipt: Receipt,
): Promise<void> => {
  for (const { blob } of receipt.files) await trust(layout, blob)
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
  }
}
