// Tells a story as text: what people and the world did, what the controller did, and how each object's caption changed.

import type { Condition } from '../../src/domain/conditions.ts'
import { findCondition } from '../../src/domain/conditions.ts'
import type { Model, Runtime } from '../../src/domain/object.ts'
import type { World } from '../../src/platform/memory/memory-world.ts'
import { type Controller, createWorld, startController } from '../builders/memory-stage.ts'

export interface Stage {
  readonly world: World
  /** Somebody outside the controller does something. */
  does(who: string, act: () => void): void
  /** Lets so many seconds pass. */
  pass(seconds: number): Promise<void>
  /** Lets time pass until it holds; throws when it never does. */
  until(what: string, holds: () => boolean, seconds?: number): Promise<void>
  readonly text: () => string
}

export interface Telling {
  readonly lines: string[]
  say(who: string, what: string): void
}

const telling = (world: World): Telling => {
  const lines: string[] = []
  const start = world.clock.now().getTime()
  return {
    lines,
    say: (who, what) => {
      const seconds = (world.clock.now().getTime() - start) / 1000
      lines.push(`${seconds.toFixed(1).padStart(7)}  ${who.padEnd(12)}  ${what}`)
    },
  }
}

const caption = ({ status }: Model | Runtime): string => {
  const step = 'switch' in status && status.switch ? ` ${status.switch.step}` : ''
  const conditions = status.conditions as readonly Condition[] | undefined
  const ready = findCondition(conditions, 'Ready')
  const stalled = findCondition(conditions, 'Stalled') ? ', stalled' : ''
  return `${status.phase ?? 'new'}${step} (Ready=${ready?.status ?? '-'} ${ready?.reason ?? '-'}${stalled})`
}

/** Writes a line when the caption changes, with the words people read. */
const follow = (world: World, { say }: Telling): void => {
  const told = new Map<string, string>()
  const look = (object: Model | Runtime | undefined, name: string, kind: string): void => {
    const who = `${kind} ${name.slice(name.indexOf('/') + 1)}`
    if (!object) {
      say(who, 'is gone')
      return
    }
    const now = caption(object)
    if (told.get(who) === now) return
    told.set(who, now)
    const message = findCondition(object.status.conditions as Condition[] | undefined, 'Ready')?.message
    if (object.status.phase) say(who, `${now}: ${message}`)
  }
  world.models.subscribe(({ name }) => look(world.models.get(name), name, 'Model'))
  world.runtimes.subscribe(({ name }) => look(world.runtimes.get(name), name, 'Runtime'))
}

export const followController = ({ say }: Telling) => ({
  fate: (write: string): undefined => {
    if (!write.startsWith('status of')) say('controller', write.replaceAll('default/', ''))
    return undefined
  },
})

/** One world, one controller, one text. */
export const openStage = (setTheScene: (world: World) => void): Stage & { close: () => void } => {
  const world = createWorld()
  setTheScene(world)
  const tell = telling(world)
  follow(world, tell)
  const onError = (line: string): void => void world.violations.push(line)
  const controller: Controller = startController(world, { ...followController(tell), onError })
  return {
    world,
    does: (who, act) => {
      tell.say(who.split(' ')[0] ?? who, who.slice(who.indexOf(' ') + 1))
      act()
    },
    pass: seconds => world.clock.run(seconds * 1000),
    until: async (what, holds, seconds = 600) => {
      if (await world.clock.until(holds, seconds * 1000)) return
      throw new Error(`it never came that ${what}\n${tell.lines.join('\n')}`)
    },
    text: () => `${tell.lines.join('\n')}\n`,
    close: () => controller.stop(),
  }
}
