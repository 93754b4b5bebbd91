// Three hundred seeds: late views, refused and unanswered writes, kills, and wakes that nobody needed; the end is always the same.
import { describe, expect, it } from 'vitest'
import { keyOf } from '../../src/domain/object.ts'
import type { Fate } from '../../src/platform/memory/memory-process.ts'
import { createWorld, startController } from '../builders/memory-stage.ts'
import { type Journey, journeys, picture } from './memory-journeys.ts'

/** Park and Miller: the same seed is the same run, on every machine. */
const randomOf = (seed: number) => {
  let state = (seed * 2_654_435_761 + 1) % 2_147_483_647
  return () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
}

const fateOf = (roll: number): Fate => {
  if (roll < 0.02) return 'KilledBefore'
  if (roll < 0.04) return 'KilledAfter'
  if (roll < 0.08) return 'FailsBefore'
  return roll < 0.12 ? 'FailsAfter' : undefined
}

const play = async (journey: Journey, seed?: number) => {
  const world = createWorld()
  journey.scene(world)
  Object.assign(world.script, { downloadSeconds: 4, loadSeconds: 4, checksStatus: (seed ?? 0) % 10 === 0 })
  const random = randomOf(seed ?? 0)
  const onError = (line: string): void => void world.violations.push(line)
  let isDisturbed = seed !== undefined
  const lagMs = () => (isDisturbed && random() < 0.3 ? random() * 800 : 0)
  const fate = (write: string): Fate => {
    const chosen = isDisturbed ? fateOf(random()) : undefined
    // An engine that says no to a load has failed to load: another story.
    if (chosen?.startsWith('Fails') && write.startsWith('load of')) return undefined
    if (chosen?.startsWith('Killed')) world.clock.after(random() * 5_000, restart)
    return chosen
  }
  const options = { fate, lagMs, onError, random, workers: 1 + ((seed ?? 0) % 3) }
  let controller = startController(world, options)
  const restart = (): void => {
    controller = startController(world, options)
  }
  const wakeInVain = (): void => {
    if (!isDisturbed) return
    for (const object of [...world.models.list(), ...world.runtimes.list()]) controller.wake(keyOf(object))
    world.clock.after(random() * 20_000, wakeInVain)
  }
  wakeInVain()
  for (const { does, until } of journey.steps) {
    does(world)
    if (!(await world.clock.until(() => until(world), 600_000)))
      world.violations.push(`never came: ${JSON.stringify(picture(world))}`)
  }
  isDisturbed = false
  await world.clock.run(70_000)
  controller.stop()
  return { seed, violations: world.violations, ...picture(world) }
}

const seedsEach = 50

describe.each(journeys)('$name', journey => {
  it(`ends the same way in a bad world (${seedsEach} seeds)`, { timeout: 60_000 }, async () => {
    const calm = await play(journey)
    expect(calm.violations).toEqual([])
    const number = journeys.indexOf(journey)
    for (let seed = number * seedsEach; seed < (number + 1) * seedsEach; seed++)
      expect(await play(journey, seed)).toEqual({ ...calm, seed })
  })
})
