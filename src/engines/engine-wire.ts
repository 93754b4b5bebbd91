// One connection to an engine, asked one thing after another: as much of HTTP/1.1 as small answers need, without streams.
import { connect, type Socket } from 'node:net'
import { AnswerReader, type WireAnswer } from './wire-answer.ts'

/** Lent to whichever connection reads: what comes is copied out before the next read. */
const received = Buffer.allocUnsafeSlow(64 * 1024)

/** What is said when a connection ends before its answer, in the words of Node. */
const lost = (): Error => Object.assign(new Error('the connection was closed'), { code: 'ECONNRESET' })

export class EngineWire {
  readonly #socket: Socket
  readonly #mostBytes: number
  #isOver = false
  #reader: AnswerReader | undefined
  #resolve: ((answer: WireAnswer) => void) | undefined
  #reject: ((error: Error) => void) | undefined

  /** The host as it stands in a URL, with its port unless that is 80. */
  constructor(host: string, mostBytes: number) {
    this.#mostBytes = mostBytes
    const [, literal, name, port] = /^(?:\[(.*)\]|([^:]*))(?::(\d+))?$/.exec(host) ?? []
    this.#socket = connect({
      host: literal ?? name ?? host,
      port: Number(port ?? 80),
      noDelay: true,
      onread: { buffer: received, callback: count => this.#receive(count) },
    })
    this.#socket.once('end', () => this.#reader?.end() && this.#answer())
    this.#socket.on('error', error => this.end(error))
    this.#socket.once('close', () => this.end())
  }

  /** The next request may be sent here. */
  get isFree(): boolean {
    return !this.#isOver && this.#reader === undefined
  }

  /** MUST be called on a free one only. Of a body that is too large comes a little more than was allowed. */
  ask(request: string): Promise<WireAnswer> {
    this.#reader = new AnswerReader(this.#mostBytes)
    return new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
      this.#socket.write(request)
    })
  }

  /** Whoever waits for an answer is told why there is none. */
  end(error?: Error): void {
    if (this.#isOver) return
    this.#isOver = true
    // An error is made for somebody alone: it costs more than the end of a connection.
    if (this.#reader) this.#reject?.(error ?? lost())
    this.#reader = undefined
    this.#socket.destroy()
  }

  #receive(count: number): boolean {
    // Nothing was asked: whatever this says is no answer.
    if (!this.#reader) this.end()
    else if (this.#reader.take(received.subarray(0, count))) this.#answer()
    return true
  }

  #answer(): void {
    const { answer, problem } = this.#reader ?? {}
    if (!answer) {
      this.end(new Error(problem))
      return
    }
    this.#reader = undefined
    if (!answer.isReusable) this.end()
    this.#resolve?.(answer)
  }
}
