import { describe, expect, it } from 'vitest'
import { SharedStrings } from '../../../../src/platform/kubernetes/kernel/shared-strings.ts'

/** Text that was put together anew each time, as a parser does. */
const fresh = (n: number) => ({ status: { words: ['Ready', `message ${n % 3}`], count: n, gone: null } })

describe('Strings that many objects say', () => {
  it('are exchanged in place, and every value stays equal', () => {
    const strings = new SharedStrings()
    for (let n = 0; n < 20_000; n++) {
      const object = fresh(n)
      expect(strings.share(object)).toBe(object)
      if (n % 1_000 === 0) expect(object).toEqual(fresh(n))
    }
  })

  it('of any number and length come out as they went in', () => {
    const strings = new SharedStrings()
    const texts = Array.from({ length: 10_000 }, (_, n) => `${n}${'x'.repeat(n % 3_000)}`)
    expect(strings.share([...texts])).toEqual(texts)
  })

  it('below a depth that no object of ours has are left alone, however deep they lie', () => {
    let nest: unknown = 'word'
    for (let depth = 0; depth < 50_000; depth++) nest = [nest]
    expect(() => new SharedStrings().share(nest)).not.toThrow()
  })
})
