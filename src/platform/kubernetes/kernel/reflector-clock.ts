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
