// The world that outlives every controller: objects, workers, deployments, pods, claims, and what the hub would say.

import type { Format } from '../../domain/artifact.ts'
import type { Capabilities } from '../../domain/capabilities.ts'
import type { Model, Runtime } from '../../domain/object.ts'
import type { Note, Problem, WorkOrder, WorkView } from '../../domain/platform.ts'
import type { WorkFailure } from '../../domain/worker-task.ts'
import { HandClock } from './hand-clock.ts'
import { Table } from './table.ts'

export interface WorkRecord {
  /** another work under the same name is another work */
  readonly uid: string
  readonly order: WorkOrder
  readonly view: WorkView
  readonly isLeaving: boolean
}

/** What a container starts with; `recipe` absent = as found. */
export interface Template {
  readonly recipe?: string
  readonly command: readonly string[]
  readonly args: readonly string[]
}

export interface Deployment {
  readonly name: string
  readonly namespace: string
  readonly engine: 'VLLM' | 'Ollama'
  readonly claim: string
  readonly template: Template
  readonly strategy: 'Recreate' | 'RollingUpdate'
  readonly replicas: number
  readonly generation: number
  readonly observedGeneration: number
  /** uid of the Runtime that made it */
  readonly madeFor?: string
  /** as it was before the first switch */
  readonly originals?: Pick<Deployment, 'template' | 'strategy' | 'replicas'>
  /** uid of the Runtime that keeps the originals */
  readonly preparedFor?: string
  readonly previous?: { readonly hash: string; readonly template: Template }
  /** what a switch wrote last: another template is somebody else's */
  readonly written?: Template
}

export interface Pod {
  readonly name: string
  readonly uid: string
  /** `<namespace>/<name>` of its Deployment */
  readonly deployment: string
  readonly engine: 'VLLM' | 'Ollama'
  readonly template: Template
  readonly isRunning: boolean
  readonly isReady: boolean
  readonly isLeaving: boolean
  readonly isInService: boolean
  readonly restarts: number
  readonly createdAt: string
  readonly readyAt?: string
  readonly problem?: Problem
  readonly log: readonly string[]
  /** Ollama: canonical names that are loaded */
  readonly loaded: readonly string[]
  /** Ollama: the manifest that a loaded name was when it was loaded */
  readonly loadedAs?: Readonly<Record<string, string>>
}

export interface StoredCopy {
  readonly owner: string
  readonly revision: string
  readonly bytes: number
  /** Ollama's name, or the snapshot folder */
  readonly model: string
}

export interface Claim {
  readonly namespace: string
  readonly name: string
  readonly uid: string
  readonly sizeBytes: number
  readonly copies: readonly StoredCopy[]
}

export interface Source {
  readonly revision: string
  readonly bytes: number
  readonly format: Format
  readonly needsSecret?: string
  readonly capabilities?: Capabilities
}

/** How the world behaves; a test changes it while it runs. */
export interface Script {
  /** repository or Ollama name → what the hub says */
  readonly sources: Map<string, Source>
  readonly secrets: Set<string>
  /** `<namespace>/<name>` of a Deployment → Secret that holds the key without which its engine tells and does nothing */
  readonly engineKeys: Map<string, string>
  /** `<namespace>/<name>` of a Deployment → requests that its engine answers all the time */
  readonly requests: Map<string, number>
  /** repository or Ollama name, or a word in the launch → loading ends with this line */
  readonly loadFails: Map<string, string>
  /** failures that the next works of this command end with, in order */
  readonly workFails: { readonly command: string; readonly failure: WorkFailure }[]
  /** names of namespaces that are being deleted */
  readonly terminating: Set<string>
  /** why worker pods do not start now */
  workProblem?: Problem | undefined
  /** each status that is written is held against its schema */
  checksStatus: boolean
  downloadSeconds: number
  /** how often a download tells its progress, the end included */
  downloadSteps: number
  loadSeconds: number
  graceSeconds: number
}

export interface Diary {
  readonly at: string
  readonly about: string
  readonly note: Note
}

/** A work that ran to its end; the same identity twice is work done twice. */
export interface Done {
  readonly command: string
  readonly owner: string
  readonly volume: string
  readonly isGood: boolean
  /** bytes that came over the network */
  readonly fetched: number
}

/** What the world does later, by itself, as data: a clock fires it when its time has come, an explorer whenever it likes. */
export interface Deed {
  readonly does: DeedName
  /** of the work, Deployment or pod it is about */
  readonly name: string
  /** of the work: a deed never touches another one of that name */
  readonly uid?: string
  readonly step?: number
}

export const deedNames = [
  'startWorker',
  'runWorker',
  'dropWork',
  'settleDeployment',
  'startPod',
  'loadHalf',
  'finishStart',
  'dropPod',
] as const
export type DeedName = (typeof deedNames)[number]
export type Doers = Readonly<Record<DeedName, (world: World, deed: Deed) => void>>

export class World {
  #version = 0
  #serial = 0
  readonly clock: HandClock
  readonly models: Table<Model>
  readonly runtimes: Table<Runtime>
  readonly works: Table<WorkRecord>
  readonly deployments: Table<Deployment>
  readonly pods: Table<Pod>
  readonly claims: Table<Claim>
  readonly diary: Diary[] = []
  readonly done: Done[] = []
  /** Ollama: Deployment → alias → the manifest that it is */
  readonly aliases = new Map<string, ReadonlyMap<string, string>>()
  /** every work that was started, in order */
  readonly begun: WorkOrder[] = []
  /** `<pod> <identity>` of every proof that went well */
  readonly proved = new Set<string>()
  readonly #doers: Doers | undefined
  /** promises that were broken: must stay empty */
  readonly violations: string[] = []
  readonly script: Script = {
    sources: new Map(),
    secrets: new Set(),
    engineKeys: new Map(),
    requests: new Map(),
    loadFails: new Map(),
    workFails: [],
    terminating: new Set(),
    checksStatus: true,
    downloadSeconds: 10,
    downloadSteps: 5,
    loadSeconds: 20,
    graceSeconds: 2,
  }

  /** Without doers nothing happens by itself. */
  constructor(doers?: Doers, clock = new HandClock()) {
    this.#doers = doers
    this.clock = clock
    const next = (): number => ++this.#version
    this.models = new Table(next)
    this.runtimes = new Table(next)
    this.works = new Table(next)
    this.deployments = new Table(next)
    this.pods = new Table(next)
    this.claims = new Table(next)
  }

  /** A name that was never given before. */
  serial(): number {
    return ++this.#serial
  }

  later(ms: number, deed: Deed): void {
    this.clock.after(ms, () => this.perform(deed))
  }

  perform(deed: Deed): void {
    this.#doers?.[deed.does](this, deed)
  }

  now(): string {
    return this.clock.now().toISOString()
  }

  edit<T>(table: Table<T>, name: string, change: (value: T) => T): void {
    const value = table.get(name)
    if (value !== undefined) table.put(name, () => change(value))
  }
}

export const nameOf = ({ namespace, name }: { readonly namespace: string; readonly name: string }): string =>
  `${namespace}/${name}`

/** The repository or Ollama name that a task or spec is about. */
export const sourceName = (source: {
  readonly huggingFace?: { readonly repo: string } | undefined
  readonly ollama?: { readonly name: string } | undefined
  readonly local?: { readonly path: string } | undefined
}): string => source.huggingFace?.repo ?? source.ollama?.name ?? source.local?.path ?? ''
