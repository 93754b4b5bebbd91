// What `npm start` writes on the screen: titles, lines with the time since it was typed, commands as a person would type them.
import type { WriteStream } from 'node:tty'
import { Printer } from '../../src/cli/print.ts'

/** Noted by run.mjs before it installed anything. */
const begun = Number(process.env['SWITCHYARD_BEGUN']) || Date.now() - performance.now()

export class Teller {
  readonly #out: WriteStream

  constructor(out: WriteStream) {
    this.#out = out
  }

  /** Each live drawing needs one of its own: it draws over what it drew last. */
  printer(): Printer {
    const wantsColour = !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb'
    return new Printer({ out: this.#out, err: this.#out, wantsColour })
  }

  seconds(): string {
    return ((Date.now() - begun) / 1000).toFixed(1)
  }

  title(text: string): void {
    const printer = this.printer()
    printer.line()
    printer.line(printer.tint('bold', text))
  }

  say(text: string): void {
    const printer = this.printer()
    printer.line(`${printer.tint('dim', `${this.seconds().padStart(6)} s`)}  ${text}`)
  }

  command(words: readonly string[]): void {
    const printer = this.printer()
    printer.line(printer.tint('bold', `$ switchyard ${words.join(' ')}`))
  }

  quote(text: string): void {
    const printer = this.printer()
    for (const line of text.trimEnd().split('\n')) printer.line(printer.tint('dim', `  ${line}`))
  }

  lines(all: readonly string[]): void {
    this.printer().lines(all.map(line => `  ${line}`))
  }

  write(text: string): void {
    this.#out.write(text)
  }
}
