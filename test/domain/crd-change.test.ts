// Rules about a change, as every store that is no API server asks them.
import { describe, expect, it } from 'vitest'
import { findChangeRefusal } from '../../src/domain/crd-change.ts'
import { parseSpec } from '../../src/domain/crd-parse.ts'
import type { Kind } from '../../src/domain/object.ts'
import { ruleCases } from './crd-cases.ts'

const parsed = (kind: Kind, spec: unknown): unknown => {
  const read = parseSpec(kind, spec)
  if ('invalid' in read) throw new Error(read.invalid)
  return read.spec
}

const changes = ruleCases.filter(({ before }) => before !== undefined)

describe('A change of a spec', () => {
  it('has rules', () => expect(changes.length).toBeGreaterThan(3))

  it.each(changes)('$kind: $message', ({ kind, before, good, bad, message }) => {
    const refusal = (after: unknown) => findChangeRefusal(kind, parsed(kind, before), parsed(kind, after))
    expect(refusal(good)).toBeUndefined()
    expect(refusal(bad)).toContain(`: ${message}`)
    expect(refusal(bad)).toMatch(/^spec\./)
  })

  it('of nothing is allowed', () => {
    for (const { kind, good } of changes)
      expect(findChangeRefusal(kind, parsed(kind, good), parsed(kind, good))).toBeUndefined()
  })
})
