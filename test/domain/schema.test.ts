// The pieces of every schema, and the sentences that a person gets when one does not hold.
import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { parseSpec } from '../../src/domain/crd-parse.ts'
import { dateTime, parseQuantity, textMap } from '../../src/domain/schema.ts'
import { adopting, fromHub, fromOllama } from './crd-cases.ts'

describe('A quantity', () => {
  it.each([
    ['0', 0],
    ['500', 500],
    ['1k', 1000],
    ['2M', 2e6],
    ['3G', 3e9],
    ['1.5T', 1.5e12],
    ['1P', 1e15],
    ['1Ki', 1024],
    ['2Mi', 2 * 1024 ** 2],
    ['24Gi', 24 * 1024 ** 3],
    ['1Ti', 1024 ** 4],
    ['1Pi', 1024 ** 5],
    ['12.25Ki', 12_544],
    ['0.0001k', 0],
    ['', undefined],
    [undefined, undefined],
    ['Gi', undefined],
    ['1X', undefined],
    ['none', undefined],
    ['x1', undefined],
    ['1 k', undefined],
    ['1k!', undefined],
    ['1.', undefined],
    ['.5', undefined],
    ['1.x', undefined],
    ['-1', undefined],
  ])('%j is %s bytes', (text, bytes) => {
    expect(parseQuantity(text)).toBe(bytes)
  })
})

describe('A date and time', () => {
  it.each([
    ['2026-01-01T12:00:00Z', true],
    ['yesterday', false],
    ['', false],
    [`2026-01-01T12:00:00.${'0'.repeat(60)}Z`, false],
  ])('is %j: %s', (text, isGood) => {
    expect(dateTime().safeParse(text).success).toBe(isGood)
  })
})

describe('A map of short texts', () => {
  const map = textMap(2, 3, 4)
  const issues = (value: unknown) => map.safeParse(value).error?.issues.map(issue => issue.message) ?? []

  it('has as many entries, keys as long and values as long as it may', () => {
    expect(issues({ abc: '1234', b: '' })).toEqual([])
    expect(issues({ a: '', b: '', c: '' })).toEqual(['must have at most 2 entries'])
    expect(issues({ abcd: '', a: '' })).toEqual(['keys must have at most 3 characters'])
    expect(issues({ a: '12345' })).toHaveLength(1)
    expect(z.toJSONSchema(map, { unrepresentable: 'any' })).toMatchObject({ maxProperties: 2 })
  })
})

describe('The sentence of a spec that does not fit', () => {
  const long = 'x'.repeat(300)
  it.each<['Model' | 'Runtime', object, string]>([
    [
      'Model',
      { source: undefined },
      'spec.source: is required (Where the bytes come from; exactly one member)',
    ],
    ['Runtime', { kubernetes: { deploymentName: 'vllm' } }, 'spec.engine: is required (The program family)'],
    [
      'Model',
      { ...fromHub(), paused: 'yes' },
      'spec.paused: must be of type boolean (Stops work and keeps what was fetched)',
    ],
    [
      'Model',
      { ...fromHub(), deletionPolicy: 'Keep' },
      'spec.deletionPolicy: "Keep" is not one of Delete, Retain',
    ],
    ['Model', { ...fromHub(), runtimes: [{ name: 'A_B' }] }, 'spec.runtimes[0].name: "A_B" does not match ^'],
    [
      'Model',
      fromHub({ revision: long }),
      'spec.source.huggingFace.revision: must be at most 255 characters (',
    ],
    ['Model', fromHub({ repo: '' }), 'spec.source.huggingFace.repo: must be at least 1 characters ('],
    [
      'Model',
      { ...fromHub(), runtimes: Array.from({ length: 17 }, (_, n) => ({ name: `r${n}` })) },
      'spec.runtimes: must be at most 16 items (',
    ],
    ['Model', fromOllama('a//b'), 'spec.source.ollama.name: '],
    [
      'Runtime',
      { ...adopting(), proof: { intervalSeconds: 0 } },
      'spec.proof.intervalSeconds: must be at least 1 (',
    ],
    [
      'Runtime',
      { ...adopting(), proof: { intervalSeconds: 1e9 } },
      'spec.proof.intervalSeconds: must be at most ',
    ],
    ['Runtime', { ...adopting(), proof: null }, 'spec.proof: must be of type object'],
    ['Model', { ...fromHub(), runtimes: [{ names: 'a' }] }, 'spec.runtimes[0].names: unknown field'],
    ['Runtime', { ...adopting(), 'ev\u001bil': 1 }, 'spec.ev\\u001bil: unknown field'],
  ])('of a %s: %j', (kind, spec, sentence) => {
    const parsed = parseSpec(kind, spec)
    expect('invalid' in parsed && parsed.invalid).toContain(sentence)
  })

  it('ends neither in a full stop nor in a blank', () => {
    const parsed = parseSpec('Runtime', { ...adopting(), proof: { intervalSeconds: 0 } })
    expect('invalid' in parsed && parsed.invalid).toMatch(/at least \d+ \([^()]*[^.\s]\)$/)
  })
})
