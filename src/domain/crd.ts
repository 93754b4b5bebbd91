// The two CustomResourceDefinitions, made from the zod schemas that the operator parses with.
import type * as z from 'zod'
import { type CelRule, type Structural, toStructural } from './crd-schema.ts'
import { ModelSpec, ModelStatus } from './model.ts'
import { objectNamePattern } from './names.ts'
import type { Kind } from './object.ts'
import { RuntimeSpec, RuntimeStatus } from './runtime.ts'

export const group = 'switchyard.dev'
export const version = 'v1alpha1'

interface Column {
  readonly name: string
  readonly type: 'string' | 'date'
  readonly jsonPath: string
  readonly description: string
  /** 1 = only with -o wide */
  readonly priority?: 1
}

interface KindFacts {
  readonly plural: string
  readonly shortName: string
  readonly description: string
  readonly spec: z.ZodType
  readonly status: z.ZodType
  readonly columns: readonly Column[]
}

const column = (name: string, jsonPath: string, description: string, priority?: 1): Column => ({
  name,
  type: jsonPath.endsWith('Timestamp') ? 'date' : 'string',
  jsonPath,
  description,
  ...(priority && { priority }),
})

const ready = (field: string) => `.status.conditions[?(@.type=="Ready")].${field}`
const first = [
  column('Ready', ready('status'), 'Whether what was asked for is true.'),
  column('Phase', '.status.phase', 'A caption for people.'),
]
const age = column('Age', '.metadata.creationTimestamp', 'Time since it was created.')
const reason = column('Reason', ready('reason'), 'Why it is ready or not.', 1)

export const kinds: Readonly<Record<Kind, KindFacts>> = {
  Model: {
    plural: 'models',
    shortName: 'mdl',
    description: 'These bytes, from this source, verified, on the volumes of these runtimes.',
    spec: ModelSpec,
    status: ModelStatus,
    columns: [
      ...first,
      column('Progress', '.status.display.progress', 'Percent of the bytes that are there.'),
      column('Size', '.status.display.size', 'Bytes of the model.'),
      column('Source', '.status.display.source', 'Where the bytes come from.'),
      age,
      reason,
      column('Speed', '.status.display.speed', 'Speed of the download.', 1),
      column('ETA', '.status.display.eta', 'Time to go.', 1),
    ],
  },
  Runtime: {
    plural: 'runtimes',
    shortName: 'rt',
    description: 'This vLLM or Ollama server, on this hardware, serves this active model.',
    spec: RuntimeSpec,
    status: RuntimeStatus,
    columns: [
      ...first,
      column('Active', '.status.active.model', 'Model that was proved to answer last.'),
      column('Step', '.status.switch.step', 'Step of the switch that runs.'),
      column('Engine', '.spec.engine', 'The program family.'),
      age,
      reason,
      column('Expected', '.status.display.expected', 'How long loading is expected to take.', 1),
    ],
  },
}

/** Objects of these kinds become label values, and parts of names of Jobs. */
export const nameRule: CelRule = {
  rule: `self.metadata.name.matches('${objectNamePattern}')`,
  message: "metadata.name must have at most 63 characters, only a-z, 0-9 and '-', and no '-' at either end",
}

/** The twin of `nameRule`: the sentence when the name breaks it. */
export const checkName = (name: string): string | undefined =>
  new RegExp(objectNamePattern).test(name) ? undefined : nameRule.message

export const toObjectSchema = (kind: Kind): Structural => ({
  type: 'object',
  description: kinds[kind].description,
  properties: {
    apiVersion: { type: 'string', description: `${group}/${version}` },
    kind: { type: 'string', description: kind },
    metadata: { type: 'object', properties: { name: { type: 'string', maxLength: 63 } } },
    spec: { ...toStructural(kinds[kind].spec, 'spec'), description: 'What should be true.' },
    status: {
      ...toStructural(kinds[kind].status, 'status'),
      description: 'What is true; written by Switchyard only.',
    },
  },
  required: ['spec'],
  'x-kubernetes-validations': [nameRule],
})

export const toCrd = (kind: Kind) => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `${kinds[kind].plural}.${group}` },
  spec: {
    group,
    scope: 'Namespaced',
    names: {
      kind,
      listKind: `${kind}List`,
      plural: kinds[kind].plural,
      singular: kind.toLowerCase(),
      shortNames: [kinds[kind].shortName],
      categories: ['switchyard'],
    },
    versions: [
      {
        name: version,
        served: true,
        storage: true,
        subresources: { status: {} },
        additionalPrinterColumns: kinds[kind].columns,
        schema: { openAPIV3Schema: toObjectSchema(kind) },
      },
    ],
  },
})
