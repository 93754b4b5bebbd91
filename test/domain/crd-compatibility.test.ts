// What counts as a breaking change of a published schema.
import { describe, expect, it } from 'vitest'
import { toObjectSchema } from '../../src/domain/crd.ts'
import { findBreaks } from '../../src/domain/crd-compatibility.ts'
import type { Structural } from '../../src/domain/crd-schema.ts'

const before: Structural = {
  type: 'object',
  required: ['name'],
  properties: {
    name: { type: 'string', maxLength: 10, pattern: '^a' },
    size: { type: 'integer', format: 'int32', minimum: 1, maximum: 9, default: 3 },
    mode: { type: 'string', enum: ['A', 'B'] },
    list: {
      type: 'array',
      maxItems: 4,
      'x-kubernetes-list-type': 'map',
      'x-kubernetes-list-map-keys': ['name'],
      items: { type: 'object', required: ['name'], properties: { name: { type: 'string', maxLength: 9 } } },
    },
    map: { type: 'object', maxProperties: 3, additionalProperties: { type: 'string', maxLength: 3 } },
    any: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
  },
}

const set = (change: Record<string, Partial<Structural> | undefined>): Structural => {
  const entries = Object.entries({ ...before.properties, ...change }).filter(
    ([, child]) => child !== undefined,
  )
  const properties = entries.map(([name, child]) => [name, { ...before.properties?.[name], ...child }])
  return { ...before, properties: Object.fromEntries(properties) }
}
const without = (name: string, key: keyof Structural): Structural => {
  const { [key]: _, ...rest } = before.properties?.[name] ?? before
  return { ...before, properties: { ...before.properties, [name]: rest as Structural } }
}

describe('A change of a published schema', () => {
  const breaking: [string, Structural, string][] = [
    ['a removed field', set({ size: undefined }), 'size: removed'],
    ['another type', set({ name: { type: 'boolean' } }), 'name: type changed from "string" to "boolean"'],
    ['another format', set({ size: { format: 'int64' } }), 'size: format changed from "int32" to "int64"'],
    ['another pattern', set({ name: { pattern: '^b' } }), 'name: pattern changed from "^a" to "^b"'],
    ['another default', set({ size: { default: 4 } }), 'size: default changed from 3 to 4'],
    ['a lower bound of length', set({ name: { maxLength: 9 } }), 'name: maxLength went down to 9'],
    ['a new bound from below', set({ name: { minLength: 1 } }), 'name: minLength went up to 1'],
    ['a lower maximum', set({ size: { maximum: 8 } }), 'size: maximum went down to 8'],
    ['fewer items', set({ list: { maxItems: 3 } }), 'list: maxItems went down to 3'],
    ['fewer entries', set({ map: { maxProperties: 2 } }), 'map: maxProperties went down to 2'],
    ['a value less', set({ mode: { enum: ['A'] } }), 'mode: enum lost B'],
    ['a new enum', set({ name: { enum: ['a'] } }), 'name: enum is new'],
    [
      'a field that becomes required',
      { ...before, required: ['name', 'size'] },
      'root: size became required',
    ],
    [
      'another list type',
      set({ list: { 'x-kubernetes-list-type': 'atomic' } }),
      'list: x-kubernetes-list-type changed from "map" to "atomic"',
    ],
    [
      'fields that are no longer kept',
      without('any', 'x-kubernetes-preserve-unknown-fields'),
      'any: x-kubernetes-preserve-unknown-fields changed from true to undefined',
    ],
    [
      'a new rule',
      set({ name: { 'x-kubernetes-validations': [{ rule: 'true', message: 'x' }] } }),
      'name: new rule true',
    ],
    [
      'a change inside a list',
      set({ list: { items: { type: 'object', required: ['name'], properties: {} } } }),
      'list[].name: removed',
    ],
    [
      'a change inside a map',
      set({ map: { additionalProperties: { type: 'string', maxLength: 2 } } }),
      'map.*: maxLength went down to 2',
    ],
  ]
  for (const [what, after, sentence] of breaking) {
    it(`with ${what} is refused`, () => {
      expect(findBreaks(before, after)).toEqual([sentence])
    })
  }

  const additive: [string, Structural][] = [
    ['nothing', before],
    ['a new optional field', set({ extra: { type: 'boolean' } })],
    ['a higher bound', set({ name: { maxLength: 20 } })],
    ['a new value', set({ mode: { enum: ['A', 'B', 'C'] } })],
    ['an enum that becomes free', without('mode', 'enum')],
    ['a field that is no longer required', { ...before, required: [] }],
  ]
  for (const [what, after] of additive) {
    it(`with ${what} is accepted`, () => {
      expect(findBreaks(before, after)).toEqual([])
    })
  }

  it('is none when a kind is compared with itself', () => {
    for (const kind of ['Model', 'Runtime'] as const)
      expect(findBreaks(toObjectSchema(kind), toObjectSchema(kind))).toEqual([])
  })
})
