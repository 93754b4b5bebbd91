// Looks for the reason why a Job has no running pod: events, read live and only for as long as it has not started.
import type { Problem } from '../../domain/platform.ts'
import type { Client } from './kernel/client.ts'
import { CORE_EVENT } from './kernel/resources.ts'
import type { RawJob, RawPod } from './kubernetes-objects.ts'
import { eventProblem, type RawEvent } from './pod-problem.ts'

export interface TroubleOptions {
  /** before the first look, and between two */
  readonly delayMs: number
  readonly onChange: (job: RawJob) => void
}

interface Watched {
  readonly job: RawJob
  readonly uids: readonly string[]
  readonly timer: NodeJS.Timeout
  problem?: Problem
}

export class StartTrouble {
  readonly #client: Client
  readonly #options: TroubleOptions
  readonly #watched = new Map<string, Watched>()

  constructor(client: Client, options: TroubleOptions) {
    this.#client = client
    this.#options = options
  }

  of(jobUid: string): Problem | undefined {
    return this.#watched.get(jobUid)?.problem
  }

  /** What hinders the Job until it has a pod, and the pod from then on. */
  look(job: RawJob, pod: RawPod | undefined): void {
    const { uid } = job.metadata
    const about = pod?.metadata.uid ?? uid
    const known = this.#watched.get(uid)
    if (known?.uids.includes(about)) return
    this.drop(uid)
    const timer = setInterval(() => void this.#read(uid), this.#options.delayMs).unref()
    this.#watched.set(uid, { job, uids: [about], timer })
  }

  drop(jobUid: string): void {
    clearInterval(this.#watched.get(jobUid)?.timer)
    this.#watched.delete(jobUid)
  }

  stop(): void {
    for (const uid of [...this.#watched.keys()]) this.drop(uid)
  }

  async #read(jobUid: string): Promise<void> {
    const watched = this.#watched.get(jobUid)
    if (!watched) return
    const problem = await this.#findProblem(watched)
    if (this.#watched.get(jobUid) !== watched || !problem || problem.message === watched.problem?.message)
      return
    watched.problem = problem
    this.#options.onChange(watched.job)
  }

  /** A reason that cannot be read is asked for again at the next look. */
  async #findProblem({ job, uids }: Watched): Promise<Problem | undefined> {
    const { namespace } = job.metadata
    try {
      const [uid] = uids
      const of = { namespace, fieldSelector: `involvedObject.uid=${uid}` }
      return eventProblem(await this.#client.listAll<RawEvent>(CORE_EVENT, of), uids)
    } catch {
      return undefined
    }
  }
}
