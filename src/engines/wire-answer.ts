// Reads one answer of HTTP/1 from the bytes of a connection as they come. Pure; what is no such answer ends it with a problem.

export interface WireAnswer {
  readonly status: number
  readonly body: Buffer
  /** another request may follow on its connection */
  readonly isReusable: boolean
}

interface Head {
  readonly status: number
  readonly isReusable: boolean
  /** how the body ends: after so many bytes, with an empty chunk, or with the connection */
  readonly end: number | 'EmptyChunk' | 'Close'
}

const headLimit = 32 * 1024
const chunkLineLimit = 1024
const nothing = Buffer.alloc(0)

/** Its message is shown to people. */
class NoAnswer extends Error {}

export class AnswerReader {
  /** what was read, when it is over and was an answer */
  answer: WireAnswer | undefined
  /** why it is none */
  problem: string | undefined
  readonly #mostBytes: number
  /** came, and is not taken yet */
  #rest: Buffer = nothing
  #head: Head | undefined
  /** bytes until the end of the body, or of the chunk in hand */
  #left = 0
  #chunks = 0
  readonly #body: Buffer[] = []
  #size = 0

  /** Of a body with more bytes a little more is read, and then no more. */
  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  /** Copies the bytes; true when it is over, well or not. */
  take(bytes: Uint8Array): boolean {
    this.#rest = this.#rest.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#rest, bytes])
    try {
      while (!this.answer && this.#step());
    } catch (error) {
      this.problem = (error as Error).message
    }
    return this.answer !== undefined || this.problem !== undefined
  }

  /** The other side has ended the connection: true when that was the end of the answer. */
  end(): boolean {
    if (this.#head?.end !== 'Close' || this.problem) return false
    this.#finish()
    return true
  }

  /** False: more has to come first. */
  #step(): boolean {
    if (!this.#head) return this.#takeHead()
    return this.#left === 0 ? this.#takeChunkLine(this.#chunks === 0 ? 0 : 2) : this.#takeBody()
  }

  #takeHead(): boolean {
    const at = this.#rest.indexOf('\r\n\r\n')
    if (at < 0) return this.#more(headLimit)
    const head = parseHead(this.#rest.toString('latin1', 0, at))
    this.#rest = this.#rest.subarray(at + 4)
    // A word on the way, the answer follows.
    if (head.status < 200) return true
    this.#head = head
    this.#left = head.end === 'Close' ? Number.POSITIVE_INFINITY : head.end === 'EmptyChunk' ? 0 : head.end
    if (head.end === 0) this.#finish()
    return true
  }

  /** The line before a chunk stands behind the line end of the chunk before it; trailers are passed over. */
  #takeChunkLine(from: 0 | 2): boolean {
    const at = this.#rest.indexOf('\r\n', from)
    if (at < 0) return this.#more(chunkLineLimit)
    const line = this.#rest.toString('latin1', 0, at)
    const size = (from === 0 ? /^([\da-f]{1,8})[ \t]*(?:;|$)/i : /^\r\n([\da-f]{1,8})[ \t]*(?:;|$)/i).exec(
      line,
    )?.[1]
    if (size === undefined) throw new NoAnswer('a chunk without its size')
    this.#left = Number.parseInt(size, 16)
    if (this.#left === 0) return this.#takeTrailers(at)
    this.#chunks++
    this.#rest = this.#rest.subarray(at + 2)
    return true
  }

  #takeTrailers(from: number): boolean {
    const at = this.#rest.indexOf('\r\n\r\n', from)
    if (at < 0) return this.#more(headLimit)
    this.#rest = this.#rest.subarray(at + 4)
    this.#finish()
    return true
  }

  #takeBody(): boolean {
    const part = this.#rest.subarray(0, Math.min(this.#left, this.#rest.length))
    if (part.length === 0) return false
    this.#body.push(part)
    this.#size += part.length
    this.#left -= part.length
    this.#rest = this.#rest.subarray(part.length)
    const isWhole = this.#left === 0 && this.#head?.end !== 'EmptyChunk'
    if (isWhole || this.#size > this.#mostBytes) this.#finish()
    return true
  }

  #more(limit: number): false {
    if (this.#rest.length > limit) throw new NoAnswer('an answer with a head that does not end')
    return false
  }

  #finish(): void {
    const { status = 0, isReusable = false } = this.#head ?? {}
    const isClean = this.#left === 0 && this.#rest.length === 0
    const [only = nothing] = this.#body
    const body = this.#body.length > 1 ? Buffer.concat(this.#body) : only
    this.answer = { status, body, isReusable: isReusable && isClean }
  }
}

const parseHead = (text: string): Head => {
  const [first = '', ...lines] = text.split('\r\n')
  const [, version, digits] = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: |$)/.exec(first) ?? []
  if (!digits) throw new NoAnswer('an answer that is not HTTP/1')
  const headers = parseHeaders(lines)
  const status = Number(digits)
  const said = (headers.connection ?? '').toLowerCase()
  const isKept = version === '1' ? !said.includes('close') : said.includes('keep-alive')
  return { status, ...toEnd(status, headers, isKept) }
}

/** Those that say how an answer ends; of the others nothing is kept. */
interface Headers {
  connection?: string
  'content-length'?: string
  'transfer-encoding'?: string
}

const parseHeaders = (lines: readonly string[]): Headers => {
  const headers: Headers = {}
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(0, colon)).toLowerCase()
    if (!/^[!#-'*+\-.0-9^-z|~]+$/.test(name)) throw new NoAnswer('a head that is not HTTP/1')
    if (name !== 'connection' && name !== 'content-length' && name !== 'transfer-encoding') continue
    const value = line.slice(colon + 1).trim()
    const before = headers[name]
    headers[name] = before === undefined ? value : `${before}, ${value}`
  }
  return headers
}

type Ending = Omit<Head, 'status'>

const toEnd = (status: number, headers: Headers, isKept: boolean): Ending => {
  const length = headers['content-length']
  const coding = headers['transfer-encoding']
  if (status === 101) throw new NoAnswer('another protocol')
  if (status < 200 || status === 204 || status === 304) return { end: 0, isReusable: isKept }
  if (coding !== undefined) {
    if (coding.toLowerCase() !== 'chunked') throw new NoAnswer('a body in a coding that was not asked for')
    // Two lengths: one of them is wrong for somebody.
    return { end: 'EmptyChunk', isReusable: isKept && length === undefined }
  }
  if (length === undefined) return { end: 'Close', isReusable: false }
  if (!/^\d{1,15}$/.test(length)) throw new NoAnswer('a length that is none')
  return { end: Number(length), isReusable: isKept }
}
