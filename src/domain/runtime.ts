// The Runtime kind: this vLLM or Ollama server, on this hardware, serves this active model.
import * as z from 'zod'
import { Capabilities } from './capabilities.ts'
import { objectNamePattern } from './names.ts'
import { Operation } from './operation.ts'
import { argument, ConditionSchema, engines } from './parts.ts'
import {
  atomicList,
  bytes,
  count,
  dateTime,
  listByKey,
  passedThrough,
  quantity,
  text,
  withRules,
  word,
} from './schema.ts'

const dnsName = (max = 253) => word(max, '^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$')

const Kubernetes = withRules(
  z.object({
    deploymentName: dnsName().optional().meta({ description: 'Deployment to adopt.' }),
    podTemplate: passedThrough(
      'Pod template of a Deployment that Switchyard makes; a standard PodTemplateSpec.',
    ).optional(),
    container: dnsName(63).optional().meta({
      description: 'Container of the engine; default: the only one, or the one named like the engine.',
    }),
    configMap: z
      .object({ name: dnsName(), key: word(253, '^[A-Za-z0-9._-]+$').default('engine.yaml') })
      .optional()
      .meta({ description: 'ConfigMap the engine reads its arguments from (vllm serve --config).' }),
    serviceName: dnsName(63)
      .optional()
      .meta({ description: 'Service the clients use; made when it does not exist and podTemplate is used.' }),
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
    },
    {
      rule: '!has(self.podTemplate) || !has(self.configMap)',
      message: 'configMap is for an adopted Deployment; a made one needs none',
    },
  ],
)

const Storage = withRules(
  z.object({
    claimName: dnsName().optional().meta({
      description:
        'Claim that holds the models; adopted: derived from the Deployment, and checked when given.',
    }),
    path: word(512, '^/[A-Za-z0-9._/-]*$').optional().meta({ description: 'Mount path in the container.' }),
    quota: quantity('Bytes that models may take on this volume; default: the size of the claim.').optional(),
  }),
  [
    {
      rule: `!has(self.path) || !self.path.contains('..')`,
      message: "path must not contain '..'",
      fieldPath: '.path',
    },
  ],
)

const Placement = z.object({
  nodeSelector: z.record(text(317), text(63)).meta({ maxProperties: 32 }).optional(),
  tolerations: atomicList(passedThrough('A Toleration.'), 32).optional(),
  affinity: passedThrough('An Affinity.').optional(),
})
export type Placement = Readonly<z.infer<typeof Placement>>

const Worker = z.object({
  labels: z.record(text(317), text(63)).meta({ maxProperties: 32 }).optional(),
  annotations: z.record(text(317), text(1024)).meta({ maxProperties: 32 }).optional(),
  resources: passedThrough('ResourceRequirements of the worker.').optional(),
  securityContext: passedThrough(
    'PodSecurityContext of the worker; default: the engine’s user and groups.',
  ).optional(),
  imagePullSecrets: atomicList(z.object({ name: dnsName() }), 8).optional(),
  priorityClassName: dnsName().optional(),
})
export type WorkerOverlay = Readonly<z.infer<typeof Worker>>

const Proof = z.object({
  mode: z
    .enum(['Task', 'ListOnly'])
    .default('Task')
    .meta({ description: 'ListOnly skips the request of the model’s task.' }),
  intervalSeconds: z.int().min(1).max(3600).default(60),
  timeoutSeconds: z.int().min(1).max(600).default(20),
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
  onFailure: z.enum(['Rollback', 'Stop']).default('Rollback'),
})

const activeNeedsBlock = {
  rule: 'self.engine != "Ollama" || !has(self.kubernetes) || !has(self.kubernetes.configMap)',
  message: 'configMap is for vLLM; Ollama reads no such file',
}

export const RuntimeSpec = withRules(
  z.object({
    engine: z.enum(engines).meta({ description: 'The program family.' }),
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
    storage: Storage.optional(),
    placement: Placement.optional().meta({
      description: 'Where worker pods run; default: where the engine runs.',
    }),
    worker: Worker.optional().meta({ description: 'Overlay for worker pods.' }),
    proof: Proof.prefault({}),
    switch: Switch.prefault({}),
    paused: z.boolean().default(false).meta({ description: 'Changes nothing while set; keeps what serves.' }),
  }),
  [
    activeNeedsBlock,
    { rule: 'has(self.kubernetes)', message: 'kubernetes must say which Deployment runs the engine' },
    {
      rule: 'self.engine == oldSelf.engine',
      message: 'engine is immutable; create another Runtime',
      fieldPath: '.engine',
    },
  ],
)
export type RuntimeSpec = Readonly<z.infer<typeof RuntimeSpec>>

/** One served thing: what a switch goes from and to. `recipe` is the hash of the engine's launch instructions, or `AsFound`. */
export const Served = z.object({
  model: text(63).optional(),
  revision: text(128).optional(),
  recipe: text(64),
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

export const SwitchState = z.object({
  id: text(64),
  from: Served.optional(),
  to: Served.optional().meta({ description: 'Absent: the switch unloads (Idle).' }),
  step: z.enum(switchSteps),
  message: text(256).optional(),
  percent: count(100).optional(),
  startedAt: dateTime(),
  stepSince: dateTime(),
  lastProgressAt: dateTime(),
  progressMark: text(64)
    .optional()
    .meta({ description: 'Newest sign of progress, so that a repeated one does not count.' }),
  downSince: dateTime().optional().meta({ description: 'When the old serving was first not answering.' }),
  deadlineAt: dateTime().optional(),
  expectedSeconds: count().optional(),
  attempt: count(),
  failure: z
    .object({ reason: text(64), message: text(256) })
    .optional()
    .meta({ description: 'Why it goes back.' }),
})
export type SwitchState = Readonly<z.infer<typeof SwitchState>>

export const LastSwitch = z.object({
  id: text(64),
  from: Served.optional(),
  to: Served.optional(),
  result: z.enum(['Committed', 'RolledBack', 'Failed', 'Cancelled']),
  startedAt: dateTime(),
  finishedAt: dateTime(),
  downtimeMilliseconds: bytes().optional(),
  reason: text(64).optional(),
  message: text(256).optional(),
})
export type LastSwitch = Readonly<z.infer<typeof LastSwitch>>

const ActiveNote = z.object({
  model: text(63),
  revision: text(128),
  recipe: text(64),
  since: dateTime(),
  endpoint: text(512).optional(),
  capabilities: Capabilities.optional(),
})

const StorageNote = z.object({ quotaBytes: bytes().optional(), usedBytes: bytes(), reservedBytes: bytes() })

const Handled = z.object({
  reconcile: text(256).optional(),
  retry: text(256).optional(),
  refresh: text(256).optional(),
  verify: text(256).optional(),
  cancel: text(256).optional(),
  restore: text(256).optional(),
})

export const RuntimeStatus = z.object({
  observedGeneration: count().optional(),
  phase: text(32).optional().meta({ description: 'A caption for people; programs read conditions.' }),
  strategy: z.enum(['Recreate', 'InPlace']).optional(),
  active: ActiveNote.optional().meta({ description: 'The last committed serving.' }),
  serving: text(256)
    .optional()
    .meta({ description: 'What was seen to serve last, when no model is wanted.' }),
  switch: SwitchState.optional().meta({ description: 'Only while a switch runs.' }),
  lastSwitch: LastSwitch.optional(),
  storage: StorageNote.optional(),
  operations: atomicList(Operation, 10).optional(),
  lastHandled: Handled.optional(),
  conditions: listByKey(ConditionSchema, 'type', 16).optional(),
})
export type RuntimeStatus = Readonly<z.infer<typeof RuntimeStatus>>
