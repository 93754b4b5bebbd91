// The two CustomResourceDefinitions, made from the zod schemas that the operator parses with.
import { type CelRule, type Structural, toStructural } from './crd-schema.ts'
import { group, kinds, version } from './kinds.ts'
import { ModelSpec, ModelStatus } from './model.ts'
import { objectNamePattern } from './names.ts'
import type { Kind } from './object.ts'
import { RuntimeSpec, RuntimeStatus } from './runtime.ts'

export const schemas = {
  Model: { spec: ModelSpec, status: ModelStatus },
  Runtime: { spec: RuntimeSpec, status: RuntimeStatus },
} as const

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
    spec: { ...toStructural(schemas[kind].spec, 'spec'), description: 'What should be true.' },
    status: {
      ...toStructural(schemas[kind].status, 'status'),
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
