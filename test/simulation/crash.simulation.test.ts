// The controller is killed before, unanswered after and after each write of every scenario; the next one ends it the same way.
import { describe, expect, it } from 'vitest'
import type { Fate } from '../../src/platform/memory/memory-process.ts'
import { keyScenarios } from './key-scenarios.ts'
import { type Played, play } from './play.ts'
import type { Scenario } from './scenario.ts'
import { scenarios } from './scenarios.ts'
import { countWrites, type WriteCount } from './write-count.ts'

interface Kill {
  readonly at: number
  readonly fate: Fate
}

interface Counted extends Played {
  readonly count: WriteCount
  readonly writes: readonly string[]
  /** writes before the first step in which it may be killed */
  readonly known: number
}

/** Plays it; the n-th write (from 0) kills the controller, and the next starts two seconds later. */
const playKilled = async (scenario: Scenario, kill?: Kill): Promise<Counted> => {
  const writes: string[] = []
  let count: WriteCount = { steps: [], progress: [] }
  let known = 0
  const played = await play(scenario, {
    checksStatus: kill === undefined,
    begins: ({ world }) => {
      count = countWrites(world)
    },
    options: scene => ({
      fate: write => {
        writes.push(write)
        const fate = writes.length - 1 === kill?.at ? kill.fate : undefined
        if (fate) scene.world.clock.after(2_000, () => scene.start())
        if (fate !== 'KilledBefore' && !write.startsWith('status of')) count.steps.push(write)
        return fate
      },
    }),
    beforeStep: step => {
      if (step === scenario.known) known = writes.length
    },
  })
  return { ...played, writes, known, count }
}

const moreAllowed = 3

describe.each([...scenarios, ...keyScenarios])('$name', scenario => {
  it('ends the same way when the controller is killed at any write', { timeout: 120_000 }, async () => {
    const calm = await playKilled(scenario)
    expect(calm.violations).toEqual([])
    for (let at = calm.known; at < calm.writes.length; at++) {
      for (const fate of ['KilledBefore', 'KilledUnanswered', 'KilledAfter'] as const) {
        const { picture, violations, writes, count } = await playKilled(scenario, { at, fate })
        const where = `${fate} write ${at}: ${writes[at]}`
        const isFrugal = count.steps.length <= calm.count.steps.length + moreAllowed
        expect({ where, violations, ...picture, more: isFrugal ? [] : count.steps }).toEqual({
          where,
          violations: [],
          ...calm.picture,
          more: [],
        })
      }
    }
  })
})

it('plays at least 20 scenarios', () => {
  expect(new Set(scenarios.map(({ name }) => name)).size).toBeGreaterThanOrEqual(20)
})
