// Fetches the missing blobs, a few at a time; what is verified is kept even when another one fails.
import { join } from 'node:path'
import type { Store } from './layout/store.ts'
import { toFailure } from './outcome.ts'
import { freeBytes, type Plan, toNoSpace } from './plan.ts'
import type { Reporter } from './reporter.ts'
import type { Source, SourceFile } from './sources/source.ts'
import { fetchFile } from './transfer/fetch-file.ts'

const streams = 4

export interface BlobsOrder {
  readonly source: Source
  readonly store: Store
  readonly plan: Plan
  readonly revision: string
  readonly reporter: Reporter
}

/** Adds up what every stream has got. */
class Tally {
  readonly #received = new Map<string, number>()
  readonly #order: BlobsOrder
  #done: number

  constructor(order: BlobsOrder) {
    this.#order = order
    this.#done = order.plan.present.size
  }

  get sum(): number {
    const { bytesTotal, bytesMissing } = this.#order.plan
    return [...this.#received.values()].reduce((a, b) => a + b, bytesTotal - bytesMissing)
  }

  note(blob: string, received: number): void {
    this.#received.set(blob, received)
    this.#order.reporter.count(this.sum, this.#done)
  }

  finish(): void {
    this.#done++
    this.#order.reporter.count(this.sum, this.#done)
  }
}

/** Resolves with blob → SHA-256 of what was fetched. */
export const fetchBlobs = async (order: BlobsOrder): Promise<ReadonlyMap<string, string>> => {
  const { plan, reporter } = order
  reporter.enter('Downloading', { bytesReused: plan.bytesTotal - plan.bytesMissing })
  const digests = new Map<string, string>()
  const tally = new Tally(order)
  const stop = new AbortController()
  const waiting = [...plan.missing].sort((a, b) => b.size - a.size)
  const work = async () => {
    for (let file = waiting.shift(); file && !stop.signal.aborted; file = waiting.shift()) {
      digests.set(file.blob, await fetchBlob(order, file, { tally, stop }))
      tally.finish()
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: streams }, () => stopOnError(work, stop)))
  if (stop.signal.aborted) throw await withRoom(order, stop.signal.reason)
  const broken = ends.find(end => end.status === 'rejected')
  if (broken) throw broken.reason
  return digests
}

const stopOnError = async (work: () => Promise<void>, stop: AbortController): Promise<void> => {
  try {
    await work()
  } catch (error) {
    stop.abort(error)
    throw error
  }
}

interface Running {
  readonly tally: Tally
  readonly stop: AbortController
}

const fetchBlob = async (order: BlobsOrder, file: SourceFile, { tally, stop }: Running): Promise<string> => {
  const { source, store, revision } = order
  const target = join(store.staging, `${file.blob}.part`)
  const wire = { ...source.wire, signal: AbortSignal.any([source.wire.signal, stop.signal]) }
  const sha256 = await fetchFile(wire, {
    url: source.urlOf(revision, file),
    path: file.path,
    size: file.size,
    digest: file.digest,
    target,
    onBytes: received => tally.note(file.blob, received),
  })
  await store.putBlob(target, file.blob)
  return sha256
}

/** A full volume is told with both numbers. */
const withRoom = async ({ store, plan }: BlobsOrder, error: unknown): Promise<unknown> =>
  toFailure(error).reason === 'NoSpace' ? toNoSpace(plan.bytesMissing, await freeBytes(store.staging)) : error
