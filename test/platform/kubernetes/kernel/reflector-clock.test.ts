// When the watches of a process end: together, and none so soon that it begins twice.
import { describe, expect, it } from 'vitest'
import { secondsOfRound } from '../../../../src/platform/kubernetes/kernel/reflector-clock.ts'

describe('The length of a watch', () => {
  it.each([
    ['a whole round at its beginning', 70_000, 35],
    ['what is left of the round', 75_000, 30],
    ['whole seconds', 75_499, 30],
    ['whole seconds', 75_501, 29],
    ['no less than two seconds', 103_000, 2],
    ['a whole round a moment before the others', 104_200, 35],
    ['a whole round a moment after them', 105_040, 35],
  ])('is %s (%i ms)', (_, nowMs, seconds) => {
    expect(secondsOfRound(nowMs, 35)).toBe(seconds)
  })

  it.each([1, 2, 3, 35])('is never longer than a round of %i s, nor nothing', round => {
    const all = Array.from({ length: 2_000 }, (_, n) => secondsOfRound(n * 53, round))
    expect([Math.min(...all), Math.max(...all)]).toEqual([Math.min(2, round), round])
  })

  it('lets those that began at any time end within a second of each other, for good', () => {
    const ends = Array.from({ length: 100 }, (_, n) => 1_000 + n * 1_700).map(begin => {
      let now = begin
      // A little is lost at each change.
      while (now < 3_600_000) now += secondsOfRound(now, 35) * 1000 + 3
      return now
    })
    const phases = ends.map(end => (((end + 17_500) % 35_000) - 17_500) / 1000)
    expect(Math.max(...phases) - Math.min(...phases)).toBeLessThanOrEqual(2)
  })
})
