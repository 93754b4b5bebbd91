// The converter accepts a closed list and refuses the rest with the path of what it met.
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { toRe2, toStructural } from '../../src/domain/crd-schema.ts'
import {
  atomicList,
  listByKey,
  passedThrough,
  text,
  textMap,
  withKeywords,
  withRules,
} from '../../src/domain/schema.ts'

const field = (schema: z.ZodType) => z.object({ field: schema.describe('A field.') })
const convert = (schema: z.ZodType) => toStructural(field(schema), 'spec').properties?.['field']

describe('A zod schema that becomes a CRD', () => {
  it('keeps defaults, bounds and enums of the input side; a field with a default is not required', () => {
    const schema = z.object({
      name: text(5).default('a').describe('A name.'),
      mode: z.enum(['A', 'B']).describe('A mode.'),
      on: z.boolean().default(false).describe('A switch.'),
    })
    expect(toStructural(schema, 'spec')).toEqual({
      type: 'object',
      required: ['mode'],
      properties: {
        name: { type: 'string', maxLength: 5, default: 'a', description: 'A name.' },
        mode: { type: 'string', enum: ['A', 'B'], description: 'A mode.' },
        on: { type: 'boolean', default: false, description: 'A switch.' },
      },
    })
  })

  it('tells integers by format and drops the bounds that every JavaScript integer has', () => {
    expect(convert(z.int())).toMatchObject({ format: 'int64' })
    expect(convert(z.int())).not.toHaveProperty('maximum')
    expect(convert(z.int().min(0).max(9))).toMatchObject({ format: 'int32', minimum: 0, maximum: 9 })
    expect(
      convert(
        z
          .int()
          .min(0)
          .max(2 ** 40),
      ),
    ).toMatchObject({ format: 'int64', maximum: 2 ** 40 })
  })

  it('drops the pattern of a format', () => {
    const schema = withKeywords(z.iso.datetime().max(64), {})
    expect(convert(schema)).toEqual({
      type: 'string',
      format: 'date-time',
      maxLength: 64,
      description: 'A field.',
    })
  })

  it('passes a part through whose fields are not ours', () => {
    expect(convert(passedThrough('Anything.'))).toEqual({
      type: 'object',
      description: 'A field.',
      'x-kubernetes-preserve-unknown-fields': true,
    })
  })

  it('says nothing about unknown fields of a strict object: the API server prunes them', () => {
    expect(convert(z.strictObject({}))).toEqual({ type: 'object', properties: {}, description: 'A field.' })
  })

  it('bounds a map by maxProperties and its keys by a rule', () => {
    expect(convert(textMap(3, 10, 20))).toMatchObject({
      maxProperties: 3,
      additionalProperties: { type: 'string', maxLength: 20 },
      'x-kubernetes-validations': [{ rule: 'self.all(key, size(key) <= 10)' }],
    })
  })

  const item = z.object({ name: text(5).describe('A name.'), kind: text(5).optional().describe('A kind.') })
  const refused: [string, z.ZodType, RegExp][] = [
    ['a text without bound', z.string(), /^spec\.field: needs maxLength/],
    ['a list without bound', withKeywords(z.array(text(1)), {}), /^spec\.field: needs maxItems/],
    ['a list without list type', z.array(text(1)).max(3), /^spec\.field: needs x-kubernetes-list-type/],
    ['an unbounded text in a list', atomicList(z.string(), 3), /^spec\.field\[\]: needs maxLength/],
    [
      'a list key that may be absent',
      listByKey(item, 'kind', 3),
      /^spec\.field: list key kind must be required/,
    ],
    ['a map without bound', z.record(z.string(), text(3)), /^spec\.field: needs maxProperties/],
    ['a field without description', z.object({ a: text(3) }), /^spec\.field\.a: needs a description/],
    ['a fraction', z.number(), /^spec\.field: type "number" is not accepted/],
    ['anything', z.any(), /^spec\.field: type undefined is not accepted/],
    ['a null', text(3).nullable(), /^spec\.field: keyword nullable is not accepted/],
    [
      'a choice of types',
      z.union([text(3), z.int()]),
      /^spec\.properties\.field: a CRD cannot say zod's union/,
    ],
    ['an unknown keyword', text(3).meta({ 'x-own': 1 }), /^spec\.field: keyword x-own is not accepted/],
    ['a multiple', z.int().multipleOf(2), /^spec\.field: keyword multipleOf is not accepted/],
    ['a refinement', text(3).refine(() => true), /^spec\.properties\.field: a refinement needs a CEL rule/],
    ['a check without twin', text(3).meta({ 'x-kubernetes-validations': [{}] }), /a CEL rule needs its twin/],
    ['a transform', text(3).transform(s => s), /cannot|transform/i],
    ['a changing check', text(3).trim(), /a refinement needs a CEL rule/],
    ['a lookahead', text(9).regex(/^(?!a)b/), /^spec\.field: pattern .* uses look-ahead/],
  ]
  for (const [what, schema, sentence] of refused) {
    it(`is refused with its path when it holds ${what}`, () => {
      expect(() => convert(schema)).toThrow(sentence)
    })
  }

  it('carries the sentence and the place of a rule, and judges by its twin', () => {
    const schema = field(
      withRules(text(9), [{ rule: "self != 'x'", message: 'must not be x', holds: self => self !== 'x' }]),
    )
    expect(toStructural(schema, 'spec').properties?.['field']).toMatchObject({
      'x-kubernetes-validations': [{ rule: "self != 'x'", message: 'must not be x' }],
    })
    expect(schema.safeParse({ field: 'x' }).error?.issues[0]).toMatchObject({
      path: ['field'],
      message: 'must not be x',
    })
  })
})

describe('A pattern', () => {
  it.each(['(?=a)', '(?!a)', '(?<=a)b', '(?<!a)b', '(?<n>a)', '(a)\\1', '\\u0041', '[^]', 'a{0,1000}'])(
    '%s is refused, because the API server reads RE2',
    pattern => {
      expect(() => toRe2(pattern, 'spec.x')).toThrow(/^spec\.x: /)
    },
  )

  it.each(['^[a-z]{1,63}$', '\\.', '(?:a|b)', '[\\[\\]]', 'a\\\\1', '^\\d+$'])('%s is accepted', pattern => {
    expect(toRe2(pattern, 'spec.x')).toBe(pattern)
  })

  it('loses the backslash before a slash', () => {
    expect(toRe2('a\\/b', 'spec.x')).toBe('a/b')
  })
})
