// The only writer to the terminal: results to standard output, everything said beside them to standard error.

export type Format = 'table' | 'wide' | 'json' | 'yaml' | 'name'
export type Tint = 'good' | 'bad' | 'busy' | 'dim' | 'bold'

interface Terminal {
  write(text: string): unknown
  readonly isTTY?: boolean
  readonly columns?: number
}

export interface PrinterParts {
  readonly out: Terminal
  readonly err: Terminal
  readonly wantsColour: boolean
}

const codes: Readonly<Record<Tint, number>> = { good: 32, bad: 31, busy: 33, dim: 2, bold: 1 }

/** What a person wrote, or a server, moves no cursor and rings no bell. */
export const clean = (text: string): string => text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '�')

const toJson = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`

export class Printer {
  readonly #parts: PrinterParts
  readonly #isColoured: boolean
  #liveLines = 0

  constructor(parts: PrinterParts) {
    this.#parts = parts
    this.#isColoured = parts.wantsColour && parts.out.isTTY === true
  }

  /** Live lines can be drawn over. */
  get isLive(): boolean {
    return this.#parts.out.isTTY === true
  }

  get width(): number {
    // 0: a terminal that was not told its size
    return this.#parts.out.columns || 120
  }

  tint(tint: Tint, text: string): string {
    return this.#isColoured && text ? `\x1b[${codes[tint]}m${text}\x1b[0m` : text
  }

  line(text = ''): void {
    this.#parts.out.write(`${text}\n`)
  }

  lines(all: readonly string[]): void {
    for (const one of all) this.line(one)
  }

  /** Beside the result: hints and warnings never get into a pipe. */
  note(text: string): void {
    this.#parts.err.write(`${text}\n`)
  }

  warn(text: string): void {
    this.note(`warning: ${clean(text)}`)
  }

  fail(text: string): void {
    this.note(`switchyard: ${clean(text)}`)
  }

  async data(value: unknown, format: 'json' | 'yaml'): Promise<void> {
    const toText = format === 'yaml' ? (await import('./yaml-text.ts')).toYaml : toJson
    this.#parts.out.write(toText(value))
  }

  /** Draws over what was drawn last; where nothing can be drawn over, only what is new is told. */
  live(lines: readonly string[]): void {
    const up = this.#liveLines > 0 ? `\x1b[${this.#liveLines}A` : ''
    this.#parts.out.write(`${up}\r${lines.map(line => `${this.#fit(line)}\x1b[K\n`).join('')}\x1b[J`)
    this.#liveLines = lines.length
  }

  /** A line that wrapped would be two, and the next drawing would begin too low. */
  #fit(line: string): string {
    let shown = 0
    let cut = ''
    for (const piece of line.split(/(\x1b\[\d*m)/)) {
      if (piece.startsWith('\x1b[')) cut += piece
      else {
        const part = [...piece].slice(0, Math.max(0, this.width - 1 - shown)).join('')
        shown += [...part].length
        cut += part
      }
    }
    return cut
  }
}
