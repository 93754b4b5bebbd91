// How long a failing key waits.
import { describe, expect, it } from 'vitest'
import { createBackoff } from '../../src/controller/backoff.ts'

const steady = () => 0.5

describe('A key that keeps failing', () => {
  it('waits twice as long each time, up to five minutes', () => {
    const backoff = createBackoff(steady)
    const waits = Array.from({ length: 14 }, () => backoff.next('a'))
    expect(waits.slice(0, 4)).toEqual([250, 500, 1000, 2000])
    expect(waits.at(-1)).toBe(300_000)
  })

  it('never waits more than five minutes, whatever the jitter', () => {
    const backoff = createBackoff(() => 0.999)
    for (let n = 0; n < 2000; n++) expect(backoff.next('a')).toBeLessThanOrEqual(300_000)
  })

  it('begins anew after a success, and does not disturb others', () => {
    const backoff = createBackoff(steady)
    backoff.next('a')
    backoff.next('a')
    expect(backoff.next('b')).toBe(250)
    backoff.forget('a')
    expect(backoff.next('a')).toBe(250)
  })
})

describe('Many keys that fail at once', () => {
  it('are retried ten a second after the first hundred', () => {
    let now = 0
    const backoff = createBackoff(steady, () => now)
    const waits = Array.from({ length: 150 }, (_, n) => backoff.next(`k${n}`))
    expect(waits.slice(0, 100).every(wait => wait === 250)).toBe(true)
    expect(waits[149]).toBeCloseTo(5000)
    now = 60_000
    expect(backoff.next('later')).toBe(250)
  })
})
