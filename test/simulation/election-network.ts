// The way between a process and the API server: late, lost, answered or not. It asks for the right to write as the transport does.
import type { Call } from '../../src/platform/kubernetes/kernel/call.ts'
import type { Carrier } from '../../src/platform/kubernetes/kernel/client.ts'
import { ApiError } from '../../src/platform/kubernetes/kernel/errors.ts'
import { isTransient, NoAnswer } from '../../src/platform/kubernetes/kernel/no-answer.ts'
import type { Answer, ElectionServer } from './election-server.ts'
import { between, type Random, type VirtualTime } from './election-time.ts'

export interface Weather {
  /** most milliseconds between the first byte and the server's decision */
  slowestMs: number
  /** how many of a hundred calls lose their request, their answer, or fail at once and arrive all the same */
  lossPercent: number
  /** until credentials are read and a connection is free, now and then */
  longestWaitMs: number
  /** how many of a hundred watches fall silent without an end */
  silentPercent: number
  /** nothing goes in or out */
  isCutOff: boolean
}

export interface Endpoint {
  readonly name: string
  readonly deliver: (call: () => void) => void
  /** on the clock of the process */
  readonly after: (ms: number, call: () => void) => () => void
  readonly weather: Weather
}

interface Parts {
  readonly time: VirtualTime
  readonly server: ElectionServer
  readonly random: Random
  /** Fault of the simulation's own: the right to write is asked for once, before the wait for a connection. */
  readonly asksOnce?: boolean
}

const tries = 4

export const connect = (parts: Parts, endpoint: Endpoint): Carrier => ({
  send: call => sendUntilAnswered(parts, endpoint, call),
  open: async call => openWatch(parts, endpoint, call),
})

/** The deadline covers all tries; what may happen twice is tried again, as by the transport. */
const sendUntilAnswered = async (parts: Parts, endpoint: Endpoint, call: Call): Promise<unknown> => {
  const limit = new AbortController()
  const cancel = endpoint.after(call.deadlineMs, () => limit.abort(new NoAnswer(call.path, 'Timeout')))
  const follow = (): void => limit.abort(call.signal?.reason)
  if (call.signal?.aborted) follow()
  else call.signal?.addEventListener('abort', follow, { once: true })
  try {
    for (let attempt = 1; ; attempt++) {
      try {
        return await sendOnce(parts, endpoint, { ...call, signal: limit.signal })
      } catch (error) {
        if (limit.signal.aborted || !isTransient(error) || !call.isIdempotent || attempt === tries)
          throw error
        await new Promise<void>(resolve => endpoint.after(100 * 2 ** attempt, resolve))
      }
    }
  } finally {
    cancel()
    call.signal?.removeEventListener('abort', follow)
  }
}

type Fate = 'Fine' | 'RequestLost' | 'AnswerLost' | 'FailsAndArrives'

const fateOf = ({ random }: Parts, { weather }: Endpoint): Fate => {
  if (weather.isCutOff) return 'RequestLost'
  const roll = random() * 100
  if (roll >= weather.lossPercent) return 'Fine'
  return (['RequestLost', 'AnswerLost', 'FailsAndArrives'] as const)[Math.floor(random() * 3)] as Fate
}

const sendOnce = (parts: Parts, endpoint: Endpoint, call: Call): Promise<unknown> =>
  new Try(parts, endpoint, call).answer

/** One try: the wait for a connection, the right to write, the way there, the server's decision, the way back. */
class Try {
  readonly #parts: Parts
  readonly #endpoint: Endpoint
  readonly #call: Call
  readonly #outcome = Promise.withResolvers<unknown>()
  #ended: ((isAnswered: boolean) => void) | undefined
  #isOver = false

  constructor(parts: Parts, endpoint: Endpoint, call: Call) {
    this.#parts = parts
    this.#endpoint = endpoint
    this.#call = call
    const { random, time, asksOnce } = parts
    if (call.signal?.aborted) this.#abort()
    else call.signal?.addEventListener('abort', this.#abort, { once: true })
    if (asksOnce) this.#ask()
    const waitMs = between(random, 0, random() < 0.1 ? endpoint.weather.longestWaitMs : 5)
    time.after(waitMs, () => endpoint.deliver(() => this.#begin()))
  }

  get answer(): Promise<unknown> {
    return this.#outcome.promise
  }

  readonly #abort = (): void => this.#fail(this.#call.signal?.reason, false)

  #end(isAnswered: boolean): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    this.#call.signal?.removeEventListener('abort', this.#abort)
    this.#ended?.(isAnswered)
    return true
  }

  #fail(error: unknown, isAnswered: boolean): void {
    if (this.#end(isAnswered)) this.#outcome.reject(error)
  }

  #begin(): void {
    if (!this.#parts.asksOnce) this.#ask()
    if (!this.#isOver) this.#travel(fateOf(this.#parts, this.#endpoint))
  }

  #ask(): void {
    if (this.#isOver) return
    try {
      this.#ended = this.#call.admit?.()
    } catch (error) {
      this.#fail(error, true)
    }
  }

  #travel(fate: Fate): void {
    const { time, random } = this.#parts
    const upMs = between(random, 1, this.#endpoint.weather.slowestMs)
    const reset = (): void => this.#fail(new NoAnswer(this.#call.path, 'Network'), false)
    if (fate === 'FailsAndArrives' || (fate === 'RequestLost' && random() < 0.5))
      time.after(upMs / 4, () => this.#endpoint.deliver(reset))
    if (fate !== 'RequestLost') time.after(upMs, () => this.#arrive(fate))
  }

  #arrive(fate: Fate): void {
    const { server, time, random } = this.#parts
    const { weather, name, deliver } = this.#endpoint
    const answer = server.handle(this.#call, name)
    if (fate === 'Fine' && !weather.isCutOff)
      time.after(between(random, 1, weather.slowestMs), () => deliver(() => this.#settle(answer)))
  }

  #settle({ status, body }: Answer): void {
    if (status < 400 && this.#end(true)) this.#outcome.resolve(body)
    const { method, path } = this.#call
    const refused = { verb: method, target: path, status, body: JSON.stringify(body) }
    this.#fail(new ApiError(refused), status < 500)
  }
}

/** Events come late, or silently no more; `idleMs` is how that is noticed. */
async function* openWatch(parts: Parts, endpoint: Endpoint, call: Call): AsyncGenerator<Uint8Array> {
  const { time, server, random } = parts
  const arrived: Uint8Array[] = []
  let wake = Promise.withResolvers<void>()
  let isBroken = endpoint.weather.isCutOff
  const breaksAt =
    random() * 100 < endpoint.weather.silentPercent ? between(random, 0, 40_000) : Number.POSITIVE_INFINITY
  const openedAt = time.now
  const stop = server.watch(event => {
    isBroken ||= endpoint.weather.isCutOff || time.now - openedAt > breaksAt
    if (isBroken) return
    const line = Buffer.from(`${JSON.stringify(event)}\n`)
    const arrive = (): void => {
      arrived.push(line)
      wake.resolve()
    }
    time.after(between(random, 1, 30), () => endpoint.deliver(arrive))
  })
  const end = (): void => wake.reject(call.signal?.reason)
  call.signal?.addEventListener('abort', end, { once: true })
  try {
    for (;;) {
      call.signal?.throwIfAborted()
      for (let line = arrived.shift(); line; line = arrived.shift()) yield line
      call.signal?.throwIfAborted()
      wake = Promise.withResolvers()
      const cancel = endpoint.after(call.idleMs ?? 60_000, () =>
        wake.reject(new NoAnswer(call.path, 'Timeout')),
      )
      await wake.promise.finally(cancel)
    }
  } finally {
    stop()
    call.signal?.removeEventListener('abort', end)
  }
}
