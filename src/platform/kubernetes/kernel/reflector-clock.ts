// Time as a reflector needs it; it may stand still while the machine sleeps, as its connections do.
import type { ElectionClock } from './election-clock.ts'

export type ReflectorClock = Pick<ElectionClock, 'now' | 'after'>

export const processClock: ReflectorClock = {
  now: () => performance.now(),
  after: (ms, call) => {
    const timer = setTimeout(call, ms)
    return () => clearTimeout(timer)
  },
}

/**
 * How long a watch that begins now is asked for, in whole seconds, so that all watches of a process end together:
 * what begins again beside others runs on code that is still warm.
 */
export const secondsOfRound = (nowMs: number, roundSeconds: number): number => {
  const left = Math.round(roundSeconds - ((nowMs / 1000) % roundSeconds))
  // One that has just ended, a moment before the others, would begin again twice.
  return left < Math.min(2, roundSeconds) ? roundSeconds : left
}
