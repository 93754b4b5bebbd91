// A pass that breaks: the log has the stack, the object says so too, and its neighbours go on.
import { expect, it } from 'vitest'
import { findCondition } from '../../src/domain/conditions.ts'
import { publish, writeModel } from '../builders/memory-cast.ts'
import { createWorld, modelIn, startController } from '../builders/memory-stage.ts'

it('A Model whose pass throws says that nobody can tell, and is right again when the cause is gone', async () => {
  const world = createWorld()
  for (const name of ['a', 'b']) {
    publish(world, `org/${name}`, 'a')
    writeModel(world, name)
  }
  const lines: string[] = []
  const controller = startController(world, { onError: line => void lines.push(line) })
  const isReady = (name: string) => () => modelIn(world, name)?.status.phase === 'Ready'
  expect(await world.clock.until(() => isReady('a')() && isReady('b')(), 60_000)).toBe(true)
  const works = world.works.list()
  expect(works).toEqual([])
  // What no store hands out: a source that cannot even be printed.
  const circle: Record<string, unknown> = {}
  circle['self'] = circle
  const good = modelIn(world, 'a')
  const change = (spec: object) =>
    world.edit(world.models, 'default/a', model => ({ ...model, spec: { ...model.spec, ...spec } }) as never)
  change({ source: circle })
  await world.clock.run(5_000)
  const ready = findCondition(modelIn(world, 'a')?.status.conditions as never, 'Ready')
  expect(ready).toMatchObject({ status: 'Unknown', reason: 'Unexpected' })
  expect(lines.length).toBeGreaterThan(0)
  expect(isReady('b')()).toBe(true)
  change({ source: good?.spec.source ?? {} })
  await world.clock.run(600_000)
  const after = findCondition(modelIn(world, 'a')?.status.conditions as never, 'Ready')
  controller.stop()
  expect(after).toMatchObject({ status: 'True' })
  expect(modelIn(world, 'a')?.status.conditions?.filter(one => one.type === 'Stalled')).toEqual([])
})
