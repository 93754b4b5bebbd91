// Every field of both specs, read from the CRDs that the API server gets, and how a value is put into one.
import { toCrd } from '../../src/domain/crd.ts'
import type { Structural } from '../../src/domain/crd-schema.ts'
import type { Kind } from '../../src/domain/object.ts'

export interface Field {
  readonly kind: Kind
  /** below spec; `[]` is the first item of a list */
  readonly path: readonly string[]
  readonly schema: Structural
}

type Json = Record<string, unknown>

/** `Runtime.switch.maxSeconds` */
export const nameOf = ({ kind, path }: Pick<Field, 'kind' | 'path'>): string => [kind, ...path].join('.')

const specOf = (kind: Kind): Structural => {
  const [version] = toCrd(kind).spec.versions
  const spec = version?.schema.openAPIV3Schema.properties?.['spec']
  if (!spec) throw new Error(`the CRD of ${kind} has no spec`)
  return spec
}

const below = ({ kind, path, schema }: Field): readonly Field[] => {
  const named = Object.entries(schema.properties ?? {})
  const inner = schema.items ? [['[]', schema.items] as const] : named
  return inner.flatMap(([name, child]) => {
    const field = { kind, path: [...path, name], schema: child }
    const isItem = name === '[]' && child.properties
    return [...(isItem ? [] : [field]), ...below(field)]
  })
}

const fieldsOf = (kind: Kind): readonly Field[] => below({ kind, path: [], schema: specOf(kind) })

export const fields: readonly Field[] = [...fieldsOf('Runtime'), ...fieldsOf('Model')]

/** Words that required fields beside the drawn one may have. */
const words: Readonly<Record<string, string>> = {
  endpoint: 'https://hub.example.internal',
  repo: 'org/a',
  name: 'gpu',
}

/** The least that fits: what stands around a field whose surroundings are absent. */
const leastOf = ({ type, properties = {}, required = [], enum: one }: Structural, name: string): unknown => {
  if (type === 'array') return []
  if (type !== 'object') return one?.[0] ?? words[name] ?? 'x'
  const inner = required.flatMap(key => (properties[key] ? [[key, leastOf(properties[key], key)]] : []))
  return Object.fromEntries(inner)
}

const childOf = (schema: Structural, name: string): Structural =>
  (name === '[]' ? schema.items : schema.properties?.[name]) as Structural

interface Place {
  readonly schema: Structural
  readonly value: unknown
}

/** The value with that field changed; undefined takes it out. What is above it stays, or is made as small as it may be. */
export const withField = (kind: Kind, spec: object, [path, value]: Change): object =>
  changed({ schema: specOf(kind), value: spec }, path, value) as object

export type Change = readonly [path: readonly string[], value: unknown]

const changed = (
  { schema, value: old }: Place,
  [name, ...rest]: readonly string[],
  value: unknown,
): unknown => {
  if (name === undefined) return value
  const child = childOf(schema, name)
  const key = name === '[]' ? '0' : name
  const around = typeof old === 'object' && old !== null ? old : leastOf(schema, name)
  const inner = (around as Json)[key] ?? leastOf(child, name)
  const next = changed({ schema: child, value: inner }, rest, value)
  if (Array.isArray(around)) return next === undefined ? around.slice(1) : [next, ...around.slice(1)]
  const { [key]: _, ...others } = around as Json
  return next === undefined ? others : { ...others, [key]: next }
}
