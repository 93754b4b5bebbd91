// Lines out of a stream of bytes: split before decoding, so a character cut between two chunks stays whole.

export interface LineLimits {
  readonly maxBytes: number
  /** What happens to a longer line; `cut` keeps its beginning. */
  readonly tooLong: 'throw' | 'cut'
  /** A last line without its newline is given out; in a watch it is a torn event and is dropped. */
  readonly keepLast: boolean
}

export class LineTooLong extends Error {
  override readonly name = 'LineTooLong'
  constructor(maxBytes: number) {
    super(`a line of the stream is longer than ${maxBytes} bytes`)
  }
}

const NEWLINE = 0x0a

export async function* splitLines(
  source: AsyncIterable<Uint8Array>,
  limits: LineLimits,
): AsyncGenerator<string> {
  const line = new PendingLine(limits)
  for await (const chunk of source) {
    let from = 0
    for (let at = chunk.indexOf(NEWLINE); at >= 0; at = chunk.indexOf(NEWLINE, from)) {
      line.add(chunk.subarray(from, at))
      yield line.take()
      from = at + 1
    }
    line.add(chunk.subarray(from))
  }
  if (limits.keepLast && line.size > 0) yield line.take()
}

class PendingLine {
  #parts: Uint8Array[] = []
  readonly #limits: LineLimits
  size = 0

  constructor(limits: LineLimits) {
    this.#limits = limits
  }

  add(part: Uint8Array): void {
    if (part.length === 0) return
    const room = this.#limits.maxBytes - this.size
    if (part.length > room && this.#limits.tooLong === 'throw') throw new LineTooLong(this.#limits.maxBytes)
    const kept = part.subarray(0, Math.max(0, room))
    if (kept.length === 0) return
    this.#parts.push(kept)
    this.size += kept.length
  }

  take(): string {
    const text = Buffer.concat(this.#parts, this.size).toString('utf8')
    this.#parts = []
    this.size = 0
    return text
  }
}
