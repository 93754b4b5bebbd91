// Plays one change of a spec and its way back, with the production loop and rules in virtual time.
import type { Clock } from '../../src/domain/platform.ts'
import type { OpenSight } from '../../src/platform/memory/memory-process.ts'
import type { World } from '../../src/platform/memory/memory-world.ts'
import { type Sight, type Table, View } from '../../src/platform/memory/table.ts'
import { play } from './play.ts'
import type { Step } from './scenario.ts'
import type { Transition } from './spec-transitions.ts'
import {
  type End,
  endOf,
  judge,
  type Rest,
  type Serving,
  watchRest,
  watchServing,
} from './transition-judge.ts'
import { isServing, write, writeAll } from './transition-worlds.ts'

export interface PlayedTransition {
  /** what is wrong while the new spec stands */
  readonly faults: readonly string[]
  readonly violations: readonly string[]
  readonly before: End
  /** the way back has settled */
  readonly after: End
}

/** What is seen on the way. */
interface Notes {
  rest: Rest
  before?: End
  serving?: Serving
  faults: readonly string[]
}

/** `weaken` makes the world or the product worse when the new spec is written. */
export const playTransition = async (
  transition: Transition,
  weaken: (world: World) => void = () => undefined,
): Promise<PlayedTransition> => {
  const { cast } = transition
  const notes = { faults: [] } as unknown as Notes
  const scene = (world: World): void => {
    cast.scene(world)
    notes.rest = watchRest(world)
  }
  const { violations, world } = await play(
    { name: cast.name, scene, steps: stepsOf(transition, notes, weaken) },
    { stepSeconds: 3_600, restSeconds: 0, options: ({ world }) => ({ openSight: countLooks(world, notes) }) },
  )
  const { faults, before = endOf(world) } = notes
  return { faults, violations, before, after: endOf(world) }
}

const stepsOf = (
  { cast, key, ...transition }: Transition,
  notes: Notes,
  weaken: (world: World) => void,
): readonly Step[] => {
  const isAtRest = (): boolean => notes.rest.isThere()
  return [
    { does: world => writeAll(world, cast), until: world => isAtRest() && isServing(cast)(world) },
    {
      does: world => {
        notes.before = endOf(world)
        notes.serving = watchServing(world, cast.runtime)
        weaken(world)
        write(world, key, transition.after)
      },
      until: isAtRest,
    },
    {
      does: world => {
        notes.serving?.stop()
        const judged = notes.serving ? judge(world, { cast, key, ...transition }, notes.serving) : []
        notes.faults = [...judged, ...notes.rest.restless()]
        write(world, key, transition.before)
      },
      until: isAtRest,
    },
  ]
}

/** A look at a key reads its object once. */
const countLooks = (world: World, { rest }: Notes): OpenSight => {
  const objects: readonly unknown[] = [world.models, world.runtimes]
  return <T>(table: Table<T>, clock: Clock): Sight<T> => {
    const view = new View(table, clock, () => 0)
    if (!objects.includes(table)) return view
    const get = view.get.bind(view)
    return Object.assign(view, {
      get: (name: string): T | undefined => {
        rest.noteLook(name)
        return get(name)
      },
    })
  }
}
