// Parsing a spec outside the API server: the same defaults, and one sentence that names the field.
import { describe, expect, it } from 'vitest'
import { checkName, toObjectSchema } from '../../src/domain/crd.ts'
import { parseSpec } from '../../src/domain/crd-parse.ts'
import type { Structural } from '../../src/domain/crd-schema.ts'
import { kinds } from '../../src/domain/kinds.ts'
import type { Kind } from '../../src/domain/object.ts'
import { adopting, badInputs, fromHub, ruleCases } from './crd-cases.ts'

const rulesOf = (schema: Structural | undefined, at: string): { at: string; message: string }[] => {
  if (!schema) return []
  const own = (schema['x-kubernetes-validations'] ?? []).map(({ message }) => ({ at, message }))
  const fields = Object.entries(schema.properties ?? {}).flatMap(([name, child]) =>
    rulesOf(child, at ? `${at}.${name}` : name),
  )
  return [
    ...own,
    ...fields,
    ...rulesOf(schema.items, `${at}[]`),
    ...rulesOf(schema.additionalProperties, `${at}.*`),
  ]
}

describe('A spec that is parsed outside the API server', () => {
  it('gets the defaults of the schema, also inside parts that were left out', () => {
    const parsed = parseSpec('Runtime', adopting())
    expect(parsed).toEqual({
      spec: {
        ...adopting(),
        desiredState: 'Active',
        onModelUpdate: 'Manual',
        alias: 'active',
        proof: { mode: 'Task', intervalSeconds: 60, timeoutSeconds: 20 },
        switch: { drainSeconds: 30, onFailure: 'Rollback' },
        paused: false,
      },
    })
    expect(parseSpec('Model', fromHub())).toMatchObject({
      spec: { source: { huggingFace: { revision: 'main' } }, deletionPolicy: 'Delete' },
    })
  })

  it('keeps a pod template as it was written', () => {
    const podTemplate = { spec: { containers: [{ name: 'vllm', image: 'x' }] } }
    const parsed = parseSpec('Runtime', { engine: 'VLLM', kubernetes: { podTemplate } })
    expect(parsed).toMatchObject({ spec: { kubernetes: { podTemplate } } })
  })

  for (const { what, kind, spec, field } of badInputs) {
    it(`with ${what} is refused, and the sentence names ${field}`, () => {
      const parsed = parseSpec(kind, spec)
      expect(parsed).toHaveProperty('invalid')
      const sentence = 'invalid' in parsed ? parsed.invalid : ''
      expect(sentence).toMatch(new RegExp(`^${field.replace(/[.[\]]/g, '\\$&')}: `))
      expect(sentence.length).toBeLessThan(700)
      expect(sentence).toMatch(/^[\x20-\x7e’…]*$/)
    })
  }

  it('says what the field is for, so that a person can correct it', () => {
    expect(parseSpec('Model', fromHub({ repo: '../etc' }))).toEqual({
      invalid:
        'spec.source.huggingFace.repo: "../etc" does not match ^[A-Za-z0-9][A-Za-z0-9._-]{0,95}(\\/[A-Za-z0-9][A-Za-z0-9._-]{0,95})?$ (owner/name on the Hub)',
    })
  })

  it.each([undefined, null, 5, 'text', []])('that is %j is refused without throwing', input => {
    expect(parseSpec('Model', input)).toHaveProperty('invalid')
  })
})

describe('The rules that CEL checks on a cluster', () => {
  const all = (['Model', 'Runtime'] as Kind[]).flatMap(kind =>
    rulesOf(toObjectSchema(kind).properties?.['spec'], '').map(rule => ({ kind, ...rule })),
  )

  it('each have one case that passes and one that fails', () => {
    const told = ruleCases.map(({ kind, at, message }) => ({ kind, at, message }))
    expect(told.sort(byText)).toEqual(all.sort(byText))
  })

  it('stand only in spec and on the name: the status is ours', () => {
    for (const kind of Object.keys(kinds) as Kind[]) {
      expect(rulesOf(toObjectSchema(kind).properties?.['status'], 'status')).toEqual([])
    }
  })

  for (const { kind, at, message, good, bad, before } of ruleCases) {
    if (before) continue
    it(`${kind} ${at || 'spec'}: "${message}" is our own sentence too`, () => {
      expect(parseSpec(kind, good)).toHaveProperty('spec')
      const parsed = parseSpec(kind, bad)
      expect('invalid' in parsed && parsed.invalid).toMatch(message)
    })
  }

  it.each([
    ['gpu-a', true],
    ['a'.repeat(63), true],
    ['a'.repeat(64), false],
    ['llama3.2', false],
    ['-a', false],
  ])('the name %s: %s', (name, isGood) => {
    expect(checkName(name) === undefined).toBe(isGood)
  })
})

const byText = (a: object, b: object) => JSON.stringify(a).localeCompare(JSON.stringify(b))
