// Who gets no answer waits longer each time; the first of a process that is answered again ends the others' waiting.
import { pause } from './election-clock.ts'
import type { ReflectorClock } from './reflector-clock.ts'

export class Revival {
  #revived = new AbortController()

  /** At most so long; true when somebody was answered before. */
  async wait(clock: ReflectorClock, ms: number, signal: AbortSignal): Promise<boolean> {
    const { signal: revived } = this.#revived
    await pause(clock, ms, signal, revived)
    return revived.aborted
  }

  /** Somebody was answered who was not before. */
  tell(): void {
    this.#revived.abort()
    this.#revived = new AbortController()
  }
}
