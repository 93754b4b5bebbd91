// One exchange for one part: the range asked for, the answer checked against it, the bytes written as they come.
import { WorkError } from '../outcome.ts'
import { type Answer, askByFetch, askBySocket } from './answer.ts'
import type { Partial } from './partial.ts'
import type { Part } from './parts.ts'
import type { RangeSockets } from './range-sockets.ts'
import type { Throttle } from './throttle.ts'
import type { Exchange, Watchdog, Wire } from './wire.ts'

/** The server sends the whole file, or refuses ranges: it has none to give. */
export class NoRanges extends Error {}

export interface PartOrder {
  readonly url: string
  /** the address is the end of a redirect: a refusal there says nothing about access */
  readonly isSigned: boolean
  /** connections for an address that has answered a range before */
  readonly sockets?: RangeSockets
  readonly throttle?: Throttle
  /** bytes to ask for at most: a part may come in pieces */
  readonly most?: number
  /** name of the file, for messages */
  readonly path: string
  readonly onBytes: () => void
  /** called with the address that answers with the range that was asked for */
  readonly onAnswer?: (url: string) => void
}

const flushBytes = 1 << 20
const flushMs = 1_000

interface Streaming {
  readonly order: PartOrder
  readonly partial: Partial
  readonly part: Part
}

/** Appends what is missing of the part, or as much as the order allows; whole it is on its way to the disk. */
export const streamPart = async (
  wire: Wire,
  dog: Watchdog,
  { order, partial, part }: Streaming,
): Promise<void> => {
  const from = part.start + partial.received(part.index)
  const end = Math.min(part.start + part.size, from + (order.most ?? part.size))
  const { size } = partial.order
  const isAll = from === 0 && end === size
  const answer = await open(wire, dog, { order, range: isAll ? undefined : `bytes=${from}-${end - 1}` })
  try {
    if (isAll) checkLength(answer, order, size)
    else checkRange(answer, order, { from, end, size })
    if (!isAll) order.onAnswer?.(answer.url)
    const reader = readerOf(answer, paceOf(dog, order))
    await fill(reader, { order, partial, index: part.index, wanted: end - from })
    await reader.end(order, size)
  } catch (error) {
    await answer.cancel()
    throw error
  }
  if (partial.isWhole(part.index)) await partial.sync(part.index)
}

/** The whole blob from its first byte, for a server without ranges. */
export const streamWhole = async (
  wire: Wire,
  dog: Watchdog,
  { order, partial }: Omit<Streaming, 'part'>,
): Promise<void> => {
  const { size } = partial.order
  await partial.reset()
  const answer = await open(wire, dog, { order, range: undefined })
  try {
    checkLength(answer, order, size)
    const reader = readerOf(answer, paceOf(dog, order))
    for (let index = 0; index < partial.parts; index++) {
      await fill(reader, { order, partial, index, wanted: partial.part(index).size })
      await partial.sync(index)
    }
    await reader.end(order, size)
    await partial.settle()
  } catch (error) {
    await answer.cancel()
    throw error
  }
}

const open = async (
  wire: Wire,
  dog: Watchdog,
  { order, range }: { readonly order: PartOrder; readonly range: string | undefined },
): Promise<Answer> => {
  const { url, path, isSigned, sockets } = order
  const exchange: Exchange = {
    url,
    what: path,
    isSigned,
    ...(range === undefined ? {} : { headers: { range } }),
  }
  const fast = sockets && range ? await askBySocket(wire, dog, { exchange, sockets }) : undefined
  return fast ?? askByFetch(wire, dog, exchange)
}

const checkLength = (answer: Answer, order: PartOrder, size: number): void => {
  const declared = answer.header('content-length')
  if (declared === null || Number(declared) === size) return
  throw new WorkError(
    'Integrity',
    `${order.path}: the source lists ${size} bytes but sends ${declared.slice(0, 20)}`,
  )
}

interface Span {
  readonly from: number
  readonly end: number
  readonly size: number
}

const checkRange = (answer: Answer, order: PartOrder, span: Span): void => {
  const said = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(answer.header('content-range') ?? '')
  if (answer.status !== 206 || !said) throw new NoRanges(`${order.path}: no range in the answer`)
  const [from, end, size] = [Number(said[1]), Number(said[2]) + 1, said[3]]
  if (size !== '*' && Number(size) !== span.size) {
    const message = `${order.path}: the source lists ${span.size} bytes but sends ${size}`
    throw new WorkError('Integrity', message)
  }
  if (from === span.from && end === span.end) return
  const asked = `${span.from}-${span.end - 1}`
  throw new WorkError('TransferFailed', `${order.path}: asked for bytes ${asked}, got ${from}-${end - 1}`)
}

interface Filling {
  readonly order: PartOrder
  readonly partial: Partial
  readonly index: number
  readonly wanted: number
}

interface BodyReader {
  /** Up to so many bytes; undefined at the end of the body. */
  take(most: number): Promise<readonly Uint8Array[] | undefined>
  /** MUST be at the end: a source that sends more is cut here. */
  end(order: PartOrder, size: number): Promise<void>
  readonly isBorrowed: boolean
}

type Pace = (bytes: number) => Promise<void> | undefined

const paceOf =
  (dog: Watchdog, { throttle }: PartOrder): Pace =>
  bytes =>
    throttle?.take(bytes, dog.signal, () => dog.touch())

const lengthOf = (pieces: readonly Uint8Array[]): number =>
  pieces.reduce((sum, piece) => sum + piece.length, 0)

/** The first so many bytes, and what comes after them. */
const splitAt = (pieces: readonly Uint8Array[], most: number): [Uint8Array[], Uint8Array[]] => {
  const [first, rest]: [Uint8Array[], Uint8Array[]] = [[], []]
  let left = most
  for (const piece of pieces) {
    if (left > 0) first.push(piece.subarray(0, left))
    if (piece.length > left) rest.push(piece.subarray(left))
    left = Math.max(0, left - piece.length)
  }
  return [first, rest]
}

const readerOf = (answer: Answer, pace: Pace): BodyReader => {
  let rest: readonly Uint8Array[] = []
  const read = async (): Promise<readonly Uint8Array[] | undefined> => {
    const pieces = await answer.read()
    if (pieces) await pace(lengthOf(pieces))
    return pieces
  }
  return {
    isBorrowed: answer.isBorrowed,
    take: async most => {
      const pieces = rest.length > 0 ? rest : await read()
      if (!pieces) return undefined
      if (lengthOf(pieces) <= most) {
        rest = []
        return pieces
      }
      const [first, later] = splitAt(pieces, most)
      rest = later
      return first
    },
    end: async (order, size) => {
      if (rest.length === 0 && (await answer.read()) === undefined) return
      const message = `${order.path}: the source sends more than the ${size} bytes it lists`
      throw new WorkError('Integrity', message)
    },
  }
}

/** Bytes are handed to the disk by the mebibyte, on a slow line every second; what came before a break is kept. */
const fill = async (reader: BodyReader, { order, partial, index, wanted }: Filling): Promise<void> => {
  let waiting: Uint8Array[] = []
  let held = 0
  let got = 0
  let flushedAt = performance.now()
  const flush = async (): Promise<void> => {
    const chunks = waiting
    waiting = []
    held = 0
    flushedAt = performance.now()
    if (chunks.length > 0) await partial.append(index, chunks)
    order.onBytes()
  }
  try {
    while (got < wanted) {
      const pieces = await reader.take(wanted - got)
      if (!pieces)
        throw new WorkError('TransferFailed', `${order.path} ended ${wanted - got} bytes too early`)
      const length = lengthOf(pieces)
      waiting.push(...pieces)
      held += length
      got += length
      if (reader.isBorrowed || held >= flushBytes || performance.now() - flushedAt >= flushMs) await flush()
    }
  } finally {
    await flush()
  }
}
