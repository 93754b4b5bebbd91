// One exchange for one part: the range asked for, the answer checked against it, the bytes written as they come.
import { WorkError } from '../outcome.ts'
import type { Partial } from './partial.ts'
import type { Part } from './parts.ts'
import { type Exchange, openExchange, type Watchdog, type Wire } from './wire.ts'

/** The server sends the whole file, or refuses ranges: it has none to give. */
export class NoRanges extends Error {}

export interface PartOrder {
  readonly url: string
  /** the address is the end of a redirect: a refusal there says nothing about access */
  readonly isSigned: boolean
  /** name of the file, for messages */
  readonly path: string
  readonly onBytes: () => void
}

const flushBytes = 1 << 20
const flushMs = 1_000

/** Appends what is missing of the part; resolves with the address that answered, once the part is whole and synced. */
export const streamPart = async (
  wire: Wire,
  dog: Watchdog,
  { order, partial, part }: { readonly order: PartOrder; readonly partial: Partial; readonly part: Part },
): Promise<string> => {
  const from = part.start + partial.received(part.index)
  const end = part.start + part.size
  const { size } = partial.order
  const isAll = from === 0 && end === size
  const response = await open(wire, dog, { order, range: isAll ? undefined : `bytes=${from}-${end - 1}` })
  if (isAll) checkLength(response, order, size)
  else await checkRange(response, order, { from, end, size })
  await receive(response, dog, { order, partial, index: part.index, wanted: end - from })
  await partial.sync(part.index)
  return response.url || order.url
}

/** The whole blob from its first byte, for a server without ranges. */
export const streamWhole = async (
  wire: Wire,
  dog: Watchdog,
  { order, partial }: { readonly order: PartOrder; readonly partial: Partial },
): Promise<void> => {
  const { size } = partial.order
  await partial.reset()
  const response = await open(wire, dog, { order, range: undefined })
  checkLength(response, order, size)
  const reader = readerOf(response, dog)
  for (let index = 0; index < partial.parts; index++) {
    await fill(reader, { order, partial, index, wanted: partial.part(index).size })
    await partial.sync(index)
  }
  await reader.end(order, size)
}

const open = (
  wire: Wire,
  dog: Watchdog,
  { order, range }: { readonly order: PartOrder; readonly range: string | undefined },
): Promise<Response> => {
  const exchange: Exchange = {
    url: order.url,
    what: order.path,
    isSigned: order.isSigned,
    ...(range === undefined ? {} : { headers: { range } }),
  }
  return openExchange(wire, dog, exchange)
}

const checkLength = ({ headers }: Response, order: PartOrder, size: number): void => {
  const declared = headers.get('content-length')
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

const checkRange = async (response: Response, order: PartOrder, span: Span): Promise<void> => {
  const said = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(response.headers.get('content-range') ?? '')
  if (response.status !== 206 || !said) {
    await response.body?.cancel()
    throw new NoRanges(`${order.path}: no range in the answer`)
  }
  const [from, end, size] = [Number(said[1]), Number(said[2]) + 1, said[3]]
  if (size !== '*' && Number(size) !== span.size) {
    const message = `${order.path}: the source lists ${span.size} bytes but sends ${size}`
    throw new WorkError('Integrity', message)
  }
  if (from === span.from && end === span.end) return
  await response.body?.cancel()
  const asked = `${span.from}-${span.end - 1}`
  throw new WorkError('TransferFailed', `${order.path}: asked for bytes ${asked}, got ${from}-${end - 1}`)
}

interface Filling {
  readonly order: PartOrder
  readonly partial: Partial
  readonly index: number
  readonly wanted: number
}

const receive = async (response: Response, dog: Watchdog, filling: Filling): Promise<void> => {
  const reader = readerOf(response, dog)
  await fill(reader, filling)
  await reader.end(filling.order, filling.partial.order.size)
}

interface BodyReader {
  /** Up to so many bytes; undefined at the end of the body. */
  take(most: number): Promise<Uint8Array | undefined>
  /** MUST be at the end: a source that sends more is cut here. */
  end(order: PartOrder, size: number): Promise<void>
}

const readerOf = ({ body }: Response, dog: Watchdog): BodyReader => {
  const reader = body?.getReader()
  let rest: Uint8Array | undefined
  const next = async (): Promise<Uint8Array | undefined> => {
    const read = await reader?.read()
    dog.touch()
    return read?.value
  }
  return {
    take: async most => {
      const chunk = rest ?? (await next())
      rest = chunk && chunk.length > most ? chunk.subarray(most) : undefined
      return chunk?.subarray(0, most)
    },
    end: async (order, size) => {
      if (rest === undefined && (await next()) === undefined) return
      await reader?.cancel()
      throw new WorkError('Integrity', `${order.path}: the source sends more than the ${size} bytes it lists`)
    },
  }
}

/** Bytes are handed to the disk by the mebibyte, on a slow line every second; what came before a break is kept. */
const fill = async (reader: BodyReader, { order, partial, index, wanted }: Filling): Promise<void> => {
  let waiting: Uint8Array[] = []
  let held = 0
  let got = 0
  let flushedAt = Date.now()
  const flush = async (): Promise<void> => {
    const chunks = waiting
    waiting = []
    held = 0
    flushedAt = Date.now()
    if (chunks.length > 0) await partial.append(index, chunks)
    order.onBytes()
  }
  try {
    while (got < wanted) {
      const chunk = await reader.take(wanted - got)
      if (!chunk) throw new WorkError('TransferFailed', `${order.path} ended ${wanted - got} bytes too early`)
      waiting.push(chunk)
      held += chunk.length
      got += chunk.length
      if (held >= flushBytes || Date.now() - flushedAt >= flushMs) await flush()
    }
  } finally {
    await flush()
  }
}
