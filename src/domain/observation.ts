// Everything a rule may see: one read-only value per kind, gathered before anybody judges.
import type { EngineAnswer, Launch, LoadSign, ProofResult, Recipe } from './engine.ts'
import type { Ledger } from './ledger.ts'
import type { Accounts } from './model-accounts.ts'
import type { Model, Runtime } from './object.ts'
import type { EngineName } from './parts.ts'
import type { Platform, Problem, ServingView, VolumeView, WorkView } from './platform.ts'

/** A Runtime that has to do with a Model. */
export interface WantingRuntime {
  readonly name: string
  /** Named: in spec.runtimes. Active: its spec.activeModel. Used: it serves it still, or a switch goes or went from it. */
  readonly why: 'Named' | 'Active' | 'Used'
  /** absent when it does not exist */
  readonly engine?: EngineName
  readonly volume: VolumeView | Problem
}

export interface ModelObservation {
  /** absent: a cluster; chooses words, never rules */
  readonly platform?: Platform['name']
  readonly model: Model
  readonly now: Date
  /** sha256 of spec.source, canonical */
  readonly sourceHash: string
  readonly works: readonly WorkView[]
  readonly runtimes: readonly WantingRuntime[]
  /** every volume of the namespace that can be reached now: bytes may have to leave one that no Runtime wants it on */
  readonly volumes: readonly VolumeView[]
  /** alias names of all Runtimes of the namespace; such a name never holds bytes */
  readonly aliases: readonly string[]
  /** Runtimes that want, serve or switch it */
  readonly usedBy: readonly string[]
  /** per volume key: what it may hold and who else works there */
  readonly ledgers: ReadonlyMap<string, Ledger>
  readonly accounts: Accounts
  /** per volume key: who keeps it busy, in words; absent = free */
  readonly busy: ReadonlyMap<string, string>
  readonly downloads: { readonly running: number; readonly limit: number; readonly ahead: number }
  /** of all namespaces together; `ahead` stand in line before this one */
  readonly resolves: { readonly running: number; readonly limit: number; readonly ahead: number }
  readonly isTerminating: boolean
  readonly maxAttempts: number
  /** endpoints and other things every task is given */
  readonly taskDefaults: {
    readonly hubEndpoint?: string
    readonly registryEndpoint?: string
    readonly bytesPerSecond?: number
  }
  /** pure: 32 hexadecimal digits that name a text */
  readonly digest: (text: string) => string
}

/** A model as this Runtime could serve it. */
export interface Candidate {
  readonly model: string
  readonly revision: string
  readonly recipe: Recipe
  /** what must be written so that the engine starts with it */
  readonly launch: Launch
}

/** The newest in-place load. `attempt` counts those that came soon after each other; `problem` is how it ended badly. */
export interface LoadSight {
  readonly recipe: string
  readonly isRunning: boolean
  readonly attempt: number
  readonly endedAt?: string
  readonly problem?: Problem
}

export interface EngineSight {
  readonly pod: string
  readonly answer: EngineAnswer
  /** the newest proof of the recipe that should run there; absent when never tried on this pod */
  readonly proof?: ProofResult & { readonly recipe: string; readonly at: string; readonly tokens?: number }
  /** an in-place load that we asked for */
  readonly load?: LoadSight
  /** an in-place unload that we asked for was carried out then; clients may have loaded it again */
  readonly unloadedAt?: string
  /** behind a key: this process of the engine took the key that a worker showed it */
  readonly isKeyTaken?: boolean
  /** behind a key: why the newest worker could not ask */
  readonly askTrouble?: Problem
}

export interface RuntimeObservation {
  /** absent: a cluster; chooses words, never rules */
  readonly platform?: Platform['name']
  readonly runtime: Runtime
  readonly now: Date
  readonly strategy: 'Recreate' | 'InPlace'
  readonly serving: ServingView
  readonly volume: VolumeView | Problem
  readonly ledger?: Ledger
  /** the Model named in spec.activeModel */
  readonly wantedModel?: Model
  /** the wanted Model as it can be served now; a Problem when it cannot (yet); absent when none is wanted */
  readonly wanted?: Candidate | Problem
  /** the last committed serving, when its Model is still there */
  readonly committed?: Candidate
  /** what the running switch goes from, when its Model is still there */
  readonly from?: Candidate
  /** the newest pod's engine; absent when there is no address to ask */
  readonly engine?: EngineSight
  /** signs in the newest pod's log, oldest first; only while loading */
  readonly signs: readonly LoadSign[]
  /** newest log lines; only while loading or gone */
  readonly lastLines: readonly string[]
  /** when the log was first read after the pod came into its present state; absent when it is not read */
  readonly logSince?: string
  /** bytes of the wanted model, for the expected load time */
  readonly weightBytes?: number
  readonly digest: (text: string) => string
}

export const isProblem = (value: object): value is Problem => 'reason' in value && 'message' in value
