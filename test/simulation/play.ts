// Plays one scenario with the production loop, queue and rules in memory, under whatever weather it is given.
import { collectOrphans } from '../../src/platform/memory/memory-mishaps.ts'
import type { World } from '../../src/platform/memory/memory-world.ts'
import {
  type Controller,
  type ControllerOptions,
  createWorld,
  startController,
} from '../builders/memory-stage.ts'
import { watchInvariants } from './invariants.ts'
import { type Picture, picture } from './picture.ts'
import type { Operator, Scenario } from './scenario.ts'

export interface Played {
  readonly picture: Picture
  readonly violations: readonly string[]
  readonly world: World
}

/** What may go wrong; a weather without members is a calm one. */
export interface Weather {
  /** options of each controller that is started */
  readonly options?: (scene: Scene) => ControllerOptions
  /** before the first controller starts */
  readonly begins?: (scene: Scene) => void
  /** before each step */
  readonly beforeStep?: (step: number) => void
  /** after the last step */
  readonly clears?: (scene: Scene) => void
  /** after the rest, before the last controller stops */
  readonly rests?: (scene: Scene) => void
  readonly stepSeconds?: number
  readonly restSeconds?: number
  readonly checksStatus?: boolean
}

/** The world and the controllers in it. */
export interface Scene extends Operator {
  readonly world: World
  /** the newest one; another may run beside it */
  readonly controller: () => Controller
  /** Starts one when none lives. */
  readonly restart: () => void
  /** Only the newest one that lives goes on; when none lives, another is started. */
  readonly lead: () => void
}

export const play = async (scenario: Scenario, weather: Weather = {}): Promise<Played> => {
  const world = createWorld()
  scenario.scene(world)
  watchInvariants(world)
  collectOrphans(world)
  const { checksStatus = false, stepSeconds = 300, restSeconds = 10 } = weather
  const { seconds = 4 } = scenario
  Object.assign(world.script, { downloadSeconds: seconds, loadSeconds: seconds, checksStatus })
  const scene = openScene(world, scenario, weather)
  weather.begins?.(scene)
  scene.start()
  for (const [step, { does, until }] of scenario.steps.entries()) {
    weather.beforeStep?.(step)
    does(world, scene)
    if (!(await world.clock.until(() => until(world), stepSeconds * 1000)))
      world.violations.push(`step ${step} never came: ${JSON.stringify(picture(world))}`)
  }
  weather.clears?.(scene)
  await world.clock.run(restSeconds * 1000)
  weather.rests?.(scene)
  scene.stop()
  return { picture: picture(world), violations: world.violations, world }
}

const openScene = (world: World, { maxDownloads = 2 }: Scenario, { options }: Weather): Scene => {
  const onError = (line: string): void => void world.violations.push(line)
  const all: Controller[] = []
  const scene: Scene = {
    world,
    controller: () => all.at(-1) as Controller,
    start: () => void all.push(startController(world, { ...options?.(scene), maxDownloads, onError })),
    stop: () => {
      for (const one of all) one.stop()
    },
    restart: () => {
      if (!all.some(one => one.process.isAlive)) scene.start()
    },
    lead: () => {
      const alive = all.filter(one => one.process.isAlive)
      for (const old of alive.slice(0, -1)) old.stop()
      scene.restart()
    },
  }
  return scene
}
