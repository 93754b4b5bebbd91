// Answers a GET or HEAD for one content with ranges and validators, and does to its bytes what the faults say.
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Content } from './content.ts'
import type { ByteFault, FaultBook, RefusalFault } from './faults.ts'

export interface Served {
  readonly content: Content
  readonly headers: Record<string, string>
  readonly etag: string
  readonly faults: FaultBook
  readonly keys: readonly string[]
}

interface Span {
  readonly start: number
  readonly end: number
}

let changes = 0

/** undefined: no usable range was asked for; 'outside': 416. */
function rangeOf(request: IncomingMessage, size: number, etag: string): Span | 'outside' | undefined {
  const condition = request.headers['if-range']
  if (condition !== undefined && condition !== etag) return undefined
  const [, from, to] = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? '') ?? []
  if (from === undefined || to === undefined || (from === '' && to === '')) return undefined
  if (from === '') return { start: Math.max(0, size - Number(to)), end: size }
  if (Number(from) >= size) return 'outside'
  return { start: Number(from), end: to === '' ? size : Math.min(size, Number(to) + 1) }
}

/** Answers with a refusal when one is due. */
export function refuse(request: IncomingMessage, response: ServerResponse, fault: RefusalFault) {
  switch (fault.kind) {
    case 'status':
      response.writeHead(fault.status, fault.headers)
      response.end(fault.body ?? `{"error":"status ${fault.status}"}`)
      return
    case 'redirectLoop':
      response.writeHead(302, { location: request.url ?? '/', 'content-length': 0 }).end()
      return
    case 'redirectTo':
      response.writeHead(302, { location: fault.url, 'content-length': 0 }).end()
      return
    case 'reset':
      request.socket.resetAndDestroy()
      return
    case 'silence':
  }
}

type Kind = ByteFault['kind']
type Of<K extends Kind> = Extract<ByteFault, { kind: K }>
const pick = <K extends Kind>(faults: readonly ByteFault[], kind: K) =>
  faults.find(fault => fault.kind === kind) as Of<K> | undefined

function flipped(chunk: Buffer, at: number): Buffer {
  if (at < 0 || at >= chunk.length) return chunk
  const copy = Buffer.from(chunk)
  copy[at] = copy[at]! ^ 1
  return copy
}

const isGone = (response: ServerResponse) => response.destroyed || response.closed

async function write(response: ServerResponse, chunk: Buffer) {
  if (chunk.length === 0 || isGone(response)) return
  if (response.write(chunk)) return
  const heard = new AbortController()
  const { signal } = heard
  const waits = [once(response, 'drain', { signal }), once(response, 'close', { signal })]
  await Promise.race(waits.map(wait => wait.catch(() => undefined)))
  heard.abort()
}

async function writeSlowly(response: ServerResponse, chunk: Buffer, { bytesPerSecond, until }: Of<'slow'>) {
  const step = Math.max(1, Math.floor(bytesPerSecond / 20))
  for (let at = 0; at < chunk.length && !isGone(response); at += step) {
    if (until?.aborted) return write(response, chunk.subarray(at))
    await write(response, chunk.subarray(at, at + step))
    await sleep(50)
  }
}

async function untilClosed(response: ServerResponse, milliseconds: number | undefined) {
  const closed = once(response, 'close')
  await (milliseconds === undefined ? closed : Promise.race([closed, sleep(milliseconds)]))
}

type Break = Of<'cut'> | Of<'chunkedCut'> | Of<'stall'>
const breakOf = (faults: readonly ByteFault[]): Break | undefined =>
  pick(faults, 'cut') ?? pick(faults, 'chunkedCut') ?? pick(faults, 'stall')

/** Where in this chunk the break falls, if it does. */
function breakWithin(broken: Break | undefined, sent: number, length: number): number | undefined {
  const at = broken === undefined ? -1 : broken.after - sent
  return at >= 0 && at < length ? at : undefined
}

/** Sends a chunk in which the break falls; true: nothing follows it. */
async function sendBroken(response: ServerResponse, parts: readonly [Buffer, Buffer], broken: Break) {
  await write(response, parts[0])
  if (broken.kind === 'stall') {
    await untilClosed(response, broken.forMilliseconds)
    await write(response, parts[1])
    return false
  }
  if (broken.kind === 'cut') response.socket?.destroySoon()
  else response.end()
  return true
}

async function sendBody(
  response: ServerResponse,
  body: { readonly pieces: AsyncIterable<Buffer>; readonly start: number },
  faults: readonly ByteFault[],
) {
  const broken = breakOf(faults)
  const flip = pick(faults, 'flipBit')
  const slow = pick(faults, 'slow')
  const put = (chunk: Buffer) =>
    slow === undefined ? write(response, chunk) : writeSlowly(response, chunk, slow)
  let sent = 0
  for await (const piece of body.pieces) {
    if (isGone(response)) return
    const chunk = flip === undefined ? piece : flipped(piece, flip.at - body.start - sent)
    const at = breakWithin(broken, sent, chunk.length)
    sent += chunk.length
    if (at === undefined) await put(chunk)
    else if (await sendBroken(response, [chunk.subarray(0, at), chunk.subarray(at)], broken!)) return
  }
  await write(response, Buffer.alloc(pick(faults, 'tooLong')?.by ?? 0, '!'))
  response.end()
}

function headersFor(served: Served, span: Span, faults: ByteFault[], partial: boolean) {
  const length = span.end - span.start + (pick(faults, 'tooLong')?.by ?? 0)
  const off = pick(faults, 'wrongRange')?.by ?? 0
  const isChunked = pick(faults, 'chunkedCut') !== undefined
  return {
    'content-type': 'application/octet-stream',
    ...served.headers,
    etag: pick(faults, 'changedEtag') === undefined ? served.etag : `"changed-${++changes}"`,
    ...(pick(faults, 'noRange') === undefined ? { 'accept-ranges': 'bytes' } : {}),
    ...(partial
      ? { 'content-range': `bytes ${span.start + off}-${span.end - 1 + off}/${served.content.size}` }
      : {}),
    ...(isChunked ? {} : { 'content-length': String(length + (pick(faults, 'wrongLength')?.by ?? 0)) }),
  }
}

/** One-byte requests only ask for the size: they use up no fault. */
const isProbe = (span: Span | 'outside' | undefined) => typeof span === 'object' && span.end - span.start <= 1

export async function serveContent(request: IncomingMessage, response: ServerResponse, served: Served) {
  const { size } = served.content
  const asked = rangeOf(request, size, served.etag)
  const isHead = request.method === 'HEAD'
  const faults = isHead || isProbe(asked) ? [] : served.faults.takeByteFaults(served.keys)
  const range = pick(faults, 'noRange') === undefined ? asked : undefined
  if (range === 'outside') {
    response.writeHead(416, { ...served.headers, 'content-range': `bytes */${size}` }).end()
    return
  }
  const span = range ?? { start: 0, end: size }
  if (pick(faults, 'wrongLength') !== undefined) response.shouldKeepAlive = false
  response.writeHead(range === undefined ? 200 : 206, headersFor(served, span, faults, range !== undefined))
  if (isHead) {
    response.end()
    return
  }
  const pieces = served.content.read(span.start, span.end)
  await sendBody(response, { pieces, start: span.start }, faults)
}
