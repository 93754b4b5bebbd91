// The Model kind: these bytes, from this source, verified, on the volumes of these runtimes.
import * as z from 'zod'
import { Resolved } from './artifact.ts'
import { Capabilities } from './capabilities.ts'
import {
  digestPattern,
  endpointPattern,
  globPattern,
  localPathPattern,
  objectNamePattern,
  ollamaNamePattern,
  repoPattern,
  revisionPattern,
} from './names.ts'
import { Operation } from './operation.ts'
import { argument, ConditionSchema, dataKey, dnsName, engineName, Handled } from './parts.ts'
import {
  atomicList,
  bytes,
  count,
  dateTime,
  listByKey,
  text,
  withKeywords,
  withRules,
  word,
} from './schema.ts'

const noDots = (field: string) => ({
  rule: `!self.contains('..') && !self.contains('//')`,
  message: `${field} must not contain '..' or '//'`,
  holds: (self: string) => !self.includes('..') && !self.includes('//'),
})

const noClimb = (field: string) => ({
  rule: `!self.contains('..')`,
  message: `${field} must not contain '..'`,
  holds: (self: string) => !self.includes('..'),
})

const SecretKeyRef = z.object({
  name: dnsName().meta({ description: 'Secret of this namespace.' }),
  key: dataKey().default('token').meta({ description: 'Key inside the Secret.' }),
})

const immutable = (field: string) => ({
  rule: 'self == oldSelf',
  message: `${field} is immutable; create another Model for another source`,
  keeps: (self: string, oldSelf: string) => self === oldSelf,
})

const Mirror = z.object({
  endpoint: withRules(word(512, endpointPattern), [noClimb('endpoint')]).meta({
    description:
      'Address as of the Hub, a path prefix is allowed. Commit and digests are never taken from it.',
  }),
  tokenSecretRef: SecretKeyRef.optional().meta({
    description: 'Secret with the token of this mirror; it goes to the origin of its endpoint alone.',
  }),
})

const HuggingFace = z.object({
  repo: withRules(word(193, repoPattern), [noDots('repo'), immutable('repo')]).meta({
    description: 'owner/name on the Hub.',
  }),
  revision: withRules(word(255, revisionPattern).default('main'), [noDots('revision')]).meta({
    description: 'Branch, tag or commit; resolved once to a commit and pinned.',
  }),
  include: atomicList(withRules(word(255, globPattern), [noDots('include')]), 64)
    .optional()
    .meta({
      description:
        'Patterns of files to fetch; left out: the weights of one safe format and what an engine reads.',
    }),
  exclude: atomicList(withRules(word(255, globPattern), [noDots('exclude')]), 64)
    .optional()
    .meta({
      description: 'Patterns of files never to fetch.',
    }),
  tokenSecretRef: SecretKeyRef.optional().meta({ description: 'Secret with the access token.' }),
  mirrors: atomicList(Mirror, 8)
    .optional()
    .meta({ description: 'Places that bytes are asked of before the Hub, in order.' }),
})

const Ollama = z.object({
  name: withRules(word(512, ollamaNamePattern), [noDots('name'), immutable('name')]).meta({
    description: '[registry/][namespace/]model[:tag]',
  }),
  digest: word(71, digestPattern)
    .optional()
    .meta({ description: 'Pins the manifest: sha256 and 64 hexadecimal digits.' }),
})

const Local = z.object({
  path: withRules(word(255, localPathPattern), [noDots('path'), immutable('path')]).meta({
    description: 'Folder that is on the volumes of the Runtimes already, from the root of the volume.',
  }),
})

const sameKind = (field: 'huggingFace' | 'local') => ({
  rule: `has(oldSelf.${field}) == has(self.${field})`,
  message: 'the kind of source is immutable; create another Model for another source',
  keeps: (self: Partial<Record<typeof field, unknown>>, oldSelf: Partial<Record<typeof field, unknown>>) =>
    (self[field] === undefined) === (oldSelf[field] === undefined),
})

export const ModelSource = withRules(
  z.object({
    huggingFace: HuggingFace.optional().describe('A repository of the Hugging Face Hub.'),
    ollama: Ollama.optional().describe('A model of an Ollama registry.'),
    local: Local.optional().describe('A folder of the volume; hashed, and never changed or deleted.'),
  }),
  [
    {
      rule: '[has(self.huggingFace), has(self.ollama), has(self.local)].filter(x, x).size() == 1',
      message: 'exactly one of huggingFace, ollama and local must be set',
      holds: ({ huggingFace, ollama, local }) =>
        [huggingFace, ollama, local].filter(one => one !== undefined).length === 1,
    },
    sameKind('huggingFace'),
    sameKind('local'),
  ],
)
export type ModelSource = Readonly<z.infer<typeof ModelSource>>

const RuntimeRef = z.object({
  name: word(63, objectNamePattern).describe('Runtime of this namespace.'),
})

const EngineArgs = z.object({
  engine: withKeywords(engineName(), { description: 'Engine that these arguments are for.' }),
  args: atomicList(argument(), 64).describe('Words of its command line, one each.'),
})

export const ModelSpec = z.object({
  source: ModelSource.meta({ description: 'Where the bytes come from; exactly one member.' }),
  runtimes: listByKey(RuntimeRef, 'name', 16).optional().meta({
    description: 'Runtimes whose volumes must hold the model; one that activates it is added by itself.',
  }),
  engineArgs: listByKey(EngineArgs, 'engine', 4).optional().meta({
    description: 'Arguments of this model, after the Runtime’s.',
  }),
  capabilities: Capabilities.optional().meta({ description: 'Overrides what is detected.' }),
  deletionPolicy: z.enum(['Delete', 'Retain']).default('Delete').meta({
    description:
      'Whether the bytes go with the Model. Bytes that were not fetched by Switchyard are never deleted.',
  }),
  paused: z.boolean().default(false).meta({ description: 'Stops work and keeps what was fetched.' }),
})
export type ModelSpec = Readonly<z.infer<typeof ModelSpec>>

export const copyPhases = [
  'Pending',
  'Queued',
  'Downloading',
  'Verifying',
  'Ready',
  'Failed',
  'Blocked',
  'Waiting',
  'Removing',
] as const

/** What went wrong last, while it matters. */
export const FailureNote = z.object({
  reason: text(64).describe('Word from docs/reasons.md.'),
  message: text(256).describe('What happened and what to do.'),
  attempts: count().describe('Tries so far.'),
  at: dateTime().describe('When the last try ended.'),
  retryAt: dateTime().optional().describe('When it is tried again; absent: a person must act first.'),
  needBytes: bytes().optional().describe('Bytes that are needed, when room is missing.'),
  haveBytes: bytes().optional().describe('Bytes that are free, when room is missing.'),
})
export type FailureNote = Readonly<z.infer<typeof FailureNote>>

export const Copy = z.object({
  claim: text(253).describe('PersistentVolumeClaim that holds the copy.'),
  subPath: text(512).default('').describe('Folder of the claim that is mounted; empty: its root.'),
  claimUID: text(64).optional().describe('Uid of the claim; another one is another volume.'),
  runtimes: atomicList(text(63), 32).describe('Runtimes that use this copy.'),
  origin: z
    .enum(['Fetched', 'Adopted'])
    .default('Fetched')
    .describe('Fetched by Switchyard, or found there; what was found is never deleted.'),
  isNamed: z
    .boolean()
    .default(false)
    .describe('Asked for by spec.runtimes once: it goes when it leaves that list.'),
  phase: z.enum(copyPhases).describe('Where this copy stands.'),
  revision: text(128).optional().meta({ description: 'Revision the receipt stands for.' }),
  bytesDone: bytes().optional().describe('Bytes that are there.'),
  bytesStored: bytes().optional().meta({ description: 'Bytes this copy added to the volume.' }),
  receipt: text(64).optional().meta({ description: 'SHA-256 of the receipt on the volume.' }),
  path: text(1024).optional().meta({ description: 'Folder given to the engine.' }),
  failure: FailureNote.optional().describe('Why it failed last; only while it matters.'),
  reason: text(64).optional().describe('Word from docs/reasons.md.'),
  message: text(256).optional().describe('The same for people.'),
})
export type Copy = Readonly<z.infer<typeof Copy>>

export const PassedOn = z.object({
  work: text(64).describe('Work that removed the copy.'),
  uid: text(64).describe('Uid of the Model that keeps the bytes.'),
  claim: text(253).describe('PersistentVolumeClaim that they are on.'),
  subPath: text(512).default('').describe('Folder of the claim that is mounted; empty: its root.'),
  bytes: bytes().describe('Bytes that are counted there from now on.'),
  receipt: text(64).optional().describe('SHA-256 of the receipt that says so, where it is the newest.'),
  at: dateTime().describe('When the copy went.'),
})
export type PassedOn = Readonly<z.infer<typeof PassedOn>>

const ProgressNote = z.object({
  percent: count(100).describe('Whole percent; 100 only when every byte is verified and published.'),
  bytesDone: bytes().describe('Bytes that are there.'),
  bytesTotal: bytes().describe('Bytes in all.'),
  bytesPerSecond: bytes().optional().describe('Speed of late.'),
  etaSeconds: count().optional().describe('Seconds to go, when known.'),
})

/** Figures as people read them: what `kubectl get models` prints. */
export const ModelDisplay = z.object({
  progress: text(16).optional().describe('Percent, for example 45%.'),
  size: text(16).optional().describe('Bytes of the model, for example 15.2 GB.'),
  source: text(600).optional().describe('Where it comes from, for example hf:Qwen/Qwen2.5-7B-Instruct.'),
  speed: text(16).optional().describe('Speed of the download, for example 112 MB/s.'),
  eta: text(16).optional().describe('Time to go, for example 2m10s.'),
})
export type ModelDisplay = Readonly<z.infer<typeof ModelDisplay>>

export const ModelStatus = z.object({
  observedGeneration: count().optional().describe('Generation of the spec this status is about.'),
  phase: text(32).optional().meta({ description: 'A caption for people; programs read conditions.' }),
  resolved: Resolved.optional().describe('Which exact bytes the source means.'),
  capabilities: Capabilities.optional().describe('What the model can do; an absent field is unknown.'),
  quietUntil: dateTime()
    .optional()
    .describe('The source said that its limit is used up until then; nothing is asked of it before.'),
  failure: FailureNote.optional().meta({
    description: 'Why resolving failed last; only while there is one.',
  }),
  progress: ProgressNote.optional().describe('Sum over the copies that are being fetched.'),
  display: ModelDisplay.optional().describe('The same figures, written for people.'),
  copies: listByKey(Copy, ['claim', 'subPath'], 32).optional().describe('One entry per volume.'),
  passedOn: atomicList(PassedOn, 32)
    .optional()
    .describe('Bytes of a copy that went and that other Models keep, until these have counted them.'),
  inUseBy: atomicList(text(63), 32).optional().describe('Runtimes that want or serve this model.'),
  settledWorks: atomicList(text(64), 32)
    .optional()
    .meta({ description: 'Works whose result stands in this status.' }),
  round: count()
    .optional()
    .describe('Grows with each request to start afresh, so that no old work is taken for a new one.'),
  operations: atomicList(Operation, 10).optional().describe('History, newest first.'),
  lastHandled: Handled.optional().describe('Requests by annotation that were carried out.'),
  conditions: listByKey(ConditionSchema, 'type', 16).optional().describe('What is true, for programs.'),
})
export type ModelStatus = Readonly<z.infer<typeof ModelStatus>>
