// The newest lines of engines' logs, read at most once a second unless the pod changed; lost without harm when the process ends.
import type { Clock, PodSight } from '../domain/platform.ts'

export interface LogSight {
  readonly lines: readonly string[]
  /** of the first reading in the pod's present state */
  readonly since?: string
}

export type ReadLog = () => Promise<readonly string[]>

/** Lines as they were read at that time from a pod in that state. */
interface Log extends LogSight {
  readonly state: string
  readonly readAt: number
}

const restMs = 900

export class EngineLogs {
  readonly #clock: Clock
  readonly #logs = new Map<string, Log>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Forgotten without a pod or a reader. */
  async read(uid: string, pod: PodSight | undefined, read: ReadLog | undefined): Promise<LogSight> {
    if (!pod || !read) {
      this.#logs.delete(uid)
      return { lines: [] }
    }
    const state = stateOf(pod)
    const old = this.#logs.get(uid)
    const readAt = this.#clock.now().getTime()
    if (old?.state === state && readAt - old.readAt < restMs) return old
    const lines = await read()
    const first = old?.state === state ? old.since : undefined
    const log = { state, readAt, lines, since: first ?? this.#clock.now().toISOString() }
    this.#logs.set(uid, log)
    return log
  }
}

/** A container may start and end between two looks: only how it ended tells then. */
const stateOf = (pod: PodSight): string =>
  [pod.uid, pod.isRunning, pod.isReady, pod.restarts, pod.problem?.message].join(' ')
