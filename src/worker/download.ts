// download: list again, plan what is missing, refuse what does not fit, fetch and verify, publish, write the receipt.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { CopyResult } from '../domain/artifact.ts'
import { type Adoption, adopt } from './adopt.ts'
import { type DownloadTask, toDraft, toFinished } from './draft-receipt.ts'
import { fetchBlobs } from './fetch-blobs.ts'
import { ensureFolder, sizeOf, writeWhole } from './layout/disk.ts'
import { listSuspects, shelfOf, trust } from './layout/doubt.ts'
import { openStore, probeVolume } from './layout/open-store.ts'
import {
  type Filed,
  type Receipt,
  readReceipts,
  relativePath,
  removeReceipt,
  saidOf,
  stagingOf,
  writeReceipt,
} from './layout/receipt.ts'
import { locate, type Store } from './layout/store.ts'
import { WorkError } from './outcome.ts'
import { afterSharing, checkRoom, makePlan, type Plan } from './plan.ts'
import type { Reporter } from './reporter.ts'
import { describeSharing, shareBlobs } from './share-blobs.ts'
import { toBytes, toListDigest } from './sources/listing-digest.ts'
import { type Network, nameSource, openSource } from './sources/open-source.ts'
import type { Listing, Source } from './sources/source.ts'

export const download = async (
  task: DownloadTask,
  network: Network,
  reporter: Reporter,
): Promise<CopyResult> => {
  const { layout, owner } = task
  const startedAt = new Date()
  reporter.enter('Planning')
  const store = openStore({ ...nameSource(task.source, task.layout), layout, owner })
  await probeVolume(layout, owner)
  const filed = await readReceipts(layout)
  const done = await findDone(task, store, filed)
  if (done) return toResult(done, store, { fetched: 0 })

  const onHashed = (done: number, total: number): void => {
    reporter.enter('Verifying', { bytesTotal: total })
    reporter.count(done)
  }
  const source = await openSource(task, { ...network, onHashed })
  const listing = await listAgain(task, source)
  const known = { task, source, store, listing, filed, startedAt, ...showHashing(reporter, listing) }
  const adopted = await adopt(known)
  const { begun, written } = adopted ? { begun: [], written: adopted } : await fetchCopy(known, reporter)
  await tidyUp(task, [...filed, ...begun], written.receipt)
  reporter.enter('Done', { bytesDone: written.receipt.bytes, filesDone: listing.files.length })
  return toResult(written, store, { fetched: written.receipt.finished?.bytesFetched ?? 0, startedAt })
}

interface Written {
  /** the intent, which is not read again: of very many files it is long */
  readonly begun: readonly Filed[]
  readonly written: Filed
}

const fetchCopy = async (known: Adoption, reporter: Reporter): Promise<Written> => {
  const { task, source, store, listing, startedAt } = known
  const { layout } = task
  const planned = await makePlan({ ...known, layout, name: source.name, signal: source.wire.signal })
  await checkRoom(planned, layout, task.budgetBytes)
  const intent = await writeReceipt(layout, toDraft(task, { source, listing, origins: planned.origins }))
  await writeMade(store, planned.made)
  const { plan, note } = await share(task, { listing, store, plan: planned })
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
  const draft = toDraft(task, { source, listing, origins: plan.origins })
  const finished = toFinished(draft, digests, { bytesFetched, startedAt, ...(note ? { note } : {}) })
  return { begun: [intent], written: await writeReceipt(layout, finished) }
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
  for (const file of mine.receipt.files) {
    const path = await locate(store, mine.receipt, file)
    if (isSuspect(file.blob) || !path || (await sizeOf(path)) !== file.size) return undefined
  }
  return mine
}

const listAgain = async (task: DownloadTask, source: Source): Promise<Listing> => {
  const listing = await source.list(task.revision)
  refuseMisfit(task, listing)
  const digest = toListDigest(listing.files)
  if (digest === task.listDigest && listing.revision === task.revision) return listing
  throw new WorkError(
    'Integrity',
    `the source lists other files for ${task.revision} than when it was resolved: ${digest} instead of ${task.listDigest}`,
  )
}

/** What has a manifest is read by Ollama alone, and Ollama reads nothing else. */
const refuseMisfit = ({ layout }: DownloadTask, { manifest, format }: Listing): void => {
  if ((manifest !== undefined) === (layout.kind === 'OllamaStore')) return
  throw new WorkError('EngineCannotServe', `${format} cannot be stored as ${layout.kind}`)
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

const writeMade = async (store: Store, made: Plan['made']): Promise<void> => {
  for (const [blob, content] of made) {
    const path = join(store.staging, blob)
    await writeWhole({ path, staging: store.staging, content })
    await store.putBlob(path, blob)
  }
}

interface Sharing {
  readonly listing: Listing
  readonly store: Store
  readonly plan: Plan
}

interface Shared {
  readonly plan: Plan
  /** what people should know about it */
  readonly note?: string
}

const tidyUp = async (
  { layout, owner }: DownloadTask,
  filed: readonly Filed[],
  receipt: Receipt,
): Promise<void> => {
  const blobs = receipt.files.map(({ blob }) => blob)
  await trust(layout, shelfOf(receipt), blobs)
  for (const intent of filed) {
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
    ...saidOf(receipt),
  }
}
