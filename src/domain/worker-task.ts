// The contract between the controller and the worker process: the task it gets, the result it ends with (the exit code: exit-codes.ts).
// The task is passed as one JSON argument (`switchyard worker run --task JSON`); the result is the last stdout line and
// the termination message. Neither ever holds a secret: the token is a file.
import * as z from 'zod'
import { CopyResult, Resolution } from './artifact.ts'
import { tasks } from './capabilities.ts'
import { reasonNames } from './conditions.ts'
import type { Kind } from './object.ts'
import { engineName } from './parts.ts'

/** Where a copy lives, absolute in the worker's container (a host: on the machine). */
export const Layout = z.object({
  /** mount point of the volume: receipts stand in `<root>/.switchyard/` */
  root: z.string(),
  /** HubCache: `<path>` holds models--owner--name; OllamaStore: `<path>` holds blobs/ and manifests/ */
  kind: z.enum(['HubCache', 'OllamaStore']),
  path: z.string(),
})
export type Layout = Readonly<z.infer<typeof Layout>>

const huggingFace = z.object({
  repo: z.string(),
  revision: z.string(),
  include: z.array(z.string()).optional(),
  exclude: z.array(z.string()).optional(),
  mirrors: z
    .array(
      z.object({
        endpoint: z.string(),
        /** file that holds the token of this mirror; absent file = the mirror is left out, and it is said */
        tokenFile: z.string().optional(),
      }),
    )
    .optional(),
  /** name of the Model: the tag of a GGUF in Ollama's store */
  tag: z.string().optional(),
})
const ollama = z.object({ name: z.string(), digest: z.string().optional() })
const local = z.object({ path: z.string() })

/** Exactly one member, as in spec.source. */
export const TaskSource = z.object({
  huggingFace: huggingFace.optional(),
  ollama: ollama.optional(),
  local: local.optional(),
})
export type TaskSource = Readonly<z.infer<typeof TaskSource>>

const whoAndWhere = {
  /** uid of the Model: names its receipt */
  owner: z.string(),
  source: TaskSource,
  sourceHash: z.string(),
  /** what the operator's settings say instead of https://huggingface.co and https://registry.ollama.ai */
  hubEndpoint: z.string().optional(),
  registryEndpoint: z.string().optional(),
  /** file that holds the token; named when the Model names a Secret: absent file = TokenSecretMissing */
  tokenFile: z.string().optional(),
}
/** What of a recipe a proof compares. */
const Wanted = z.object({
  model: z.string(),
  identity: z.string(),
  servedNames: z.array(z.string()),
  task: z.enum(tasks),
  hash: z.string(),
})

const AskTask = z.object({
  command: z.literal('ask'),
  /** uid of the Runtime */
  owner: z.string(),
  engine: engineName(),
  /** `http://ip:port` of the one pod that may be shown the key */
  address: z.string(),
  /** what must serve there; absent: only whether the key is taken */
  wanted: Wanted.optional(),
  mode: z.enum(['Task', 'ListOnly']),
  timeoutSeconds: z.number(),
  /** file that holds the key: absent file = EngineKeyNeeded */
  keyFile: z.string().optional(),
})
export type AskTask = Readonly<z.infer<typeof AskTask>>

const pinned = { ...whoAndWhere, revision: z.string(), layout: Layout }

export const WorkerTask = z.discriminatedUnion('command', [
  /** the layout only for a local folder, which is on a volume */
  z.object({ command: z.literal('resolve'), ...whoAndWhere, layout: Layout.optional() }),
  z.object({
    command: z.literal('download'),
    ...pinned,
    listDigest: z.string(),
    /** bytes this work may add to the volume; more = OverBudget before byte one. Absent = only the real free space limits */
    budgetBytes: z.number().optional(),
    /** share of this work in the namespace's speed limit; absent = no limit */
    bytesPerSecond: z.number().optional(),
  }),
  z.object({ command: z.literal('verify'), ...pinned }),
  z.object({
    command: z.literal('remove'),
    ...pinned,
    /** OllamaStore: names that are only copies of a manifest (a Runtime's alias): they hold no bytes and go with the model */
    aliases: z.array(z.string()).optional(),
  }),
  AskTask,
])
export type WorkerTask = Readonly<z.infer<typeof WorkerTask>>

/** Where a platform put the Secrets of a work, as its process sees them. */
export interface SecretFiles {
  /** of the source, or of the engine's key */
  readonly own?: string
  readonly mirrors?: readonly { readonly mirror: number; readonly file: string }[]
}

/** The paths, never what stands in them. */
export const withSecretFiles = (task: WorkerTask, { own, mirrors = [] }: SecretFiles): WorkerTask => {
  if (task.command === 'ask') return own === undefined ? task : { ...task, keyFile: own }
  const told = own === undefined ? task : { ...task, tokenFile: own }
  const { huggingFace } = told.source
  if (mirrors.length === 0 || !huggingFace?.mirrors) return told
  const fileOf = (at: number) => mirrors.find(({ mirror }) => mirror === at)?.file
  const withFiles = huggingFace.mirrors.map((mirror, at) => {
    const tokenFile = fileOf(at)
    return tokenFile === undefined ? mirror : { ...mirror, tokenFile }
  })
  return { ...told, source: { ...told.source, huggingFace: { ...huggingFace, mirrors: withFiles } } }
}
export type WorkCommand = WorkerTask['command']
/** Work on the bytes of a Model; the other kind asks an engine, for a Runtime. */
export type BytesTask = Exclude<WorkerTask, AskTask>

export const ownerKind = (command: WorkCommand): Kind => (command === 'ask' ? 'Runtime' : 'Model')

/** Never = terminal; Later = backoff; WhenAble = something named must appear or change first. */
export const retries = ['Never', 'Later', 'WhenAble'] as const

export const WorkFailure = z.object({
  reason: z.enum(reasonNames),
  message: z.string(),
  retry: z.enum(retries),
  needBytes: z.number().optional(),
  haveBytes: z.number().optional(),
  retryAfterSeconds: z.number().optional(),
})
export type WorkFailure = Readonly<z.infer<typeof WorkFailure>>

/** The engine took the key; with something wanted, whether it serves that. */
export const AskResult = z.object({
  proof: z
    .object({
      isProved: z.boolean(),
      reason: z.enum(reasonNames),
      message: z.string(),
      milliseconds: z.number(),
    })
    .optional(),
})
export type AskResult = Readonly<z.infer<typeof AskResult>>

/** Bytes that the leaving copy counted and another one keeps: they are on the account of its owner from then on. */
export const Fallen = z.object({
  /** uid of the Model */
  owner: z.string(),
  bytes: z.number(),
  /** its receipt after that, where it is the one of its newest copy */
  receipt: z.string().optional(),
})
export type Fallen = Readonly<z.infer<typeof Fallen>>

export const RemoveResult = z.object({ bytesFreed: z.number(), fallen: z.array(Fallen).optional() })
export type RemoveResult = Readonly<z.infer<typeof RemoveResult>>

/** Exactly one member, and what the source said besides. */
export const WorkerResult = z.object({
  resolution: Resolution.optional(),
  copy: CopyResult.optional(),
  removed: RemoveResult.optional(),
  asked: AskResult.optional(),
  failure: WorkFailure.optional(),
  /** beside a resolution: the source said that its limit is used up for so long */
  quietSeconds: z.number().optional(),
})
export type WorkerResult = Readonly<z.infer<typeof WorkerResult>>

/** Undefined when the text is no result (the process died before it could write one). */
export const parseWorkerResult = (text: string | undefined): WorkerResult | undefined => {
  if (!text) return undefined
  try {
    return WorkerResult.safeParse(JSON.parse(text.trim().split('\n').at(-1) ?? '')).data
  } catch {
    return undefined
  }
}
