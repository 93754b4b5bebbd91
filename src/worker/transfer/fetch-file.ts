// One blob, whole and verified: parts over several connections, hashed behind the front, gone on with after a break, cut at the
// first byte beyond, synced before it is believed.
import { isDiskError, WorkError } from '../outcome.ts'
import { type Connections, Crew } from './crew.ts'
import { type FileDigest, hashFile } from './digest.ts'
import type { FrontHasher } from './front-hasher.ts'
import { NoRanges, streamWhole } from './part-stream.ts'
import { Partial } from './partial.ts'
import { partSizeFor } from './parts.ts'
import type { RangeSockets } from './range-sockets.ts'
import type { Throttle } from './throttle.ts'
import { type Token, toNetworkError, Watchdog, type Wire, withRetries } from './wire.ts'

export interface MirrorFile {
  readonly url: string
  /** absent: it is asked without one. What it throws leaves this mirror out. */
  readonly token?: () => Promise<Token>
}

export interface FetchOrder {
  readonly url: string
  /** addresses that are tried before, in order; they are believed for nothing but bytes */
  readonly mirrors?: readonly MirrorFile[]
  /** name of the file, for messages */
  readonly path: string
  readonly size: number
  readonly digest: FileDigest
  /** file to write; what a former attempt left there is gone on with */
  readonly target: string
  /** bytes of this file that are there; may go down when they have to be fetched again */
  readonly onBytes: (received: number) => void
  /** looks at the bytes from the start, as far as they are there; what it throws ends the transfer */
  readonly onFront?: (front: number) => Promise<void>
  /** gives the verified file its lasting name: until it has one, a work that is killed goes on from the journal */
  readonly keep?: () => Promise<void>
}

/** What the blobs of one work share. */
export interface FetchTools {
  readonly connections: Connections
  /** absent: everything goes through fetch */
  readonly sockets?: RangeSockets
  readonly hasher: FrontHasher
  /** absent: as fast as it comes */
  readonly throttle?: Throttle
}

interface Digests {
  readonly sha256: string
  readonly named: string
}

/** Resolves with the SHA-256 of a file that is complete, right, on the disk and kept. Wrong bytes are fetched once more. */
export const fetchFile = async (wire: Wire, order: FetchOrder, tools: FetchTools): Promise<string> => {
  const { target, size, digest } = order
  const partial = await Partial.open({ target, size, digest, partSize: partSizeOf(wire, size) })
  const fetching = { order, partial, tools }
  try {
    await partial.checkClaims()
    const first = await fetchOnce(wire, fetching).catch(forgiveOnce)
    const right = first?.named === digest.hex ? first : await fetchAgain(wire, fetching)
    await order.onFront?.(size)
    await partial.finish(order.keep ?? (async () => {}))
    return right.sha256
  } finally {
    await partial.close()
  }
}

/** A head that cannot be right may have been spoilt on its way. */
const forgiveOnce = (error: unknown): undefined => {
  if (error instanceof WorkError && error.failure.reason === 'UnsafeFormat') return undefined
  throw error
}

export const partSizeOf = (wire: Wire, size: number): number => wire.partSize?.(size) ?? partSizeFor(size)

interface Fetching {
  readonly order: FetchOrder
  readonly partial: Partial
  readonly tools: FetchTools
  readonly isMirror?: boolean
}

/** The second time decides, from the source itself; parts that came differently are named. */
const fetchAgain = async (wire: Wire, fetching: Fetching): Promise<Digests> => {
  const { order, partial } = fetching
  const before = await partial.checksums()
  await partial.reset()
  const { mirrors: _, ...own } = order
  const second = await fetchOnce(wire, { ...fetching, order: own })
  if (second.named === order.digest.hex) return second
  const after = await partial.checksums()
  const differing = after.flatMap((crc, index) => (crc === before[index] ? [] : [index]))
  await partial.discard()
  throw wrongDigest(order, second.named, differing)
}

const wrongDigest = ({ path, digest }: FetchOrder, got: string, differing: readonly number[]): WorkError => {
  const parts =
    differing.length === 0 ? 'twice the same' : `parts ${differing.slice(0, 8).join(', ')} differed`
  return new WorkError(
    'Integrity',
    `${path}: ${digest.algorithm} is ${got}, the source names ${digest.hex} (fetched twice: ${parts})`,
  )
}

const fetchOnce = async (wire: Wire, fetching: Fetching): Promise<Digests> => {
  const { order, partial, tools } = fetching
  const { algorithm } = order.digest
  if (partial.parts <= 1) {
    await transfer(wire, fetching, () => {})
    return hashFile(order.target, { algorithm, size: order.size, signal: wire.signal })
  }
  const following = tools.hasher.follow(order.target, algorithm, order.size)
  try {
    await transfer(wire, fetching, () => following.advance(partial.front))
    return await following.digests
  } finally {
    following.drop()
  }
}

const transfer = async (
  wire: Wire,
  { order, partial, tools }: Fetching,
  onFront: () => void,
): Promise<void> => {
  const onBytes = (): void => {
    order.onBytes(partial.bytes)
    onFront()
  }
  onBytes()
  if (order.size === 0) return
  for (const { url, token } of order.mirrors ?? []) {
    const from = { order: { ...order, url }, partial, tools, isMirror: true }
    const done = toMirror(wire, token).then(mirror => transferFrom(mirror, from, onBytes))
    if (await done.then(() => true, leaveMirror(wire))) return
  }
  await transferFrom(wire, { order, partial, tools }, onBytes)
}

/** Fewer tries, and its own token, or the source's, which goes to no other origin. */
const toMirror = async (wire: Wire, token: MirrorFile['token']): Promise<Wire> => ({
  ...wire,
  retry: { ...wire.retry, attempts: Math.min(2, wire.retry.attempts) },
  ...(token ? { token: await token() } : {}),
})

/** Whatever a mirror does, the next place goes on with what is there; only our own disk and our own end are ours. */
const leaveMirror =
  (wire: Wire) =>
  (error: unknown): false => {
    if (wire.signal.aborted || isDiskError(error)) throw error
    if (error instanceof WorkError) wire.onRetry?.(error)
    return false
  }

const transferFrom = async (
  wire: Wire,
  { order, partial, tools, isMirror = false }: Fetching,
  onBytes: () => void,
): Promise<void> => {
  const { url, path } = order
  try {
    const onPart = async (): Promise<void> => order.onFront?.(partial.front)
    await new Crew(wire, { ...tools, url, isMirror, path, partial, onBytes, onPart }).run()
  } catch (error) {
    if (!(error instanceof NoRanges)) throw error
    await transferWhole(wire, { order, partial, tools }, onBytes)
  }
}

/** One stream from the first byte: a break begins it anew. */
const transferWhole = (wire: Wire, { order, partial, tools }: Fetching, onBytes: () => void): Promise<void> =>
  withRetries(wire, async () => {
    const dog = new Watchdog(wire)
    const { url, path } = order
    try {
      const { throttle } = tools
      const whole = { url, isSigned: false, path, onBytes, ...(throttle ? { throttle } : {}) }
      await streamWhole(wire, dog, { order: whole, partial })
    } catch (error) {
      throw isDiskError(error) ? error : toNetworkError(error, wire, dog, new URL(url).host)
    } finally {
      dog.end()
    }
  })
