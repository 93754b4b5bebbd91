// Whether the GPU memory of a run that ended is free for the next load: asked of nvidia-smi, for a bounded time. Without one, always.
import { existsSync } from 'node:fs'
import { type DeviceHold, findStillHeld, toDeviceHold } from './device-hold.ts'
import type { GpuLook } from './gpu-look.ts'
import type { GpuReading } from './gpu-reading.ts'

export interface DeviceGateParts {
  readonly gpus: Pick<GpuLook, 'isThere' | 'look'>
  /** memory did not come back in time: a sentence; the next load is tried all the same */
  readonly onLate: (sentence: string) => void
  /** an engine's memory is back within about two seconds; a driver that cleans up after KILL may need more */
  readonly boundMs?: number
}

interface Watched {
  /** as it was when the run began */
  readonly before?: GpuReading
  /** absent until it was seen on a GPU */
  readonly hold?: DeviceHold
  readonly isNoting?: boolean
  /** when the run had ended */
  readonly endedAt?: number
  readonly isAsking?: boolean
  /** what was missing last */
  readonly sentence?: string
}

/** The driver's own figures are no fresher. */
const freshMs = 200

const isVisible = (pid: number): boolean => existsSync(`/proc/${pid}`)

export class DeviceGate {
  readonly #parts: DeviceGateParts
  /** by the token of the run */
  readonly #watched = new Map<string, Watched>()

  constructor(parts: DeviceGateParts) {
    this.#parts = parts
  }

  /** A run is about to begin. Returns at once, as `note` does: what they ask for comes beside. */
  begin(token: string): void {
    if (!this.#parts.gpus.isThere) return
    this.#watched.set(token, {})
    this.#parts.gpus.look(freshMs).then(sight => {
      if (sight.state === 'Seen') this.#change(token, { before: sight })
    })
  }

  /** What the run holds, asked while its processes live: when it listens, and when it is told to end. */
  note(token: string, pids: readonly number[]): void {
    if (!this.#parts.gpus.isThere) return
    this.#watched.set(token, { ...this.#watched.get(token), isNoting: true })
    this.#parts.gpus.look(freshMs).then(sight => {
      const { before, hold: last } = this.#watched.get(token) ?? {}
      const now =
        sight.state === 'Seen'
          ? toDeviceHold({ reading: sight, pids, isVisible, ...(before ? { before } : {}) })
          : undefined
      const hold = now ?? last
      this.#change(token, { isNoting: false, ...(hold ? { hold } : {}) })
    })
  }

  /** To be asked again and again after the processes have ended; true for good once it was. */
  isFree(token: string): boolean {
    const watched = this.#watched.get(token)
    if (!watched) return true
    const endedAt = watched.endedAt ?? performance.now()
    if (watched.endedAt === undefined) this.#change(token, { endedAt })
    const waited = performance.now() - endedAt
    if (waited > (this.#parts.boundMs ?? 10_000)) this.#giveUp(token, watched, waited)
    else if (watched.isNoting) return false
    else if (!watched.hold) this.#watched.delete(token)
    else if (!watched.isAsking) this.#ask(token, watched.hold)
    return !this.#watched.has(token)
  }

  /** What is waited for; undefined when nothing is. */
  sentenceOf(token: string): string | undefined {
    return this.#watched.get(token)?.sentence
  }

  #ask(token: string, hold: DeviceHold): void {
    this.#change(token, { isAsking: true })
    this.#parts.gpus.look(freshMs).then(sight => {
      const sentence = sight.state === 'Seen' ? findStillHeld(hold, sight) : undefined
      if (sentence === undefined) this.#watched.delete(token)
      else this.#change(token, { isAsking: false, sentence })
    })
  }

  /** Of one that is still watched. */
  #change(token: string, news: Partial<Watched>): void {
    const now = this.#watched.get(token)
    if (now) this.#watched.set(token, { ...now, ...news })
  }

  #giveUp(token: string, { sentence }: Watched, waited: number): void {
    this.#watched.delete(token)
    const seconds = Math.round(waited / 1000)
    this.#parts.onLate(
      `the engine ended ${seconds} s ago and ${sentence ?? 'nvidia-smi has not answered since'}: loading all the same`,
    )
  }
}
