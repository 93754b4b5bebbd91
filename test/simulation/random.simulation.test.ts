// Two thousand seeds of bad weather over every scenario: whatever happened on the way, the end is that of a calm day.
import { describe, expect, it } from 'vitest'
import { badWeather } from './bad-weather.ts'
import { play } from './play.ts'
import { replayOf, seedsOf } from './random.ts'
import { weatherproof as scenarios } from './scenarios.ts'

const seeds = seedsOf(2_000)

describe.each(scenarios.map((scenario, i) => ({ scenario, i })))('$scenario.name', ({ scenario, i }) => {
  const own = seeds.filter(seed => seed % scenarios.length === i)

  it(`ends the same way in bad weather (${own.length} seeds)`, { timeout: 120_000 }, async () => {
    const calm = await play(scenario, { restSeconds: 90 })
    expect(calm.violations).toEqual([])
    for (const seed of own) {
      const replay = replayOf(seed, 'random.simulation.test.ts')
      const { picture, violations } = await play(scenario, badWeather(seed))
      expect({ replay, violations, ...picture }).toEqual({ replay, violations: [], ...calm.picture })
    }
  })
})
