// The deadline of a call and its caller's signal as one, and what their end means.
import { type Call, nameOf } from './call.ts'
import { ApiError, MutationRefused } from './errors.ts'
import { NoAnswer } from './no-answer.ts'

export interface TimeLimit {
  readonly signal: AbortSignal
  remainingMs(): number
  /** the error that the caller should see */
  explain(error: unknown): unknown
  /** from now on the deadline does not count, but so much silence does (0: none); the caller's signal still does */
  listen(silenceMs: number): void
  /** something came */
  heard(): void
  clear(): void
}

export const limitTime = (call: Call): TimeLimit => {
  const controller = new AbortController()
  const endsAt = performance.now() + call.deadlineMs
  let isLate = false
  let isSilent = false
  const follow = () => controller.abort(call.signal?.reason)
  if (call.signal?.aborted) follow()
  else call.signal?.addEventListener('abort', follow, { once: true })
  const end = (): void => {
    isLate = true
    controller.abort(new DOMException('deadline', 'TimeoutError'))
  }
  /** A process that stood still first reads what came meanwhile. */
  const endIfSilent = (): void => {
    isSilent = true
    setImmediate(() => isSilent && end())
  }
  const timer = setTimeout(end, call.deadlineMs)
  let silence: NodeJS.Timeout | undefined
  return {
    signal: controller.signal,
    remainingMs: () => endsAt - performance.now(),
    explain: error => {
      if (call.signal?.aborted) return call.signal.reason
      return isLate ? new NoAnswer(nameOf(call), 'Timeout') : asNoAnswer(call, error)
    },
    listen: silenceMs => {
      clearTimeout(timer)
      if (silenceMs > 0) silence = setTimeout(endIfSilent, silenceMs)
    },
    heard: () => {
      isSilent = false
      silence?.refresh()
    },
    clear: () => {
      clearTimeout(timer)
      clearTimeout(silence)
      silence = undefined
      call.signal?.removeEventListener('abort', follow)
    },
  }
}

export const asNoAnswer = (call: Call, error: unknown): unknown => {
  if (error instanceof ApiError || error instanceof NoAnswer || error instanceof TypeError) return error
  if (error instanceof MutationRefused) return error
  const code = (error as { code?: unknown })?.code
  const isSlow = typeof code === 'string' && /TIMEOUT/.test(code)
  return new NoAnswer(nameOf(call), isSlow ? 'Timeout' : 'Network', error)
}

export const eitherOf = (one?: AbortSignal, other?: AbortSignal): AbortSignal | undefined =>
  one && other ? AbortSignal.any([one, other]) : (one ?? other)

/** What came until then, when the stream was ended for being late; nothing at all is no answer. */
export async function* upTo<T>(late: AbortSignal, call: Call, items: AsyncIterable<T>): AsyncGenerator<T> {
  let hasCome = false
  try {
    for await (const item of items) {
      hasCome = true
      yield item
    }
  } catch (error) {
    if (!late.aborted) throw error
    if (!hasCome) throw new NoAnswer(nameOf(call), 'Timeout', error)
  }
}
