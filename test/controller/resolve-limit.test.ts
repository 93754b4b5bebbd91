// Many Models at once on the memory platform: never more resolves than there are places, and nobody is forgotten.
import { describe, expect, it } from 'vitest'
import { deleteObject, patchSpec } from '../../src/platform/memory/memory-people.ts'
import { publish, writeModel } from '../builders/memory-cast.ts'
import { createWorld, modelIn, startController } from '../builders/memory-stage.ts'

const open = (models: number, options: { readonly maxResolves: number; readonly workers?: number }) => {
  const world = createWorld()
  const names = Array.from({ length: models }, (_, n) => `m${n}`)
  for (const name of names) {
    publish(world, `org/${name}`, 'a')
    writeModel(world, name)
  }
  let most = 0
  world.works.subscribe(() => {
    const running = world.works
      .list()
      .filter(({ order, view }) => order.command === 'resolve' && !view.endedAt)
    most = Math.max(most, running.length)
  })
  const controller = startController(world, {
    ...options,
    onError: line => void world.violations.push(line),
  })
  return { world, names, controller, most: () => most }
}

const settled = (world: ReturnType<typeof createWorld>) => () =>
  world.models.list().every(({ status }) => status.phase === 'Ready')

describe('Two hundred Models at once', () => {
  it('are resolved eight at a time, and one begins when one ends', async () => {
    const { world, controller, most } = open(200, { maxResolves: 8, workers: 8 })
    // 25 rounds of two seconds, and a little for the passes between.
    expect(await world.clock.until(settled(world), 60_000)).toBe(true)
    controller.stop()
    expect([most(), world.done.length, world.violations]).toEqual([8, 200, []])
  })

  it('say how many wait before them', async () => {
    const { world, controller } = open(30, { maxResolves: 2 })
    await world.clock.run(500)
    controller.stop()
    const said = world.models
      .list()
      .map(({ status }) => status.conditions?.find(c => c.type === 'Ready')?.message)
    expect(said.filter(message => message?.startsWith('asking'))).toHaveLength(2)
    expect(said).toContain('2 of 2 resolves run, 27 wait before this one')
  })
})

describe('A place to resolve', () => {
  it('goes to the next when those before it are deleted or paused while they wait', async () => {
    const { world, names, controller } = open(6, { maxResolves: 1 })
    await world.clock.run(500)
    const waiting = names.filter(name =>
      modelIn(world, name)?.status.conditions?.some(c => c.reason === 'Queued'),
    )
    const [first, second] = world.models
      .list()
      .filter(({ status }) => status.conditions?.some(({ message }) => / [01] wait before/.test(message)))
      .map(({ metadata }) => metadata.name)
    if (!first || !second) throw new Error(`nobody waits: ${waiting}`)
    deleteObject(world, 'Model', first)
    patchSpec(world, 'Model', second, { paused: true })
    const others = names.filter(name => name !== first && name !== second)
    const isDone = () => others.every(name => modelIn(world, name)?.status.phase === 'Ready')
    expect(await world.clock.until(isDone, 12_000)).toBe(true)
    controller.stop()
    expect([modelIn(world, second)?.status.phase, world.violations]).toEqual(['Paused', []])
  })
})
