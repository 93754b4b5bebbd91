// What a merge patch makes of a value: the examples of RFC 7396, appendix A, and what it leaves alone.
import { describe, expect, it } from 'vitest'
import { mergePatch } from '../../src/domain/merge-patch.ts'

describe('A merge patch', () => {
  it.each<[unknown, unknown, unknown]>([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [
      ['a', 'b'],
      ['c', 'd'],
      ['c', 'd'],
    ],
    [{ a: 'b' }, ['c'], ['c']],
    [{ a: 'foo' }, null, null],
    [{ a: 'foo' }, 'bar', 'bar'],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [[1, 2], { a: 'b', c: null }, { a: 'b' }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    [null, { a: 1 }, { a: 1 }],
    ['text', { a: 1 }, { a: 1 }],
  ])('of %j with %j is %j', (target, patch, wanted) =>
    expect(mergePatch(target, patch)).toStrictEqual(wanted),
  )

  it('changes neither of its arguments', () => {
    const [target, patch] = [{ a: { b: 1 } }, { a: { b: null, c: { d: null } } }]
    mergePatch(target, patch)
    expect([target, patch]).toStrictEqual([{ a: { b: 1 } }, { a: { b: null, c: { d: null } } }])
  })
})
