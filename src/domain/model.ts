// The Model kind: these bytes, from this source, verified, on the volumes of these runtimes.
import * as z from 'zod'
import { Resolved } from './artifact.ts'
import { Capabilities } from './capabilities.ts'
import {
  digestPattern,
  globPattern,
  objectNamePattern,
  ollamaNamePattern,
  repoPattern,
  revisionPattern,
} from './names.ts'
import { Operation } from './operation.ts'
import { argument, ConditionSchema, engines } from './parts.ts'
import { atomicList, bytes, count, dateTime, listByKey, text, withRules, word } from './schema.ts'

const noDots = (field: string) => ({
  rule: `!self.contains('..') && !self.contains('//')`,
  message: `${field} must not contain '..' or '//'`,
})

const SecretKeyRef = z.object({
  name: word(253, '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$').meta({ description: 'Secret of this namespace.' }),
  key: word(253, '^[A-Za-z0-9._-]+$').default('token').meta({ description: 'Key inside the Secret.' }),
})

const immutable = (field: string) => ({
  rule: 'self == oldSelf',
  message: `${field} is immutable; create another Model for another source`,
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
})

const Ollama = z.object({
  name: withRules(word(512, ollamaNamePattern), [noDots('name'), immutable('name')]).meta({
    description: '[registry/][namespace/]model[:tag]',
  }),
  digest: word(71, digestPattern)
    .optional()
    .meta({ description: 'Pins the manifest: sha256 and 64 hexadecimal digits.' }),
})

export const ModelSource = withRules(
  z.object({ huggingFace: HuggingFace.optional(), ollama: Ollama.optional() }),
  [
    {
      rule: '[has(self.huggingFace), has(self.ollama)].filter(x, x).size() == 1',
      message: 'exactly one of huggingFace and ollama must be set',
    },
    {
      rule: 'has(oldSelf.huggingFace) == has(self.huggingFace)',
      message: 'the kind of source is immutable; create another Model for another source',
    },
  ],
)
export type ModelSource = Readonly<z.infer<typeof ModelSource>>

export const ModelSpec = z.object({
  source: ModelSource.meta({ description: 'Where the bytes come from; exactly one member.' }),
  runtimes: listByKey(z.object({ name: word(63, objectNamePattern) }), 'name', 16)
    .optional()
    .meta({
      description: 'Runtimes whose volumes must hold the model; one that activates it is added by itself.',
    }),
  engineArgs: listByKey(z.object({ engine: z.enum(engines), args: atomicList(argument(), 64) }), 'engine', 4)
    .optional()
    .meta({
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
  reason: text(64),
  message: text(256),
  attempts: count(),
  at: dateTime(),
  retryAt: dateTime().optional(),
  needBytes: bytes().optional(),
  haveBytes: bytes().optional(),
})
export type FailureNote = Readonly<z.infer<typeof FailureNote>>

export const Copy = z.object({
  claim: text(253),
  subPath: text(512).default(''),
  claimUID: text(64).optional(),
  runtimes: atomicList(text(63), 32),
  origin: z.enum(['Fetched', 'Adopted']).default('Fetched'),
  phase: z.enum(copyPhases),
  revision: text(128).optional().meta({ description: 'Revision the receipt stands for.' }),
  bytesDone: bytes().optional(),
  bytesStored: bytes().optional().meta({ description: 'Bytes this copy added to the volume.' }),
  receipt: text(64).optional().meta({ description: 'SHA-256 of the receipt on the volume.' }),
  path: text(1024).optional().meta({ description: 'Folder given to the engine.' }),
  failure: FailureNote.optional(),
  reason: text(64).optional(),
  message: text(256).optional(),
})
export type Copy = Readonly<z.infer<typeof Copy>>

const ProgressNote = z.object({
  percent: count(100),
  bytesDone: bytes(),
  bytesTotal: bytes(),
  bytesPerSecond: bytes().optional(),
  etaSeconds: count().optional(),
})

const Handled = z.object({
  reconcile: text(256).optional(),
  retry: text(256).optional(),
  refresh: text(256).optional(),
  verify: text(256).optional(),
  cancel: text(256).optional(),
  restore: text(256).optional(),
})

export const ModelStatus = z.object({
  observedGeneration: count().optional(),
  phase: text(32).optional().meta({ description: 'A caption for people; programs read conditions.' }),
  resolved: Resolved.optional(),
  capabilities: Capabilities.optional(),
  failure: FailureNote.optional().meta({
    description: 'Why resolving failed last; only while there is one.',
  }),
  progress: ProgressNote.optional(),
  copies: listByKey(Copy, ['claim', 'subPath'], 32).optional(),
  inUseBy: atomicList(text(63), 32).optional(),
  operations: atomicList(Operation, 10).optional(),
  lastHandled: Handled.optional(),
  conditions: listByKey(ConditionSchema, 'type', 16).optional(),
})
export type ModelStatus = Readonly<z.infer<typeof ModelStatus>>
