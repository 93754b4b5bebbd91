// Progress through the pod's log: one stream per running worker, the newest sample in memory only.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Progress, parseProgressLine } from '../../domain/progress.ts'
import type { Client } from './kernel/client.ts'
import type { RawJob, RawPod } from './kubernetes-objects.ts'
import { workerContainer } from './work-identity.ts'

export interface Sample {
  readonly progress: Progress
  readonly progressAt: string
}

interface Followed {
  readonly stop: AbortController
  readonly pod: string
}

const leastWakeMs = 1_000
/** A worker speaks every second; a stream that is silent for so long is dead and opened again. */
const quietMs = 60_000

export class PodProgress {
  readonly #client: Client
  readonly #onSample: (job: RawJob) => void
  readonly #samples = new Map<string, Sample>()
  readonly #followed = new Map<string, Followed>()

  constructor(client: Client, onSample: (job: RawJob) => void) {
    this.#client = client
    this.#onSample = onSample
  }

  of(jobUid: string): Sample | undefined {
    return this.#samples.get(jobUid)
  }

  /** Only for a pod whose container runs: the API server refuses to follow before. Called again it changes nothing. */
  follow(job: RawJob, pod: RawPod): void {
    const { uid } = job.metadata
    if (this.#followed.get(uid)?.pod === pod.metadata.uid) return
    this.pause(uid)
    const stop = new AbortController()
    this.#followed.set(uid, { stop, pod: pod.metadata.uid })
    void this.#read(job, pod, stop.signal)
  }

  /** Keeps the newest sample. */
  pause(jobUid: string): void {
    this.#followed.get(jobUid)?.stop.abort()
    this.#followed.delete(jobUid)
  }

  drop(jobUid: string): void {
    this.pause(jobUid)
    this.#samples.delete(jobUid)
  }

  stop(): void {
    for (const uid of [...this.#followed.keys()]) this.drop(uid)
  }

  /** The end of a log is no end of the work: it is opened again until somebody says that the work ended. */
  async #read(job: RawJob, pod: RawPod, signal: AbortSignal): Promise<void> {
    for (let failures = 0; !signal.aborted; failures++) {
      const hasSpoken = await this.#readOnce(job, pod, signal)
      if (hasSpoken) failures = 0
      const waitMs = Math.min(10_000, 500 * 2 ** Math.min(failures, 5))
      await sleep(waitMs, undefined, { signal }).catch(() => undefined)
    }
  }

  /** Only the newest line matters, so a reconnect takes the last few and needs no time to go on from. */
  async #readOnce(job: RawJob, pod: RawPod, outer: AbortSignal): Promise<boolean> {
    const { namespace, name } = pod.metadata
    const quiet = new AbortController()
    const timer = setTimeout(() => quiet.abort(), quietMs).unref()
    const signal = AbortSignal.any([outer, quiet.signal])
    const wake = atMostEvery(leastWakeMs, () => this.#onSample(job))
    let hasSpoken = false
    try {
      const at = { name, ...(namespace ? { namespace } : {}) }
      const how = { container: workerContainer, follow: true, tailLines: 5, signal }
      for await (const line of this.#client.logs(at, how)) {
        timer.refresh()
        hasSpoken = true
        if (!outer.aborted && this.#take(job, line)) wake()
      }
    } catch {
      // A cut stream, a refusal or a pod that is gone: the caller tries again, and the caches tell the end.
    }
    clearTimeout(timer)
    return hasSpoken
  }

  #take(job: RawJob, line: string): boolean {
    const progress = parseProgressLine(line)
    if (progress) this.#samples.set(job.metadata.uid, { progress, progressAt: new Date().toISOString() })
    return progress !== undefined
  }
}

const atMostEvery = (ms: number, call: () => void): (() => void) => {
  let last = Number.NEGATIVE_INFINITY
  return () => {
    const now = performance.now()
    if (now - last < ms) return
    last = now
    call()
  }
}
