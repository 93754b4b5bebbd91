// What a person wrote → a typed spec with its defaults, or one sentence that names the field; the same schema as the CRD's.
import * as z from 'zod'
import { ModelSpec } from './model.ts'
import { show } from './names.ts'
import type { Kind } from './object.ts'
import { RuntimeSpec } from './runtime.ts'

interface Specs {
  readonly Model: ModelSpec
  readonly Runtime: RuntimeSpec
}

export type ParsedSpec<K extends Kind> = { readonly spec: Specs[K] } | { readonly invalid: string }

const schemas = { Model: ModelSpec, Runtime: RuntimeSpec } as const

/** Never throws. Rules about a change (immutable fields) are not checked here: there is no old spec. */
export const parseSpec = <K extends Kind>(kind: K, input: unknown): ParsedSpec<K> => {
  const schema: z.ZodType = schemas[kind]
  const unknown = findUnknown(schema, input, ['spec'])
  if (unknown) return { invalid: `${toFieldPath(unknown)}: unknown field` }
  const parsed = schema.safeParse(input)
  if (parsed.success) return { spec: parsed.data as Specs[K] }
  const [issue] = parsed.error.issues
  return { invalid: issue ? toSentence(schema, input, issue) : 'spec: not valid' }
}

type Path = readonly PropertyKey[]

/** spec.engineArgs[0].args */
const toFieldPath = (path: Path): string =>
  path
    .map((part, i) => (typeof part === 'number' ? `[${part}]` : `${i ? '.' : ''}${show(part).slice(1, -1)}`))
    .join('')

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const unwrap = (schema: z.core.$ZodType): z.core.$ZodType => {
  const { innerType } = schema._zod.def as { innerType?: z.core.$ZodType }
  return innerType ? unwrap(innerType) : schema
}

/** Path of the first field that the schema does not have. A cluster prunes those; elsewhere they are refused. */
const findUnknown = (schema: z.core.$ZodType, value: unknown, path: Path): Path | undefined => {
  const inner = unwrap(schema)
  const below = Array.isArray(value) || isRecord(value) ? Object.entries(value) : []
  for (const [name, child] of below) {
    const here = [...path, Array.isArray(value) ? Number(name) : name]
    const next = childSchema(inner, name)
    const found = next === 'unknown' ? here : next && findUnknown(next, child, here)
    if (found) return found
  }
  return undefined
}

const childSchema = (schema: z.core.$ZodType, name: string): z.core.$ZodType | 'unknown' | undefined => {
  if (schema instanceof z.ZodArray) return schema.element
  if (!(schema instanceof z.ZodObject) || schema.def.catchall) return undefined
  return Object.hasOwn(schema.shape, name) ? schema.shape[name] : 'unknown'
}

type Issue = z.core.$ZodIssue

const toSentence = (schema: z.ZodType, input: unknown, issue: Issue): string => {
  const value = issue.path.reduce<unknown>((at, part) => (at as Record<PropertyKey, unknown>)?.[part], input)
  const what = describe(schema, issue.path)
  const hint = what && issue.code !== 'custom' ? ` (${what.replace(/\.$/, '')})` : ''
  return `${toFieldPath(['spec', ...issue.path])}: ${saying(issue, value)}${hint}`
}

/** Description of the field, as `kubectl explain` shows it. */
const describe = (schema: z.core.$ZodType, path: Path): string | undefined => {
  const own = z.globalRegistry.get(schema)?.description
  const inner = unwrap(schema)
  const [head, ...rest] = path
  if (head === undefined) return own ?? z.globalRegistry.get(inner)?.description
  const next = childSchema(inner, String(head))
  return next && next !== 'unknown' ? describe(next, rest) : undefined
}

const units: Record<string, string> = { string: 'characters', array: 'items' }

const saying = (issue: Issue, value: unknown): string => {
  if (value === undefined && issue.code !== 'custom') return 'is required'
  switch (issue.code) {
    case 'invalid_type':
      return `must be of type ${issue.expected}`
    case 'invalid_value':
      return `${show(value)} is not one of ${issue.values.join(', ')}`
    case 'invalid_format':
      return `${show(value)} does not match ${issue.pattern?.replace(/^\/|\/$/g, '') ?? issue.format}`
    case 'too_big':
      return `must be at most ${issue.maximum} ${units[issue.origin] ?? ''}`.trimEnd()
    case 'too_small':
      return `must be at least ${issue.minimum} ${units[issue.origin] ?? ''}`.trimEnd()
    default:
      return issue.message
  }
}
