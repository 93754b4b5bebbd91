// The controller is killed before and after each write of each main journey; the next one ends it the same way.
import { describe, expect, it } from 'vitest'
import type { Fate } from '../../src/platform/memory/memory-process.ts'
import { createWorld, startController } from '../builders/memory-stage.ts'
import { type Journey, journeys, picture } from './memory-journeys.ts'

interface Played {
  readonly picture: ReturnType<typeof picture>
  readonly violations: readonly string[]
  readonly writes: readonly string[]
  /** writes before the first step in which it may be killed */
  readonly known: number
}

/** Plays it; the n-th write (from 0) kills the controller, and the next starts two seconds later. */
const play = async (
  journey: Journey,
  kill?: { readonly at: number; readonly fate: Fate },
): Promise<Played> => {
  const world = createWorld()
  journey.scene(world)
  Object.assign(world.script, { downloadSeconds: 4, loadSeconds: 4, checksStatus: kill === undefined })
  const writes: string[] = []
  const onError = (line: string): void => void world.violations.push(line)
  const fate = (write: string): Fate => {
    writes.push(write)
    if (kill === undefined || writes.length !== kill.at + 1) return undefined
    world.clock.after(2_000, () => {
      controller = startController(world, { fate, onError })
    })
    return kill.fate
  }
  let controller = startController(world, { fate, onError })
  let known = 0
  for (const [step, { does, until }] of journey.steps.entries()) {
    if (step === journey.known) known = writes.length
    does(world)
    if (!(await world.clock.until(() => until(world), 300_000)))
      world.violations.push(`never came: ${JSON.stringify(picture(world))}`)
  }
  await world.clock.run(10_000)
  controller.stop()
  return { picture: picture(world), violations: world.violations, writes, known }
}

describe.each(journeys)('$name', journey => {
  it('ends the same way when the controller is killed before or after any write', {
    timeout: 60_000,
  }, async () => {
    const calm = await play(journey)
    expect(calm.violations).toEqual([])
    for (let at = calm.known; at < calm.writes.length; at++) {
      for (const fate of ['KilledBefore', 'KilledAfter'] as const) {
        const played = await play(journey, { at, fate })
        const where = `${fate} write ${at}: ${played.writes[at]}`
        expect({ where, violations: played.violations }).toEqual({ where, violations: [] })
        expect({ where, ...played.picture }).toEqual({ where, ...calm.picture })
      }
    }
  })
})
