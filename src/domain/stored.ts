// An object as it came out of a store, whoever wrote it and under whatever schema → one that every rule can look at.
// What does not fit is left out field by field, so that one bad object disturbs neither itself more than needed nor its neighbours.
import * as z from 'zod'
import { schemas } from './crd.ts'
import { parseSpec } from './crd-parse.ts'
import type { Kind } from './object.ts'
import { findMisshapen } from './pod-template.ts'

export interface ParsedObject {
  readonly spec: unknown
  readonly status: unknown
  /** names the field of the spec; absent = it fits */
  readonly invalid?: string
}

/** What must be there for a rule to be able to say that the spec is invalid. */
const required = { Model: { source: {} }, Runtime: { engine: 'VLLM' } } as const

/** Whoever wrote something else than Delete may have meant that the bytes stay. */
const cautious = (kind: Kind, spec: unknown) => {
  const policy = isRecord(spec) ? spec['deletionPolicy'] : undefined
  const isUnclear = kind === 'Model' && policy !== undefined && policy !== 'Delete'
  return isUnclear ? { deletionPolicy: 'Retain' } : {}
}

/** Never throws. */
export const parseObject = (kind: Kind, spec: unknown, status: unknown): ParsedObject => ({
  ...withReadable(usableSpec(kind, spec)),
  status: salvage(schemas[kind].status, status ?? {}) ?? {},
})

type UsableSpec = Omit<ParsedObject, 'status'>

const usableSpec = (kind: Kind, spec: unknown): UsableSpec => {
  const parsed = parseSpec(kind, spec)
  if ('spec' in parsed) return parsed
  const fields = fieldsOf(schemas[kind].spec, spec)
  return { spec: { ...required[kind], ...fields, ...cautious(kind, spec) }, invalid: parsed.invalid }
}

/** Parts that are passed through and that nobody could read are left out with all that stands beside them. */
const withReadable = ({ spec, invalid }: UsableSpec): UsableSpec => {
  const misshapen = findMisshapen(spec)
  if (!misshapen) return invalid === undefined ? { spec } : { spec, invalid }
  const field = misshapen.path[0] ?? ''
  const { [field]: _, ...rest } = spec as Record<string, unknown>
  return withReadable({ spec: rest, invalid: invalid ?? misshapen.sentence })
}

/** The value as far as it fits: of an object its good fields, of a list its good items, else the default; undefined when nothing is left. */
const salvage = (schema: z.core.$ZodType, value: unknown): unknown => {
  const whole = z.safeParse(schema, value)
  if (whole.success) return whole.data
  const inner = unwrap(schema)
  if (inner instanceof z.ZodArray && Array.isArray(value)) {
    const items = value.slice(0, longest).flatMap(item => salvage(inner.element, item) ?? [])
    return z.safeParse(schema, items).data
  }
  if (inner instanceof z.ZodObject && isRecord(value)) return z.safeParse(schema, fieldsOf(inner, value)).data
  return z.safeParse(schema, undefined).data
}

/** No list of ours is longer. */
const longest = 128

const fieldsOf = (schema: z.ZodObject, value: unknown): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(schema.shape).flatMap(([name, field]) => {
      const kept = salvage(field, isRecord(value) ? value[name] : undefined)
      return kept === undefined ? [] : [[name, kept]]
    }),
  )

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const unwrap = (schema: z.core.$ZodType): z.core.$ZodType => {
  const { innerType } = schema._zod.def as { innerType?: z.core.$ZodType }
  return innerType ? unwrap(innerType) : schema
}
