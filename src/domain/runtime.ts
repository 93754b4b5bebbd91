// The Runtime kind: this vLLM or Ollama server, on this hardware, serves this active model.
import * as z from 'zod'
import { Capabilities } from './capabilities.ts'
import { objectNamePattern } from './names.ts'
import { Operation } from './operation.ts'
import { apiKeyRef, argument, ConditionSchema, dataKey, dnsName, engineName, Handled } from './parts.ts'
import { foreignNeedsOllama, Host } from './runtime-host.ts'
import { Storage } from './runtime-storage.ts'
import {
  atomicList,
  bytes,
  count,
  dateTime,
  listByKey,
  passedThrough,
  text,
  textMap,
  withKeywords,
  withRules,
  word,
} from './schema.ts'

const ConfigMapRef = z.object({
  name: dnsName().describe('ConfigMap of this namespace.'),
  key: dataKey().default('engine.yaml').describe('Key inside the ConfigMap.'),
})

const Kubernetes = withRules(
  z.object({
    deploymentName: dnsName().optional().meta({ description: 'Deployment to adopt.' }),
    podTemplate: passedThrough(
      'Pod template of a Deployment that Switchyard makes; a standard PodTemplateSpec.',
    ).optional(),
    container: dnsName(63).optional().meta({
      description: 'Container of the engine; default: the only one, or the one named like the engine.',
    }),
    configMap: ConfigMapRef.optional().meta({
      description: 'ConfigMap the engine reads its arguments from (vllm serve --config).',
    }),
    serviceName: dnsName(63).optional().meta({
      description:
        'Service the clients use; with podTemplate it is made when it does not exist, under the Runtime’s name when none is given.',
    }),
    port: z
      .int()
      .min(1)
      .max(65535)
      .optional()
      .meta({ description: 'Port of the engine; default 8000 (vLLM), 11434 (Ollama).' }),
  }),
  [
    {
      rule: 'has(self.deploymentName) != has(self.podTemplate)',
      message: 'exactly one of deploymentName (adopt) and podTemplate (make) must be set',
      holds: self => (self.deploymentName === undefined) !== (self.podTemplate === undefined),
    },
    {
      rule: '!has(self.podTemplate) || !has(self.configMap)',
      message: 'configMap is for an adopted Deployment; a made one needs none',
      holds: self => self.podTemplate === undefined || self.configMap === undefined,
    },
  ],
)

const Placement = z.object({
  nodeSelector: textMap(32, 317, 63).optional().describe('Labels that a node must have.'),
  tolerations: atomicList(passedThrough('A Toleration.'), 32)
    .optional()
    .describe('Taints that worker pods bear.'),
  affinity: passedThrough('An Affinity.').optional(),
})
export type Placement = Readonly<z.infer<typeof Placement>>

const PullSecretRef = z.object({ name: dnsName().describe('Secret of this namespace.') })

const Worker = z.object({
  labels: textMap(32, 317, 63).optional().describe('Labels of worker pods.'),
  annotations: textMap(32, 317, 1024).optional().describe('Annotations of worker pods.'),
  resources: passedThrough('ResourceRequirements of the worker.').optional(),
  securityContext: passedThrough(
    'PodSecurityContext of the worker; default: the engine’s user and groups.',
  ).optional(),
  imagePullSecrets: atomicList(PullSecretRef, 8).optional().describe('Secrets to pull the worker image.'),
  priorityClassName: dnsName().optional().describe('PriorityClass of worker pods.'),
})
export type WorkerOverlay = Readonly<z.infer<typeof Worker>>

const Proof = z.object({
  mode: z
    .enum(['Task', 'ListOnly'])
    .default('Task')
    .meta({ description: 'ListOnly skips the request of the model’s task.' }),
  intervalSeconds: z.int().min(1).max(3600).default(60).describe('How often an idle engine is proved again.'),
  timeoutSeconds: z.int().min(1).max(600).default(20).describe('Longest wait for an answer.'),
})

const Switch = z.object({
  drainSeconds: z
    .int()
    .min(0)
    .max(3600)
    .default(30)
    .meta({ description: 'Longest wait for running requests.' }),
  stallSeconds: z
    .int()
    .min(1)
    .max(86400)
    .optional()
    .meta({ description: 'Longest time without progress while loading; default grows with the weights.' }),
  maxSeconds: z
    .int()
    .min(1)
    .max(86400)
    .optional()
    .meta({ description: 'Longest whole switch; default none.' }),
  onFailure: z
    .enum(['Rollback', 'Stop'])
    .default('Rollback')
    .describe('Rollback returns to the model that served before; Stop leaves things for a person.'),
})

const activeNeedsBlock = {
  rule: 'self.engine != "Ollama" || !has(self.kubernetes) || !has(self.kubernetes.configMap)',
  message: 'configMap is for vLLM; Ollama reads no such file',
  holds: (self: {
    readonly engine: string
    readonly kubernetes?: { readonly configMap?: unknown } | undefined
  }) => self.engine !== 'Ollama' || self.kubernetes?.configMap === undefined,
}

const keyNeedsVllm = {
  rule: 'self.engine != "Ollama" || !has(self.apiKeySecretRef)',
  message: 'apiKeySecretRef is for vLLM; Ollama knows no API key',
  holds: (self: { readonly engine: string; readonly apiKeySecretRef?: unknown }) =>
    self.engine !== 'Ollama' || self.apiKeySecretRef === undefined,
}

export const RuntimeSpec = withRules(
  z.object({
    engine: withKeywords(engineName(), { description: 'The program family.' }),
    activeModel: word(63, objectNamePattern).optional().meta({
      description:
        'Model of this namespace that must serve; left out: observe what serves and touch nothing.',
    }),
    desiredState: z.enum(['Active', 'Idle']).default('Active').meta({ description: 'Idle unloads.' }),
    onModelUpdate: z.enum(['Manual', 'Auto']).default('Manual').meta({
      description: 'Auto reloads when a refreshed Model got a newer revision.',
    }),
    alias: word(63, '^[A-Za-z0-9][A-Za-z0-9._-]*$').default('active').meta({
      description: 'Second served name, stable for clients whatever model is active.',
    }),
    engineArgs: atomicList(argument(), 128).optional().meta({ description: 'Arguments of this runtime.' }),
    kubernetes: Kubernetes.optional().meta({ description: 'How the engine runs on a cluster.' }),
    host: Host.optional().meta({ description: 'How the engine runs on a host; not read on a cluster.' }),
    apiKeySecretRef: apiKeyRef().optional().meta({
      description: 'API key of the engine: worker pods that mount it ask for what lies behind it.',
    }),
    storage: Storage.optional().describe('Where the models stand.'),
    placement: Placement.optional().meta({
      description: 'Where worker pods run; default: where the engine runs.',
    }),
    worker: Worker.optional().meta({ description: 'Overlay for worker pods.' }),
    proof: Proof.prefault({}).describe('How it is proved that the wanted model answers.'),
    switch: Switch.prefault({}).describe('How long a switch may take and what happens when it fails.'),
    paused: z.boolean().default(false).meta({ description: 'Changes nothing while set; keeps what serves.' }),
  }),
  [
    activeNeedsBlock,
    keyNeedsVllm,
    ...foreignNeedsOllama,
    {
      rule: 'has(self.kubernetes) || has(self.host)',
      message: 'kubernetes or host must say what runs the engine',
      holds: self => self.kubernetes !== undefined || self.host !== undefined,
    },
    {
      rule: 'self.engine == oldSelf.engine',
      message: 'engine is immutable; create another Runtime',
      fieldPath: '.engine',
      keeps: (self, oldSelf) => self.engine === oldSelf.engine,
    },
  ],
)
export type RuntimeSpec = Readonly<z.infer<typeof RuntimeSpec>>

/** One served thing: what a switch goes from and to. `recipe` is the hash of the engine's launch instructions, or `AsFound`. */
export const Served = z.object({
  model: text(63).optional().describe('Model of this namespace; absent: as it was found.'),
  revision: text(128).optional().describe('Commit or digest.'),
  recipe: text(64).describe('Hash of the launch instructions, or AsFound.'),
})
export type Served = Readonly<z.infer<typeof Served>>

export const switchSteps = [
  'Preflight',
  'Draining',
  'Unloading',
  'Loading',
  'Verifying',
  'RollingBack',
] as const
export type SwitchStep = (typeof switchSteps)[number]

const Cause = z.object({
  reason: text(64).describe('Word from docs/reasons.md.'),
  message: text(256).describe('What happened and what to do.'),
})

export const SwitchState = z.object({
  id: text(64).describe('Id of the operation.'),
  from: Served.optional().describe('What served before.'),
  to: Served.optional().meta({ description: 'Absent: the switch unloads (Idle).' }),
  step: z.enum(switchSteps).describe('Step that runs now.'),
  message: text(256).optional().describe('What the step waits for.'),
  percent: count(100).optional().describe('Progress of loading, when the engine tells it.'),
  startedAt: dateTime().describe('When the switch began.'),
  stepSince: dateTime().describe('When the step began.'),
  lastProgressAt: dateTime().describe('When something moved last.'),
  progressMark: text(64)
    .optional()
    .meta({ description: 'Newest sign of progress, so that a repeated one does not count.' }),
  downSince: dateTime().optional().meta({ description: 'When the old serving was first not answering.' }),
  deadlineAt: dateTime().optional().describe('When the step fails at the latest.'),
  expectedSeconds: count().optional().describe('How long loading is expected to take.'),
  attempt: count().describe('Try, counted from 1.'),
  failure: Cause.optional().meta({ description: 'Why it goes back.' }),
})
export type SwitchState = Readonly<z.infer<typeof SwitchState>>

export const LastSwitch = z.object({
  id: text(64).describe('Id of the operation.'),
  from: Served.optional().describe('What served before.'),
  to: Served.optional().describe('What was to serve; absent: it was unloaded.'),
  result: z.enum(['Committed', 'RolledBack', 'Failed', 'Cancelled']).describe('How it ended.'),
  startedAt: dateTime().describe('When it began.'),
  finishedAt: dateTime().describe('When it ended.'),
  downtimeMilliseconds: bytes().optional().describe('How long nothing answered, measured.'),
  reason: text(64).optional().describe('Word from docs/reasons.md.'),
  message: text(256).optional().describe('What happened and what to do.'),
})
export type LastSwitch = Readonly<z.infer<typeof LastSwitch>>

const ActiveNote = z.object({
  model: text(63).describe('Model of this namespace.'),
  revision: text(128).describe('Commit or digest.'),
  recipe: text(64).describe('Hash of the launch instructions.'),
  since: dateTime().describe('When it was proved first.'),
  endpoint: text(512).optional().describe('Where clients reach it.'),
  capabilities: Capabilities.optional().describe('What the model can do; an absent field is unknown.'),
})

const StorageNote = z.object({
  quotaBytes: bytes().optional().describe('Bytes that models may take.'),
  usedBytes: bytes().describe('Bytes of the copies that are there.'),
  reservedBytes: bytes().describe('Bytes promised to downloads that run.'),
  freeBytes: bytes().optional().describe('Bytes that the quota leaves; the disk may leave less.'),
})

/** Figures as people read them: what `kubectl get runtimes -o wide` prints. */
export const RuntimeDisplay = z.object({
  expected: text(16).optional().describe('How long loading is expected to take, for example 1m30s.'),
})
export type RuntimeDisplay = Readonly<z.infer<typeof RuntimeDisplay>>

export const RuntimeStatus = z.object({
  observedGeneration: count().optional().describe('Generation of the spec this status is about.'),
  phase: text(32).optional().meta({ description: 'A caption for people; programs read conditions.' }),
  strategy: z
    .enum(['Recreate', 'InPlace'])
    .optional()
    .describe('How the engine changes models: by a new pod, or inside the running one.'),
  active: ActiveNote.optional().meta({ description: 'The last committed serving.' }),
  serving: text(256)
    .optional()
    .meta({ description: 'What was seen to serve last, when no model is wanted.' }),
  switch: SwitchState.optional().meta({ description: 'Only while a switch runs.' }),
  lastSwitch: LastSwitch.optional().describe('How the last switch ended.'),
  storage: StorageNote.optional().describe('The volume, counted by its copies.'),
  display: RuntimeDisplay.optional().describe('Figures written for people.'),
  operations: atomicList(Operation, 10).optional().describe('History, newest first.'),
  lastHandled: Handled.optional().describe('Requests by annotation that were carried out.'),
  conditions: listByKey(ConditionSchema, 'type', 16).optional().describe('What is true, for programs.'),
})
export type RuntimeStatus = Readonly<z.infer<typeof RuntimeStatus>>
