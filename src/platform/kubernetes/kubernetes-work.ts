// Works as Jobs: started once by name, seen through the caches, their progress read from the pods' logs.
import { Rejected, Transient, Waiting } from '../../domain/failure.ts'
import type { Wake, Work, WorkOrder, WorkView } from '../../domain/platform.ts'
import { isTerminatingNamespace, toFailure } from './api-refusal.ts'
import { renderJob } from './job-render.ts'
import { type JobSight, newestPod, toWorkView } from './job-view.ts'
import type { Client, DeleteOptions } from './kernel/client.ts'
import { ApiError } from './kernel/errors.ts'
import type { Freshness } from './kernel/freshness.ts'
import { JOB } from './kernel/resources.ts'
import type { Caches } from './kubernetes-caches.ts'
import type { RawJob, RawPod } from './kubernetes-objects.ts'
import { PodProgress } from './pod-progress.ts'
import { StartTrouble } from './start-trouble.ts'
import { type KnownWork, ownerKey, parseIdentity, toJobName } from './work-identity.ts'
import type { WorkerSettings } from './worker-settings.ts'

export interface WorkParts {
  readonly client: Client
  readonly caches: Pick<Caches, 'jobs' | 'workerPods' | 'nodes'>
  readonly freshness: Freshness
  readonly settings: WorkerSettings
  /** called when the API server says that a namespace is being deleted */
  readonly onTerminating?: (namespace: string) => void
  /** milliseconds until events are read for a pod that does not start, and between two reads */
  readonly eventsAfterMs?: number
}

const fieldManager = 'switchyard'

export class KubernetesWork implements Work {
  readonly #parts: WorkParts
  readonly #progress: PodProgress
  readonly #trouble: StartTrouble
  /** Jobs (uid) that we deleted after they ended and that the cache may still show */
  readonly #forgotten = new Set<string>()
  #wake: Wake = () => undefined

  constructor(parts: WorkParts) {
    this.#parts = parts
    this.#progress = new PodProgress(parts.client, job => this.#wakeOwner(job))
    this.#trouble = new StartTrouble(parts.client, {
      delayMs: parts.eventsAfterMs ?? 5_000,
      onChange: job => this.#wakeOwner(job),
    })
  }

  list(owner: { readonly uid: string }): readonly WorkView[] {
    return this.#parts.caches.jobs.byIndex('owner', owner.uid).flatMap(job => this.#view(job))
  }

  running(namespace?: string): readonly WorkView[] {
    return this.#parts.caches.jobs
      .list(namespace)
      .flatMap(job => this.#view(job))
      .filter(({ phase }) => phase === 'Starting' || phase === 'Running')
  }

  async start(order: WorkOrder): Promise<void> {
    const job = renderJob(order, this.#parts.settings)
    const { namespace } = order.owner
    try {
      const made = await this.#parts.client.create<RawJob>(JOB, job, { fieldManager })
      this.#noteJob(order, made)
    } catch (error) {
      if (isTerminatingNamespace(error)) this.#parts.onTerminating?.(namespace)
      if (!(error instanceof ApiError && error.isAlreadyExists))
        throw toFailure(error, `a ${order.command} worker cannot be started`)
      await this.#checkExisting(order)
    }
  }

  async cancel(id: string, namespace: string): Promise<void> {
    const known = this.#parts.caches.jobs.get({ namespace, name: toJobName(id) })
    if (known?.metadata.deletionTimestamp) return
    // Foreground: the Job stays, and so does our view of it, until its process is gone.
    const uid = known ? { uid: known.metadata.uid } : {}
    await this.#delete(id, namespace, { propagationPolicy: 'Foreground', ...uid })
    const work = known && parseIdentity(known.metadata.annotations)
    if (work) this.#parts.freshness.recordRemoval(ownerKey(work), this.#parts.caches.jobs, known.metadata)
  }

  async forget(id: string, namespace: string): Promise<void> {
    const known = this.#parts.caches.jobs.get({ namespace, name: toJobName(id) })
    if (known && this.#forgotten.has(known.metadata.uid)) return
    const uid = known ? { uid: known.metadata.uid } : {}
    await this.#delete(id, namespace, { propagationPolicy: 'Background', ...uid })
    if (known) this.#forgotten.add(known.metadata.uid)
  }

  watch(wake: Wake): void {
    this.#wake = wake
    const { jobs, workerPods, nodes } = this.#parts.caches
    jobs.subscribe(({ type, object, isInitial }) => {
      if (type === 'deleted') this.#let(object)
      else this.#follow(object)
      this.#wakeOwner(object, isInitial)
    })
    workerPods.subscribe(({ object, isInitial }) => this.#onPod(object, isInitial))
    nodes?.subscribe(({ object, isInitial }) => {
      if (isInitial) return
      for (const pod of workerPods.byIndex('node', object.metadata.name))
        if (pod.metadata.deletionTimestamp) this.#onPod(pod, false)
    })
  }

  stop(): void {
    this.#progress.stop()
    this.#trouble.stop()
  }

  #onPod(pod: RawPod, isInitial: boolean): void {
    const uid = pod.metadata.ownerReferences?.find(owner => owner.controller)?.uid ?? ''
    const [job] = this.#parts.caches.jobs.byIndex('uid', uid)
    if (!job) return
    this.#follow(job)
    this.#wakeOwner(job, isInitial)
  }

  /** Starts and stops what runs beside a Job: following its log, and looking for the reason why it does not start. */
  #follow(job: RawJob): void {
    const sight = this.#sight(job)
    const { phase, command } = toWorkView(sight) ?? {}
    const pod = newestPod(sight.pods)
    if (phase === 'Running' && pod && command !== 'ask') this.#progress.follow(job, pod)
    else this.#progress.pause(job.metadata.uid)
    if (phase === 'Starting') this.#trouble.look(job, pod)
    else this.#trouble.drop(job.metadata.uid)
  }

  #let(job: RawJob): void {
    this.#forgotten.delete(job.metadata.uid)
    this.#progress.drop(job.metadata.uid)
    this.#trouble.drop(job.metadata.uid)
  }

  #sight(job: RawJob): JobSight {
    const pods = this.#parts.caches.workerPods.byIndex('job', job.metadata.uid)
    const nodeName = newestPod(pods)?.spec?.nodeName
    const node = nodeName ? this.#parts.caches.nodes?.get({ name: nodeName }) : undefined
    const eventProblem = this.#trouble.of(job.metadata.uid)
    return { job, pods, ...(node ? { node } : {}), ...(eventProblem ? { eventProblem } : {}) }
  }

  #view(job: RawJob): WorkView[] {
    if (this.#forgotten.has(job.metadata.uid)) return []
    const view = toWorkView(this.#sight(job))
    if (!view) return []
    const sample = this.#progress.of(job.metadata.uid)
    return [sample ? { ...view, ...sample } : view]
  }

  /** The same work, started before by us or by the controller before us; anything else under its name is waited for. */
  async #checkExisting(order: WorkOrder): Promise<void> {
    const { namespace } = order.owner
    const found = await this.#parts.client
      .find<RawJob>(JOB, { namespace, name: toJobName(order.id) })
      .catch(error => {
        throw toFailure(error, `Job ${toJobName(order.id)}`)
      })
    if (!found) throw new Transient('ApiUnavailable', `Job ${toJobName(order.id)} was there and is gone`)
    if (found.metadata.deletionTimestamp) {
      throw new Waiting('VolumeBusy', `the former worker of ${order.owner.name} is still ending`, 2_000)
    }
    if (!isOf(parseIdentity(found.metadata.annotations), order))
      throw new Rejected('Unexpected', `Job ${toJobName(order.id)} exists and is not ours; delete it`)
    this.#noteJob(order, found)
  }

  #noteJob(order: WorkOrder, job: RawJob): void {
    this.#parts.freshness.recordWrite(ownerKey(order), this.#parts.caches.jobs, job)
  }

  async #delete(id: string, namespace: string, options: DeleteOptions): Promise<void> {
    try {
      await this.#parts.client.delete(JOB, { namespace, name: toJobName(id) }, options)
    } catch (error) {
      // Another Job of that name by now: the one that was meant is gone.
      if (error instanceof ApiError && error.isConflict && options.uid) return
      throw toFailure(error, `Job ${toJobName(id)}`)
    }
  }

  #wakeOwner(job: RawJob, isInitial = false): void {
    const identity = parseIdentity(job.metadata.annotations)
    if (identity) this.#wake(ownerKey(identity), isInitial)
  }
}

const isOf = (known: KnownWork | undefined, order: WorkOrder): boolean =>
  known?.id === order.id && known.owner.uid === order.owner.uid
