// Time as an election needs it: nobody sets it back, and it runs on while the process is stopped or the machine sleeps.
import { uptime } from 'node:os'

export interface ElectionClock {
  /** milliseconds since some moment; only differences mean something */
  now(): number
  /** what people read in the Lease; nothing is decided by it */
  date(): Date
  /** calls once, unless the returned function is called before */
  after(ms: number, call: () => void): () => void
}

/** Since boot: the clock behind `performance.now` stands still while the machine is suspended. */
export const bootClock: ElectionClock = {
  now: () => uptime() * 1000,
  date: () => new Date(),
  after: (ms, call) => {
    const timer = setTimeout(call, ms)
    return () => clearTimeout(timer)
  },
}

/** Resolves after so long, or as soon as one of the signals is given; never rejects. */
export const pause = (
  clock: Pick<ElectionClock, 'after'>,
  ms: number,
  ...signals: readonly (AbortSignal | undefined)[]
): Promise<void> =>
  new Promise(resolve => {
    const enders = signals.filter(signal => signal !== undefined)
    const end = (): void => {
      cancel()
      for (const signal of enders) signal.removeEventListener('abort', end)
      resolve()
    }
    const cancel = clock.after(ms, end)
    for (const signal of enders) signal.addEventListener('abort', end, { once: true })
    if (enders.some(signal => signal.aborted)) end()
  })
