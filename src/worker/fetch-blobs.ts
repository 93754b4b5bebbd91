// Fetches the missing blobs, a few at a time; what is verified is kept even when another one fails.
import { HeadCheck } from './inspect/head-check.ts'
import type { Store } from './layout/store.ts'
import type { WorkError } from './outcome.ts'
import type { Plan } from './plan.ts'
import type { Reporter } from './reporter.ts'
import { partialOf } from './room.ts'
import type { Source, SourceFile } from './sources/source.ts'
import { Connections } from './transfer/crew.ts'
import { type FetchTools, fetchFile, partSizeOf } from './transfer/fetch-file.ts'
import { FrontHasher } from './transfer/front-hasher.ts'
import { countResumable } from './transfer/partial.ts'
import { RangeSockets } from './transfer/range-sockets.ts'
import { Throttle } from './transfer/throttle.ts'

/** Blobs at a time, and connections of all of them together. */
const blobsAtOnce = 4
const mostConnections = 32

export interface BlobsOrder {
  readonly source: Source
  readonly store: Store
  readonly plan: Plan
  readonly revision: string
  readonly reporter: Reporter
  /** of all blobs together; absent: no limit */
  readonly bytesPerSecond?: number
}

/** Adds up what every stream has got. */
class Tally {
  readonly #received = new Map<string, number>()
  readonly #order: BlobsOrder
  #sum: number
  #done: number

  constructor(order: BlobsOrder) {
    this.#order = order
    this.#sum = order.plan.bytesTotal - order.plan.bytesMissing
    this.#done = order.plan.present.size
  }

  /** Bytes that a former attempt left: they count from the start, and are no speed. */
  begin(resumed: ReadonlyMap<string, number>): void {
    for (const [blob, bytes] of resumed) this.#set(blob, bytes)
  }

  note(blob: string, received: number): void {
    this.#set(blob, received)
    this.#order.reporter.count(this.#sum, this.#done)
  }

  finish(): void {
    this.#done++
    this.#order.reporter.count(this.#sum, this.#done)
  }

  #set(blob: string, received: number): void {
    this.#sum += received - (this.#received.get(blob) ?? 0)
    this.#received.set(blob, received)
  }
}

export interface Fetched {
  /** blob → SHA-256 of what was fetched */
  readonly digests: ReadonlyMap<string, string>
  /** bytes of them that a former attempt had left */
  readonly bytesResumed: number
}

export const fetchBlobs = async (order: BlobsOrder): Promise<Fetched> => {
  const { plan, reporter } = order
  const resumed = await findResumable(order)
  const bytesResumed = [...resumed.values()].reduce((a, b) => a + b, 0)
  reporter.enter('Downloading', { bytesReused: plan.bytesTotal - plan.bytesMissing + bytesResumed })
  const tally = new Tally(order)
  tally.begin(resumed)
  const [hasher, sockets] = [new FrontHasher(), new RangeSockets()]
  reporter.watchFor(hostOf(order))
  try {
    const { bytesPerSecond } = order
    const limit = bytesPerSecond ? { throttle: new Throttle(bytesPerSecond) } : {}
    const fast = order.source.wire.hasProxy ? {} : { sockets }
    const tools = { connections: new Connections(mostConnections), hasher, ...fast, ...limit }
    return { digests: await fetchAll(order, tally, tools), bytesResumed }
  } finally {
    reporter.unwatch()
    sockets.close()
    await hasher.close()
  }
}

const hostOf = ({ source, plan, revision }: BlobsOrder): string => {
  const [first] = plan.missing
  return first ? new URL(source.urlOf(revision, first)).host : source.name
}

const targetOf = ({ store }: BlobsOrder, { blob }: SourceFile): string => partialOf(store, blob)

const findResumable = async (order: BlobsOrder): Promise<ReadonlyMap<string, number>> => {
  const resumed = new Map<string, number>()
  for (const file of order.plan.missing) {
    const { size, digest } = file
    const partSize = partSizeOf(order.source.wire, size)
    const bytes = await countResumable({ target: targetOf(order, file), size, digest, partSize })
    if (bytes > 0) resumed.set(file.blob, bytes)
  }
  return resumed
}

const fetchAll = async (
  order: BlobsOrder,
  tally: Tally,
  tools: FetchTools,
): Promise<ReadonlyMap<string, string>> => {
  const digests = new Map<string, string>()
  const stop = new AbortController()
  const waiting = [...order.plan.missing].sort((a, b) => a.size - b.size)
  const work = async () => {
    for (let file = waiting.pop(); file && !stop.signal.aborted; file = waiting.pop()) {
      digests.set(file.blob, await fetchBlob(order, file, { tally, stop, tools }))
      tally.finish()
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: blobsAtOnce }, () => stopOnError(work, stop)))
  if (stop.signal.aborted) throw stop.signal.reason
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
  readonly tools: FetchTools
}

const fetchBlob = async (
  order: BlobsOrder,
  file: SourceFile,
  { tally, stop, tools }: Running,
): Promise<string> => {
  const { source, store, revision } = order
  const target = targetOf(order, file)
  const signal = AbortSignal.any([source.wire.signal, stop.signal])
  const onRetry = ({ failure }: WorkError): void => order.reporter.blame(failure.message)
  const wire = { ...source.wire, signal, onRetry }
  const { path, size, digest } = file
  const onBytes = (received: number): void => tally.note(file.blob, received)
  const url = source.urlOf(revision, file)
  const check = new HeadCheck(file, target)
  const onFront = (front: number): Promise<void> => check.look(front)
  const mirrors = source.mirrorsOf(revision, file)
  const keep = (): Promise<void> => store.putBlob(target, file.blob)
  return fetchFile(wire, { url, mirrors, path, size, digest, target, onBytes, onFront, keep }, tools)
}
