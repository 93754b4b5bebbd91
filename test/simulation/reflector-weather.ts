// The bad weather of a seed for a controller whose caches are the production reflectors: the same mishaps, and a bad way to the API server.
import { annotations } from '../../src/domain/object.ts'
import { annotate } from '../../src/platform/memory/memory-people.ts'
import type { World } from '../../src/platform/memory/memory-world.ts'
import { badWeather } from './bad-weather.ts'
import type { ApiWeather } from './memory-api-network.ts'
import { runtimeHistory } from './picture.ts'
import type { Played, Scene, Weather } from './play.ts'
import { randomOf } from './random.ts'
import { ReflectedSights, type ServedWorld, serveWorld } from './reflected-sight.ts'
import type { Scenario } from './scenario.ts'

/** Longer than a watch that fell silent, two waits and a read of everything take. */
export const restSeconds = 320
export const stepSeconds = 1_500
/** Of downloads and loads that a step waits for: longer than caches are blind, shorter than a load that counts as stalled. */
const slowSeconds = 300

/** The scenario as it can be played with caches that see nothing for minutes. */
export const withPatience = (scenario: Scenario): Scenario =>
  scenario.seconds === undefined ? scenario : { ...scenario, seconds: slowSeconds }

/**
 * What nobody could be told of is tried again, and an old leader that is blind begins once more what the next has settled: how often a
 * work ended so does not count, only how often bytes came. Nor do switches that failed because the caches showed a pod of before.
 */
export const endOf = ({ picture, world }: Played) => ({
  ...picture,
  runtimes: picture.runtimes.map(({ history: _, ...one }, i) => ({ ...one, history: historyOf(world, i) })),
  done: [...new Set(picture.done)],
  fetched: world.done
    .filter(({ fetched }) => fetched > 0)
    .map(({ owner }) => owner)
    .sort(),
})

const historyOf = ({ runtimes }: World, i: number): readonly string[] =>
  runtimeHistory(runtimes.list()[i]?.status.operations?.filter(one => one.reason !== blind))

/** What a controller says that asks a pod which is gone. */
const blind = 'EngineUnreachable'

/** Who reads that an engine cannot be reached asks again a minute later. */
const askAgain = (world: World): void => {
  for (const { metadata, status } of world.runtimes.list())
    if (status.conditions?.some(({ type, reason }) => type === 'Stalled' && reason === blind))
      annotate(world, 'Runtime', metadata.name, { [annotations.retry]: world.now() })
  world.clock.after(60_000, () => askAgain(world))
}

/** Weather of the writes and of the caches, without a seed both are calm. Against an old leader that is blind for minutes helps the lease. */
export const reflectorWeather = (seed?: number, fault: Pick<ApiWeather, 'losesEvents'> = {}): Weather => {
  const weather = seed === undefined ? {} : badWeather(seed, false)
  const random = randomOf(1_000_000 + (seed ?? 0))
  const all: ReflectedSights[] = []
  let world: ServedWorld | undefined
  let isBad = seed !== undefined
  const api = { random, isBad: () => isBad, canStreamLists: (seed ?? 0) % 3 > 0, ...fault }
  return {
    ...weather,
    restSeconds,
    stepSeconds,
    options: scene => {
      world ??= serveWorld(scene.world)
      const sights = new ReflectedSights(world, api)
      all.push(sights)
      const { lagMs: _, ...options } = weather.options?.(scene) ?? {}
      return { ...options, openSight: sights.open, ready: () => ready(scene, sights) }
    },
    begins: scene => {
      weather.begins?.(scene)
      askAgain(scene.world)
      trouble(scene, random, () => {
        if (!isBad) return false
        const tables = world?.server.tables ?? []
        if (random() < 0.5) for (const table of tables) table.compact()
        else all.at(-1)?.refill()
        return true
      })
    },
    clears: scene => {
      isBad = false
      weather.clears?.(scene)
    },
    rests: scene => {
      for (const sights of all) scene.world.violations.push(...sights.differences())
    },
  }
}

/** A process that could not fill its caches ends, and is started again; who ended before that has his own end. */
const ready = async ({ world, restart }: Scene, sights: ReflectedSights): Promise<void> => {
  try {
    await sights.synced()
  } catch (error) {
    if (!sights.isStopped) world.clock.after(1_000, restart)
    throw error
  }
}

/** Every now and then, as long as it is told to go on. */
const trouble = (scene: Scene, random: () => number, happens: () => boolean): void => {
  scene.world.clock.after(random() * 40_000, () => {
    if (happens()) trouble(scene, random, happens)
  })
}
