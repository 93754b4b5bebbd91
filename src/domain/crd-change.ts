// The rules about a change, asked of an old and a new spec: what the API server does by CEL on a cluster, for every other platform.
import * as z from 'zod'
import { ModelSpec } from './model.ts'
import type { Kind } from './object.ts'
import { RuntimeSpec } from './runtime.ts'
import type { ChangeRule, TwinCheck } from './schema.ts'

const schemas = { Model: ModelSpec, Runtime: RuntimeSpec } as const

/** One sentence that names the field; undefined when the change is allowed. Both specs are parsed. */
export const findChangeRefusal = (kind: Kind, before: unknown, after: unknown): string | undefined =>
  findBroken(schemas[kind], { before, after }, 'spec')

interface Change {
  readonly before: unknown
  readonly after: unknown
}

const findBroken = (schema: z.core.$ZodType, change: Change, path: string): string | undefined => {
  const { before, after } = change
  // What is added or taken away is a change of what it stands in.
  if (before === undefined || after === undefined) return undefined
  const broken = changesOf(schema).find(rule => !rule.keeps(after as never, before as never))
  if (broken) return `${path}${broken.fieldPath ?? ''}: ${broken.message}`
  const inner = unwrap(schema)
  if (!(inner instanceof z.ZodObject)) return undefined
  return Object.entries(inner.shape)
    .map(([name, field]) => findBroken(field, childrenOf(change, name), `${path}.${name}`))
    .find(sentence => sentence !== undefined)
}

const childrenOf = ({ before, after }: Change, name: string): Change => ({
  before: (before as Record<string, unknown>)[name],
  after: (after as Record<string, unknown>)[name],
})

const changesOf = (schema: z.core.$ZodType): readonly ChangeRule<never>[] =>
  (unwrap(schema)._zod.def.checks ?? []).flatMap(check => (check as Partial<TwinCheck>).changes ?? [])

const unwrap = (schema: z.core.$ZodType): z.core.$ZodType => {
  const { innerType } = schema._zod.def as { innerType?: z.core.$ZodType }
  return innerType ? unwrap(innerType) : schema
}
