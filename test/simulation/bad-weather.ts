// Weather from a number: late and broken views, writes refused, unanswered, late or in conflict, kills, an old leader that goes on.
import { keyOf } from '../../src/domain/object.ts'
import { putObject, tableOf } from '../../src/platform/memory/memory-people.ts'
import type { Fate } from '../../src/platform/memory/memory-process.ts'
import type { World } from '../../src/platform/memory/memory-world.ts'
import type { Scene, Weather } from './play.ts'
import { randomOf } from './random.ts'

type Random = () => number

/** Upper bounds of one roll for each fate of a write. */
const odds: readonly (readonly [number, Fate])[] = [
  [0.01, 'KilledBefore'],
  [0.02, 'KilledUnanswered'],
  [0.03, 'KilledAfter'],
  [0.04, 'KilledInFlight'],
  [0.08, 'FailsBefore'],
  [0.12, 'FailsAfter'],
  [0.14, 'Late'],
]

const fateOf = (roll: number): Fate => odds.find(([limit]) => roll < limit)?.[1]

/** Somebody else writes the object just before: what the controller saw is stale, and the server answers 409. */
const disturb = (world: World, write: string): void => {
  const [, kind, name = ''] = /^(?:status|finalizer) of (Model|Runtime)\/([^:]+)/.exec(write) ?? []
  if (kind === 'Model' || kind === 'Runtime') {
    const table = tableOf(world, kind)
    const object = table.get(name)
    if (object) putObject(table, object)
    return
  }
  const [, deployment = ''] = /^(?:prepare|apply|revert|scale|restore) of (\S+)/.exec(write) ?? []
  world.edit(world.deployments, deployment, one => ({ ...one }))
}

const isOdd = (random: Random, odds: number): boolean => random() < odds

/** `rivals`: now and then an old leader goes on. */
export const badWeather = (seed: number, rivals = true): Weather => {
  const random = randomOf(seed)
  let isBad = true
  const fate = (scene: Scene) => (write: string) => {
    if (!isBad) return undefined
    if (isOdd(random, 0.04)) disturb(scene.world, write)
    const chosen = fateOf(random())
    // An engine that says no to a load has failed to load: another story.
    if (chosen?.startsWith('Fails') && write.startsWith('load of')) return undefined
    if (chosen?.startsWith('Killed')) scene.world.clock.after(random() * 5_000, scene.restart)
    return chosen
  }
  const lagMs = () => (isBad && isOdd(random, 0.3) ? random() * 800 : 0)
  const workers = 1 + (seed % 3)
  return {
    checksStatus: seed % 10 === 0,
    stepSeconds: 900,
    restSeconds: 90,
    options: scene => ({ fate: fate(scene), lagMs, random, workers }),
    begins: scene => {
      const whileBad = (act: () => void): void => {
        if (isBad) act()
      }
      wakeInVain(scene, random, whileBad)
      if (rivals && isOdd(random, 0.4) && !servesInPlace(scene)) electAnother(scene, random, whileBad)
    },
    clears: scene => {
      isBad = false
      scene.lead()
    },
  }
}

type WhileBad = (act: () => void) => void

/** Events that say nothing new, of one object or of all. */
const wakeInVain = (scene: Scene, random: Random, whileBad: WhileBad): void => {
  const { world } = scene
  const wake = (): void => {
    for (const object of [...world.models.list(), ...world.runtimes.list()])
      scene.controller().wake(keyOf(object))
    wakeInVain(scene, random, whileBad)
  }
  world.clock.after(random() * 20_000, () => whileBad(wake))
}

/** A load has no version by which the engine could refuse it: against an old leader there only the lease helps. */
const servesInPlace = ({ world }: Scene): boolean =>
  world.deployments.list().some(one => one.engine === 'Ollama')

/** A second controller begins to lead while the first, which has not noticed, goes on for up to 40 seconds. */
const electAnother = (scene: Scene, random: Random, whileBad: WhileBad): void => {
  scene.world.clock.after(random() * 30_000, () =>
    whileBad(() => {
      scene.start()
      scene.world.clock.after(random() * 40_000, () => whileBad(scene.lead))
    }),
  )
}
