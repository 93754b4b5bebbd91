// Ten thousand short schedules: no work is created twice, and no finished download is fetched again.
import { describe, expect, it } from 'vitest'
import { replayOf, seedsOf } from './random.ts'
import { playSchedule } from './schedule.ts'

const chunk = 1_000

describe.each(Array.from({ length: 10 }, (_, i) => i * chunk))('schedules from %i', first => {
  it('create no work twice and fetch no finished download again', { timeout: 120_000 }, async () => {
    for (const seed of seedsOf(chunk, first)) {
      const { kind, ...found } = await playSchedule(seed)
      const replay = replayOf(seed, 'schedules.simulation.test.ts')
      const nothing = { violations: [], repeated: [], created: [], works: 0 }
      expect({ replay, kind, ...found }).toEqual({ replay, kind, ...nothing })
    }
  })
})
