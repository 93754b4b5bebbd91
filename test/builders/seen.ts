// One observation of each kind with everything in order; a test names only what is different.
import { createHash } from 'node:crypto'
import { parseSpec } from '../../src/domain/crd-parse.ts'
import type { Launch, Recipe } from '../../src/domain/engine.ts'
import type { Copy, ModelStatus } from '../../src/domain/model.ts'
import type { Metadata, Model, Runtime } from '../../src/domain/object.ts'
import type {
  Candidate,
  ModelObservation,
  RuntimeObservation,
  WantingRuntime,
} from '../../src/domain/observation.ts'
import type { PodSight, ServingView, VolumeView, WorkView } from '../../src/domain/platform.ts'
import type { RuntimeStatus } from '../../src/domain/runtime.ts'

export const now = new Date('2026-01-01T12:00:00Z')
export const at = (seconds: number): string => new Date(now.getTime() + seconds * 1000).toISOString()
export const revision = 'a'.repeat(40)
export const sourceHash = 'hash-of-source'
export const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32)

const metadata = (name: string, more: Partial<Metadata>): Metadata => ({
  namespace: 'ai',
  name,
  uid: `uid-${name}`,
  generation: 1,
  resourceVersion: '1',
  creationTimestamp: at(-3600),
  finalizers: ['switchyard.dev/cleanup'],
  annotations: {},
  labels: {},
  ...more,
})

const specOf = <K extends 'Model' | 'Runtime'>(kind: K, input: object) => {
  const parsed = parseSpec(kind, input)
  if ('invalid' in parsed) throw new Error(parsed.invalid)
  return parsed.spec
}

interface Parts<Status> {
  readonly spec?: object
  readonly status?: Status
  readonly metadata?: Partial<Metadata>
}

export const aModel = (parts: Parts<ModelStatus> = {}): Model => ({
  kind: 'Model',
  metadata: metadata('qwen', parts.metadata ?? {}),
  spec: specOf('Model', { source: { huggingFace: { repo: 'Qwen/Qwen' } }, ...parts.spec }),
  status: parts.status ?? {},
})

export const aRuntime = (parts: Parts<RuntimeStatus> = {}): Runtime => ({
  kind: 'Runtime',
  metadata: metadata('gpu', parts.metadata ?? {}),
  spec: specOf('Runtime', {
    engine: 'VLLM',
    activeModel: 'qwen',
    kubernetes: { deploymentName: 'vllm' },
    ...parts.spec,
  }),
  status: parts.status ?? {},
})

export const volume: VolumeView = {
  key: 'ai/models/',
  claim: 'models',
  subPath: '',
  claimUID: 'uid-claim',
  runtimes: ['gpu'],
  mountPath: '/models',
  layout: { root: '/models', kind: 'HubCache', path: '/models/hub' },
  quotaBytes: 100e9,
  access: undefined,
}

export const resolved: NonNullable<ModelStatus['resolved']> = {
  sourceHash,
  revision,
  files: 3,
  bytes: 10e9,
  format: 'Safetensors',
  listDigest: 'd'.repeat(64),
}

export const aCopy = (more: Partial<Copy> = {}): Copy => ({
  claim: 'models',
  subPath: '',
  runtimes: ['gpu'],
  origin: 'Fetched',
  isNamed: false,
  phase: 'Ready',
  claimUID: 'uid-claim',
  revision,
  receipt: 'r'.repeat(64),
  path: `/models/hub/models--Qwen--Qwen/snapshots/${revision}`,
  bytesStored: 10e9,
  ...more,
})

export const wanting: WantingRuntime = { name: 'gpu', why: 'Active', engine: 'VLLM', volume }

export const aWork = (more: Partial<WorkView> = {}): WorkView => ({
  id: 'work',
  owner: { namespace: 'ai', name: 'qwen', uid: 'uid-qwen' },
  command: 'resolve',
  subject: `${sourceHash}#0`,
  attempt: 1,
  phase: 'Running',
  startedAt: at(-60),
  ...more,
})

export const seenModel = (more: Partial<ModelObservation> = {}): ModelObservation => ({
  model: aModel(),
  now,
  sourceHash,
  works: [],
  runtimes: [wanting],
  volumes: [volume],
  aliases: ['active'],
  usedBy: [],
  ledgers: new Map([[volume.key, { quotaBytes: 100e9, usedBytes: 0, reservedBytes: 0, holders: [] }]]),
  accounts: { inherited: [], untaken: [] },
  busy: new Map(),
  downloads: { running: 0, limit: 2, ahead: 0 },
  resolves: { running: 0, limit: 8, ahead: 0 },
  isTerminating: false,
  maxAttempts: 5,
  taskDefaults: {},
  digest,
  ...more,
})

export const aCandidate = (model = 'qwen', hash = 'recipe-a'): Candidate => {
  const folder = `/models/hub/models--Qwen--${model}/snapshots/${revision}`
  const recipe: Recipe = {
    engine: 'VLLM',
    model: folder,
    identity: folder,
    servedNames: [model, 'active'],
    args: [],
    task: 'Chat',
    hash,
  }
  const launch: Launch = { hash, args: ['serve', folder] }
  return { model, revision, recipe, launch }
}

export const aPod = (more: Partial<PodSight> = {}): PodSight => ({
  uid: 'uid-pod',
  name: 'vllm-1',
  recipe: 'recipe-a',
  address: 'http://10.0.0.1:8000',
  isReady: true,
  isRunning: true,
  isLeaving: false,
  isInService: true,
  restarts: 0,
  createdAt: at(-600),
  ...more,
})

export const aServing = (more: Partial<ServingView> = {}): ServingView => ({
  origin: 'Adopted',
  exists: true,
  problems: [],
  container: { command: [], args: ['serve', '/models/old'], env: {}, port: 8000 },
  replicas: 1,
  isExclusive: true,
  isPrepared: true,
  isSettled: true,
  recipe: 'recipe-a',
  pods: [aPod()],
  ...more,
})

/** What the engine in the newest pod says: it serves the candidate, and that was proved a moment ago. */
export const answering = (
  candidate = aCandidate(),
  pod = 'vllm-1',
): NonNullable<RuntimeObservation['engine']> => ({
  pod,
  answer: {
    state: 'Answers',
    listed: [{ name: candidate.model, identity: candidate.recipe.identity, isLoaded: true }],
    isAsleep: false,
    running: 0,
  },
  proof: {
    isProved: true,
    reason: 'Active',
    message: 'answered',
    milliseconds: 5,
    recipe: candidate.recipe.hash,
    at: at(-1),
  },
})

/** A Runtime that serves what it should. */
export const seenRuntime = (more: Partial<RuntimeObservation> = {}): RuntimeObservation => ({
  runtime: aRuntime({ status: { active: active() } }),
  now,
  strategy: 'Recreate',
  serving: aServing(),
  volume,
  wantedModel: aModel({ status: { resolved, copies: [aCopy()], phase: 'Ready' } }),
  wanted: aCandidate(),
  committed: aCandidate(),
  engine: answering(),
  signs: [],
  lastLines: [],
  digest,
  ...more,
})

export const active = (candidate = aCandidate()): NonNullable<RuntimeStatus['active']> => ({
  model: candidate.model,
  revision: candidate.revision,
  recipe: candidate.recipe.hash,
  since: at(-600),
})
