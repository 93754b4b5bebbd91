// Reading one's own writes: a key waits until the cache has read what was written for it.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareVersions, Freshness } from '../../../../src/platform/kubernetes/kernel/freshness.ts'

class Cache {
  resourceVersion: string | undefined
  refills = 0
  constructor(resourceVersion?: string) {
    this.resourceVersion = resourceVersion
  }
  refill(): void {
    this.refills++
  }
}

/** A cache of at most one object. */
class Showing extends Cache {
  shown: { uid: string; deletionTimestamp?: string } | undefined
  constructor(shown: { uid: string }) {
    super()
    this.shown = shown
  }
  get() {
    return this.shown && { metadata: this.shown }
  }
}

const version = (resourceVersion: string) => ({ metadata: { resourceVersion } })

describe('versions', () => {
  it('any two whole numbers compare as numbers, however long', () => {
    const whole = fc.bigInt({ min: 1n, max: 2n ** 90n })
    fc.assert(
      fc.property(whole, whole, (one, other) => {
        const expected = one < other ? -1 : one > other ? 1 : 0
        expect(Math.sign(compareVersions(String(one), String(other)) ?? Number.NaN)).toBe(expected)
      }),
    )
  })

  it.each(['', '0', '01', '-1', '1e3', 'abc'])('%j is no version', text => {
    expect(compareVersions(text, '5')).toBeUndefined()
  })
})

describe('freshness', () => {
  it('a key without a write is never behind', () => {
    expect(new Freshness().isBehind('a')).toBe(false)
  })

  it('a key is behind until the cache has read its write, or anything later', () => {
    const [freshness, cache] = [new Freshness(), new Cache('9')]
    freshness.recordWrite('a', cache, version('10'))
    expect(freshness.isBehind('a')).toBe(true)
    expect(freshness.isBehind('b')).toBe(false)
    cache.resourceVersion = '11'
    expect(freshness.isBehind('a')).toBe(false)
  })

  it('a cache that has read nothing yet is behind', () => {
    const freshness = new Freshness()
    freshness.recordWrite('a', new Cache(), version('10'))
    expect(freshness.isBehind('a')).toBe(true)
  })

  it('with writes to two caches the slower one decides', () => {
    const [freshness, jobs, models] = [new Freshness(), new Cache('20'), new Cache('9')]
    freshness.recordWrite('a', jobs, version('20'))
    freshness.recordWrite('a', models, version('21'))
    expect(freshness.isBehind('a')).toBe(true)
    models.resourceVersion = '21'
    expect(freshness.isBehind('a')).toBe(false)
  })

  it('an earlier write that is told later does not lower the bar', () => {
    const [freshness, cache] = [new Freshness(), new Cache('15')]
    freshness.recordWrite('a', cache, version('20'))
    freshness.recordWrite('a', cache, version('12'))
    expect(freshness.isBehind('a')).toBe(true)
  })

  it('what was taken away is seen when the cache shows it no more, or as being deleted, or another of its name', () => {
    const removed = { namespace: 'n', name: 'a', uid: '1' }
    for (const later of [undefined, { uid: '1', deletionTimestamp: 'now' }, { uid: '2' }]) {
      const [freshness, cache] = [new Freshness(), new Showing({ uid: '1' })]
      freshness.recordRemoval('a', cache, removed)
      expect(freshness.isBehind('a')).toBe(true)
      cache.shown = later
      expect(freshness.isBehind('a')).toBe(false)
    }
  })

  it('a write and a removal in one cache are both waited for', () => {
    const [freshness, cache] = [new Freshness(), new Showing({ uid: '1' })]
    cache.resourceVersion = '9'
    freshness.recordWrite('a', cache, version('10'))
    freshness.recordRemoval('a', cache, { namespace: 'n', name: 'a', uid: '1' })
    cache.resourceVersion = '10'
    expect(freshness.isBehind('a')).toBe(true)
    cache.shown = undefined
    expect(freshness.isBehind('a')).toBe(false)
  })

  it('a cache that stays behind is asked to read everything, once, and the key goes on', () => {
    let now = 0
    const givenUp: string[] = []
    const freshness = new Freshness({ now: () => now, onGiveUp: key => givenUp.push(key) })
    const cache = new Cache('9')
    freshness.recordWrite('a', cache, version('10'))
    now = 29_999
    expect([freshness.isBehind('a'), cache.refills]).toEqual([true, 0])
    now = 30_000
    expect([freshness.isBehind('a'), freshness.isBehind('a')]).toEqual([false, false])
    expect([cache.refills, givenUp]).toEqual([1, ['a']])
  })
})
