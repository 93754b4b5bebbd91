// The port: what the domain asks of the world. Each member says what it promises, what it may throw and what absent means.
// Reads answer from a local cache unless they say otherwise; writes throw Transient when they may be tried again,
// Rejected when a person must act, Waiting when something named must happen first.
import type { Reason } from './conditions.ts'
import type { ContainerSight, Launch } from './engine.ts'
import type { ModelStatus } from './model.ts'
import type { Key, Model, Ref, Runtime } from './object.ts'
import type { Progress } from './progress.ts'
import type { RuntimeStatus } from './runtime.ts'
import type { WorkCommand, WorkerResult, WorkerTask } from './worker-task.ts'

/** Why something is not (yet) possible: shown in a condition. */
export interface Problem {
  readonly reason: Reason
  readonly message: string
}

export interface Platform {
  readonly name: 'kubernetes' | 'host' | 'memory'
  readonly store: Store
  readonly work: Work
  readonly servings: Servings
  readonly volumes: Volumes
  readonly journal: Journal
}

/** A wake: some object changed that belongs to, or is named by, this key. `isStartup` marks the initial list. */
export type Wake = (key: Key, isStartup: boolean) => void

/** 1. The objects. */
export interface Store {
  /** 1.1 MUST return the newest version seen, or undefined. An object whose spec breaks the schema has `invalid`. */
  getModel(ref: Ref): Model | undefined
  getRuntime(ref: Ref): Runtime | undefined
  /** 1.2 MUST return every object of the namespace, in order of creation, then name. */
  listModels(namespace: string): readonly Model[]
  listRuntimes(namespace: string): readonly Runtime[]
  /** 1.3 MUST replace the whole status when the object is still this uid; MUST throw Transient when `object` is stale. */
  writeModelStatus(object: Model, status: ModelStatus): Promise<void>
  writeRuntimeStatus(object: Runtime, status: RuntimeStatus): Promise<void>
  /** 1.4 MUST add or remove our finalizer and nothing else; idempotent; an object that is gone is no error. */
  setFinalizer(object: Model | Runtime, isPresent: boolean): Promise<void>
  /** 1.5 MUST wake the key of every object that is added, changed or gone, at least once, after the cache shows it. */
  watch(wake: Wake): void
  /** 1.6 True while the cache may not yet show what this process wrote for the key. */
  isBehind(key: Key): boolean
  /** 1.7 True while the namespace is being deleted (no work can be started there). */
  isTerminating(namespace: string): boolean
}

export interface WorkIdentity {
  readonly owner: Ref & { readonly uid: string }
  readonly command: WorkCommand
  /** what it is about: source hash (resolve), volume key + revision, or engine's process + recipe (ask) */
  readonly subject: string
  /** 1 for the first try; a request of a person makes a new subject, never a repeated attempt number */
  readonly attempt: number
}

/** The Secret of the mirror at this place of the list. */
export interface MirrorSecret {
  readonly mirror: number
  readonly name: string
  readonly key: string
}

export interface WorkOrder extends WorkIdentity {
  /** name derived from the identity: the same identity is the same work, on any controller */
  readonly id: string
  readonly task: WorkerTask
  /** absent for resolve, but of a folder of the volume */
  readonly volume?: VolumeView
  readonly tokenSecret?: { readonly name: string; readonly key: string }
  /** a missing one hinders nothing: the worker leaves the mirror out */
  readonly mirrorSecrets?: readonly MirrorSecret[]
  /** first Runtime by name: its overlay and placement are used */
  readonly runtime?: Runtime
}

export interface WorkView extends WorkIdentity {
  readonly id: string
  /** key of the volume it works on; absent for resolve, but of a folder of the volume */
  readonly volume?: string
  readonly phase: 'Starting' | 'Running' | 'Succeeded' | 'Failed'
  /** why it does not start: image pull, unschedulable, quota, admission, mount, multi-attach */
  readonly notStarted?: Problem
  readonly progress?: Progress
  /** absent when it ended without one (killed, node lost, evicted) */
  readonly result?: WorkerResult
  readonly startedAt: string
  readonly endedAt?: string
  /** last time a progress line came */
  readonly progressAt?: string
}

/** 2. Worker processes that touch bytes. */
export interface Work {
  /** 2.1 MUST list all works of a Model or Runtime (by uid), running or ended, until forgotten. */
  list(owner: Ref & { readonly uid: string }): readonly WorkView[]
  /** 2.2 MUST list the works of a namespace, or without one of all that can be seen, that have not ended. */
  running(namespace?: string): readonly WorkView[]
  /** 2.3 MUST start it once: the same id again is no error and starts nothing. Throws Rejected/Waiting when refused (quota, admission),
   *  Waiting in a namespace that is being deleted and while a cancelled work of that id has not ended. */
  start(order: WorkOrder): Promise<void>
  /** 2.4 MUST end the process (SIGTERM, then grace) and forget the work, which is seen until then; idempotent. */
  cancel(id: string, namespace: string): Promise<void>
  /** 2.5 MUST remove an ended work; idempotent. */
  forget(id: string, namespace: string): Promise<void>
  /** 2.6 MUST wake its owner's key when a work starts, ends, cannot start, or makes progress (at most once a second). */
  watch(wake: Wake): void
}

/** A place for copies: one claim and subPath (host: one directory), as one or more Runtimes see it. */
export interface VolumeView {
  /** `<namespace>/<claim>/<subPath>` */
  readonly key: string
  readonly claim: string
  readonly subPath: string
  readonly claimUID: string
  readonly runtimes: readonly string[]
  /** where the engine's container, and so the worker, mounts it */
  readonly mountPath: string
  /** where models stand, absolute in the container */
  readonly layout: { readonly root: string; readonly kind: 'HubCache' | 'OllamaStore'; readonly path: string }
  /** smallest spec.storage.quota of its Runtimes, else the size of the claim; absent when neither is known */
  readonly quotaBytes?: number
  /** platform's own words for where and as whom a worker runs; opaque to the domain */
  readonly access: unknown
}

/** 3. Volumes. */
export interface Volumes {
  /** 3.1 MUST derive the volume from what the Runtime names. A Problem (ClaimNotFound, DeploymentNotFound, ClaimNotMounted,
   *  StoreNotOnVolume, PlacementUnknown, …) when there is none that could be written to now. */
  find(runtime: Runtime): VolumeView | Problem
  /** 3.2 MUST create the claim of a made Runtime when it names one that does not exist and gives a size; else nothing. */
  ensure?(runtime: Runtime): Promise<void>
}

export interface PodSight {
  readonly uid: string
  readonly name: string
  /** recipe hash of the template it was made from; absent = as found */
  readonly recipe?: string
  /** `http://ip:port`; absent until it has an address */
  readonly address?: string
  readonly isReady: boolean
  /** the engine's container runs now */
  readonly isRunning: boolean
  readonly isLeaving: boolean
  /** still gets requests of clients */
  readonly isInService: boolean
  readonly restarts: number
  readonly createdAt: string
  readonly readyAt?: string
  /** node does not answer */
  readonly isLost?: boolean
  /** why it does not start, or how its container ended last */
  readonly problem?: Problem
}

/** What runs, or would run, a Runtime's engine. */
export interface ServingView {
  readonly origin: 'Adopted' | 'Made'
  /** the Deployment or unit is there */
  readonly exists: boolean
  /** things a person must change or that must appear first; empty when switching is possible */
  readonly problems: readonly Problem[]
  /** as the template is now, or as the Runtime's podTemplate says when it is not made yet */
  readonly container?: ContainerSight
  /** 0 = scaled down */
  readonly replicas: number
  /** Recreate is in force: two pods never stand side by side by the Deployment's own doing */
  readonly isExclusive: boolean
  /** originals are kept, or it is ours; before that nothing may be changed */
  readonly isPrepared: boolean
  /** the controller behind has seen the newest template */
  readonly isSettled: boolean
  /** hash of the recipe on the template; absent = as found */
  readonly recipe?: string
  /** hash of the recipe before that one, for the way back; `AsFound` */
  readonly previousRecipe?: string
  /** newest first; pods that ended are left out */
  readonly pods: readonly PodSight[]
  /** where clients reach it */
  readonly endpoint?: string
  /** clients speak to the engine itself: none of its pods can be taken out of service */
  readonly isDirect?: boolean
  /** what the spec says otherwise than what runs, and which the next start takes over: words for people */
  readonly pending?: string
  /** something else changed a field that a switch wrote */
  readonly drift?: Problem
}

/** 4. Engines' processes. */
export interface Servings {
  /** 4.1 MUST look at the cache only and never throw for what is missing: that is a Problem in the view. */
  observe(runtime: Runtime): ServingView
  /** 4.2 MUST make the serving exclusive and keep its originals; before anything restarts. Throws Rejected FieldConflict. Idempotent. */
  prepare(runtime: Runtime): Promise<void>
  /** 4.3 MUST write the launch, config first, then one template change; the recipe before becomes `previousRecipe`. The same
   *  hash again writes nothing. A made serving that does not exist is created (with its Service). Throws Rejected FieldConflict. */
  apply(runtime: Runtime, launch: Launch): Promise<void>
  /** 4.4 MUST put back the previous launch (`previousRecipe`), originals when that is `AsFound`; there is no way back from it.
   *  Idempotent by hash. Throws Rejected SwitchFailed for a launch that nobody remembers. */
  revert(runtime: Runtime, hash: string): Promise<void>
  /** 4.5 MUST set 0 or 1 replicas. 4.3, 4.4 and 4.5 throw Waiting DeploymentNotFound when an adopted one is gone. */
  scale(runtime: Runtime, replicas: 0 | 1): Promise<void>
  /** 4.6 MUST take the pod out of (or back into) its Service without restarting it. NotSupported where the Service cannot tell. */
  setInService(runtime: Runtime, pod: string, isInService: boolean): Promise<void>
  /** 4.7 MUST give back originals (asked by annotation); what is gone needs nothing back. */
  restore(runtime: Runtime): Promise<void>
  /** 4.8 MUST delete what we made for it; adopted: let go without touching the template. Idempotent. */
  release(runtime: Runtime): Promise<void>
  /** 4.9 MUST return the newest lines (at most `lines`) of the engine's container, also of one that ended last; empty when there is none. */
  logs(runtime: Runtime, pod: string, lines: number): Promise<readonly string[]>
  /** 4.10 MUST wake the Runtime's key when its Deployment, pods, ConfigMap or claim change. */
  watch(wake: Wake): void
}

export interface Note {
  readonly type: 'Normal' | 'Warning'
  readonly reason: Reason
  readonly message: string
}

/** 5. The diary people read (events). Never throws, never blocks. */
export interface Journal {
  write(about: Model | Runtime, note: Note): void
}

/** Time is handed in, so that a test can turn it by hand. */
export interface Clock {
  now(): Date
  /** Calls once after `ms`; returns what cancels it. */
  after(ms: number, call: () => void): () => void
}
