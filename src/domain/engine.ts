// The second port: how an engine is launched, asked, loaded, unloaded and proved. One file per engine in `engines/`.
// Its promises are numbered on from those of the platform.
import type { Task } from './capabilities.ts'
import type { Reason } from './conditions.ts'
import type { EngineName } from './parts.ts'

/** An engine's launch instructions for one model: pure data; two recipes with the same hash are the same. */
export interface Recipe {
  readonly engine: EngineName
  /** vLLM: absolute snapshot folder that ends with the commit. Ollama: the canonical model name the engine lists. */
  readonly model: string
  /** What proof compares: the snapshot folder (vLLM: the list's root) or the manifest digest `sha256:…` (Ollama). */
  readonly identity: string
  /** names clients may use; the model's own first, then the alias */
  readonly servedNames: readonly string[]
  /** the Runtime's arguments, then the Model's */
  readonly args: readonly string[]
  readonly task: Task
  /** first 16 hexadecimal digits of the SHA-256 of all fields above but task; stands on the pod template */
  readonly hash: string
}

export interface RecipeWish {
  /** name of the Model object, offered as served name */
  readonly modelName: string
  readonly alias: string
  /** vLLM: the copy's folder in the container */
  readonly path?: string
  /** Ollama: the name as the source has it */
  readonly ollamaName?: string
  /** commit or manifest digest */
  readonly revision: string
  readonly runtimeArgs: readonly string[]
  readonly modelArgs: readonly string[]
  readonly task: Task
}

/** The engine's container as it was found, or as a pod template writes it. */
export interface ContainerSight {
  readonly command: readonly string[]
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** text of the config file, when the Runtime names a ConfigMap that exists */
  readonly config?: string
  /** path of the config file in the container, when the ConfigMap is mounted there */
  readonly configPath?: string
  readonly port: number
}

/** What a platform has to write so that the engine starts with a recipe. Absent member = leave as it is. */
export interface Launch {
  readonly hash: string
  readonly command?: readonly string[]
  readonly args?: readonly string[]
  readonly config?: string
}

/** One sign in the log of a loading engine. A repeated mark is not progress. */
export interface LoadSign {
  readonly mark: string
  readonly percent?: number
  readonly failure?: LoadFailure
}

interface LoadFailure {
  readonly reason: Reason
  readonly message: string
  /** says only that something else has failed: any other failure of the log tells more, wherever it stands */
  readonly isPointer?: true
}

export interface Listed {
  readonly name: string
  /** vLLM: root of the model list; Ollama: the manifest digest `sha256:…` of a model that is loaded */
  readonly identity: string
  readonly isLoaded: boolean
  /** tokens that the engine takes at most for it; absent where it does not tell */
  readonly contextLength?: number
  /** Ollama: when it unloads it by itself, in milliseconds since 1970; every request of a client puts that off */
  readonly expiresAt?: number
}

/** What an engine said when it was asked; an engine that does not answer is data, never an error. */
export interface EngineAnswer {
  readonly state: 'Answers' | 'Refused' | 'Silent' | 'Unhealthy' | 'NotThisEngine' | 'KeyNeeded'
  readonly listed: readonly Listed[]
  /** it answers what needs no key; the list was not asked for and says nothing */
  readonly isBehindKey?: boolean
  readonly isAsleep: boolean
  /** requests that run now; absent where the engine does not tell */
  readonly running?: number
  /** sum of prompt and generation token counters since start; absent where the engine does not tell */
  readonly tokens?: number
  readonly version?: string
  readonly message?: string
}

export interface ProofResult {
  readonly isProved: boolean
  readonly reason: Reason
  readonly message: string
  readonly milliseconds: number
}

export interface ProofOptions {
  readonly mode: 'Task' | 'ListOnly'
  readonly timeoutMs: number
  /** what `ask` was told a moment ago: judged in the place of a list that would be asked for once more; absent = asked for */
  readonly listed?: readonly Listed[]
}

export interface Engine {
  readonly name: EngineName
  /** Recreate: a new process per model. InPlace: the running process unloads and loads. */
  readonly strategy: 'Recreate' | 'InPlace'
  readonly defaultPort: number
  readonly layout: 'HubCache' | 'OllamaStore'

  /** 6.1 Pure. Throws Rejected `ArgumentNotAllowed` for an owned or unsafe argument, naming it. */
  recipe(wish: RecipeWish): Recipe

  /** 6.2 Pure. What to write so that the container starts with the recipe: config text when `found.config` is defined, else
   *  command and args with only our flags replaced or added, the others and their order kept. InPlace engines return only
   *  the hash. Throws Rejected `ShellCommand`, `UnknownEntrypoint`, `OwnedFlagInArgs`. */
  launch(recipe: Recipe, found: ContainerSight): Launch

  /** 6.3 Pure. The sign in one log line; undefined for a line that says nothing about loading. */
  loadSign(line: string): LoadSign | undefined

  /** 6.4 Pure. Environment of the container that places the model store, absolute; undefined when it is the engine's default. */
  storePath(found: ContainerSight): string | undefined

  /** 6.5 Never throws; ends within `timeoutMs`. Cheap: list, health, counters; no request of a model. With `isBehindKey` only
   *  what needs no key: health and counters. */
  ask(address: string, timeoutMs: number, isBehindKey?: boolean): Promise<EngineAnswer>

  /** 6.6 Never throws. List identity as the recipe wants it and, with mode Task, one minimal request answered with usage. */
  prove(address: string, recipe: Recipe, options: ProofOptions): Promise<ProofResult>

  /** 6.7 InPlace only: loads with keep-alive −1 and returns when the engine says so. Throws Transient; NotSupported for Recreate. */
  load(address: string, recipe: Recipe, timeoutMs: number): Promise<void>

  /** 6.8 InPlace only: unloads whatever is loaded except `keep` and returns when the list was empty of it, or is not because clients ask for it all the time. Throws Transient; NotSupported for Recreate. */
  unload(address: string, keep: Recipe | undefined, timeoutMs: number): Promise<void>

  /** 6.9 After a commit: moves the alias where that is a call of its own (Ollama); nothing for vLLM. Throws Transient. */
  commit(address: string, recipe: Recipe): Promise<void>
}
