// Values that a field may hold when nobody checked it: guided by the schema, so that they come close to what is right.
import * as z from 'zod'

export type Random = () => number
export type Path = readonly (string | number)[]

export const pick = <T>(random: Random, list: readonly T[]): T =>
  list[Math.floor(random() * list.length)] as T

const unwrap = (schema: z.core.$ZodType): z.core.$ZodType => {
  const { innerType } = schema._zod.def as { innerType?: z.core.$ZodType }
  return innerType ? unwrap(innerType) : schema
}

export interface Field {
  readonly path: Path
  readonly schema: z.core.$ZodType
}

/** Every field that the schema knows, the value itself first. */
export const fieldsOf = (schema: z.core.$ZodType, path: Path = []): readonly Field[] => {
  const inner = unwrap(schema)
  const own = { path, schema: inner }
  if (inner instanceof z.ZodArray) return [own, ...fieldsOf(inner.element, [...path, 0])]
  if (!(inner instanceof z.ZodObject)) return [own]
  return [own, ...Object.entries(inner.shape).flatMap(([name, field]) => fieldsOf(field, [...path, name]))]
}

const megabyte = 'x'.repeat(1_000_000)
const deep = JSON.parse(`${'{"a":'.repeat(500)}1${'}'.repeat(500)}`) as object
const pollution = JSON.parse('{"__proto__":{"isAdmin":true},"constructor":{"prototype":{}}}') as object

const ofAnyKind: readonly unknown[] = [
  null,
  '',
  'text',
  0,
  -1,
  1.5,
  Number.MAX_SAFE_INTEGER,
  true,
  [],
  {},
  [null],
  [[]],
  { colour: 'red' },
  pollution,
  deep,
]
const texts: readonly unknown[] = [
  '../../etc/passwd',
  '-rf',
  '--trust-remote-code',
  'http://user:pw@169.254.169.254/',
  'a\u0000b',
  'qwеn', // with a Cyrillic е
  '\u202eedoc',
  '💥'.repeat(300),
  ' '.repeat(5_000),
  '$(reboot)',
  '2026-99-99T99:99:99Z',
]
const lists: readonly unknown[] = [
  Array.from({ length: 1_000 }, () => null),
  Array.from({ length: 200 }, () => ({ name: 'gpu' })),
  ['a', 'a', 'a'],
  { 0: 'a', length: 1 },
]

const poolOf = (schema: z.core.$ZodType): readonly unknown[] => {
  if (schema instanceof z.ZodArray) return [...ofAnyKind, ...lists]
  if (schema instanceof z.ZodString || schema instanceof z.ZodEnum) return [...ofAnyKind, ...texts]
  return ofAnyKind
}

/** One value in fifty is a megabyte long. */
export const hostileValue = (random: Random, { schema }: Field): unknown =>
  random() < 0.02 ? megabyte : pick(random, poolOf(schema))

/** A copy with this value at the path; what stands in the way becomes an object or a list. */
export const withValue = (whole: unknown, [head, ...rest]: Path, value: unknown): unknown => {
  if (head === undefined) return value
  if (typeof head === 'number') {
    const list = Array.isArray(whole) ? [...whole] : []
    list[head] = withValue(list[head], rest, value)
    return list
  }
  const inner = typeof whole === 'object' && whole !== null && !Array.isArray(whole) ? whole : {}
  return { ...inner, [head]: withValue((inner as Record<string, unknown>)[head], rest, value) }
}

/** One to three fields of it are replaced. */
export const poisoned = (random: Random, fields: readonly Field[], good: unknown): unknown => {
  let bad = good
  for (let n = 1 + Math.floor(random() * 3); n > 0; n--) {
    const field = pick(random, fields)
    bad = withValue(bad, field.path, hostileValue(random, field))
  }
  return bad
}
