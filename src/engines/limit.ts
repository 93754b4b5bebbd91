// The time limit of one request: one timer and one listener, at a part of what an AbortSignal costs; a signal for whoever wants one.

export class Limit {
  #isOver = false
  #listener: (() => void) | undefined
  #controller: AbortController | undefined
  readonly #timer: NodeJS.Timeout

  constructor(milliseconds: number) {
    this.#timer = setTimeout(() => this.#end(), milliseconds)
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** One and the same for `fetch`, made when it is asked for. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController()
    if (this.#isOver) this.#controller.abort()
    return this.#controller.signal
  }

  /** In the place of the listener before; without one nobody is told. */
  onEnd(listener?: () => void): void {
    this.#listener = listener
  }

  /** It is over in time: nobody is told any more. */
  clear(): void {
    clearTimeout(this.#timer)
  }

  #end(): void {
    this.#isOver = true
    this.#controller?.abort()
    this.#listener?.()
  }
}
