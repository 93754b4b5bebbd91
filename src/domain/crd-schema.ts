// Turns a zod schema into the structural schema of a CRD. The list of accepted keywords is closed: anything else fails, with its path.
import * as z from 'zod'
import type { TwinCheck } from './schema.ts'

export interface CelRule {
  readonly rule: string
  readonly message: string
  readonly fieldPath?: string
}

export interface Structural {
  readonly type: 'object' | 'array' | 'string' | 'integer' | 'boolean'
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly string[]
  readonly format?: string
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly items?: Structural
  readonly minItems?: number
  readonly maxItems?: number
  readonly properties?: Readonly<Record<string, Structural>>
  readonly required?: readonly string[]
  readonly additionalProperties?: Structural
  readonly maxProperties?: number
  readonly 'x-kubernetes-list-type'?: 'atomic' | 'map' | 'set'
  readonly 'x-kubernetes-list-map-keys'?: readonly string[]
  readonly 'x-kubernetes-preserve-unknown-fields'?: true
  readonly 'x-kubernetes-validations'?: readonly CelRule[]
}

type Json = Record<string, unknown>
type Branch = (json: Json, path: string) => Json

const refuse = (path: string, sentence: string): never => {
  throw new Error(`${path}: ${sentence}`)
}

/** zod schema → structural schema, both of what a person writes (defaults not yet applied). */
export const toStructural = (schema: z.ZodType, path: string): Structural => {
  const json = z.toJSONSchema(schema, {
    io: 'input',
    target: 'openapi-3.0',
    reused: 'inline',
    override: found => refuseUntold(found.zodSchema, [path, ...found.path].join('.')),
  })
  const { $schema: _, ...root } = json as Json
  return convert(root, path)
}

/** What zod leaves out of JSON schema without a word: checks written as code, and transforms. */
const refuseUntold = (schema: z.core.$ZodType, path: string): void => {
  const { type, checks = [] } = schema._zod.def
  if (['transform', 'pipe', 'custom', 'catch', 'lazy', 'union', 'intersection', 'tuple'].includes(type))
    refuse(path, `a CRD cannot say zod's ${type}`)
  const custom = checks.filter(check => ['custom', 'overwrite'].includes(check._zod.def.check))
  const told = (z.globalRegistry.get(schema)?.['x-kubernetes-validations'] ?? []) as readonly unknown[]
  const twins = custom.map(check => (check as Partial<TwinCheck>).twinOf)
  if (twins.includes(undefined)) refuse(path, 'a refinement needs a CEL rule beside it; use withRules')
  if (told.length > twins.reduce((sum: number, n) => sum + (n ?? 0), 0))
    refuse(path, 'a CEL rule needs its twin; use withRules')
}

const anyType = ['type', 'description', 'default', 'x-kubernetes-validations']
const accepted: Record<Structural['type'], readonly string[]> = {
  object: [
    'properties',
    'required',
    'additionalProperties',
    'maxProperties',
    'x-kubernetes-preserve-unknown-fields',
  ],
  array: ['items', 'minItems', 'maxItems', 'x-kubernetes-list-type', 'x-kubernetes-list-map-keys'],
  string: ['minLength', 'maxLength', 'pattern', 'format', 'enum'],
  integer: ['minimum', 'maximum', 'format'],
  boolean: [],
}

const convert = (json: Json, path: string): Structural => {
  const type = json['type'] as Structural['type']
  const keywords = accepted[type] ?? refuse(path, `type ${JSON.stringify(json['type'])} is not accepted`)
  const unknown = Object.keys(json).find(key => !anyType.includes(key) && !keywords.includes(key))
  if (unknown) refuse(path, `keyword ${unknown} is not accepted on type ${type}`)
  return branches[type](json, path) as unknown as Structural
}

const convertObject: Branch = (json, path) => {
  const { properties, additionalProperties, ...rest } = json
  if (json['x-kubernetes-preserve-unknown-fields']) return rest
  if (additionalProperties) return convertMap(json, path)
  const entries = Object.entries((properties ?? {}) as Record<string, Json>).map(([name, child]) => {
    if (!child['description']) refuse(`${path}.${name}`, 'needs a description')
    return [name, convert(child, `${path}.${name}`)] as const
  })
  return { ...rest, properties: Object.fromEntries(entries) }
}

const convertMap: Branch = (json, path) => {
  const { properties, propertyNames: _, ...rest } = json
  if (properties && Object.keys(properties).length > 0)
    refuse(path, 'properties beside additionalProperties are not structural')
  if (json['maxProperties'] === undefined) refuse(path, 'needs maxProperties')
  return { ...rest, additionalProperties: convert(json['additionalProperties'] as Json, `${path}.*`) }
}

const convertArray: Branch = (json, path) => {
  if (json['maxItems'] === undefined) refuse(path, 'needs maxItems')
  if (!json['x-kubernetes-list-type'])
    refuse(path, 'needs x-kubernetes-list-type; use listByKey or atomicList')
  const items = convert(json['items'] as Json, `${path}[]`)
  for (const key of (json['x-kubernetes-list-map-keys'] ?? []) as string[]) {
    const isKey = items.required?.includes(key) || items.properties?.[key]?.default !== undefined
    if (!isKey) refuse(path, `list key ${key} must be required or have a default`)
  }
  return { ...json, items }
}

const convertString: Branch = (json, path) => {
  const { pattern, ...rest } = json
  if (!json['enum'] && json['maxLength'] === undefined) refuse(path, 'needs maxLength or enum')
  const isFormat = json['format'] !== undefined
  return pattern === undefined || isFormat ? rest : { ...rest, pattern: toRe2(String(pattern), path) }
}

const notRe2: readonly (readonly [RegExp, string])[] = [
  [/\(\?[=!]/, 'look-ahead'],
  [/\(\?<[=!]/, 'look-behind'],
  [/\(\?</, 'named groups'],
  [/(?<!\\)(?:\\\\)*\\[1-9k]/, 'backreferences'],
  [/(?<!\\)(?:\\\\)*\\[uc]/, 'JavaScript escapes'],
  [/\[\^?\]/, 'empty classes'],
  [/\{(?:\d+,)?\d{4,}\}/, 'more than 999 repetitions'],
]

/** The API server's patterns are RE2: what JavaScript can say beyond it is refused; `\/` is only a slash. */
export const toRe2 = (pattern: string, path: string): string => {
  const found = notRe2.find(([sign]) => sign.test(pattern.replace(/\\[[\]]/g, 'x')))
  if (found) refuse(path, `pattern ${pattern} uses ${found[1]}, which RE2 does not have`)
  return pattern.replaceAll('\\/', '/')
}

const safeInteger = Number.MAX_SAFE_INTEGER

/** zod bounds every integer by ±(2^53 − 1); those say nothing and go. */
const convertInteger: Branch = json => {
  const { minimum, maximum, ...rest } = json
  const isSmall = Math.abs(Number(maximum)) < 2 ** 31 && Math.abs(Number(minimum)) <= 2 ** 31
  return {
    ...rest,
    format: isSmall ? 'int32' : 'int64',
    ...(minimum !== -safeInteger && { minimum }),
    ...(maximum !== safeInteger && { maximum }),
  }
}

const branches: Record<Structural['type'], Branch> = {
  object: convertObject,
  array: convertArray,
  string: convertString,
  integer: convertInteger,
  boolean: json => json,
}
