// What only clears away never holds back what is told.
import { expect, it } from 'vitest'
import { writeModel, writeRuntime } from '../builders/memory-cast.ts'
import { onGpu } from '../builders/memory-scenes.ts'
import { createWorld, modelIn, startController } from '../builders/memory-stage.ts'

it('a Model whose ended Jobs cannot be deleted is told to be Ready all the same', async () => {
  const world = createWorld()
  onGpu(world)
  writeRuntime(world, 'gpu', 'VLLM')
  writeModel(world, 'a', { runtimes: [{ name: 'gpu' }] })
  const { stop } = startController(world, {
    fate: write => (write === 'forgetting a work' ? 'FailsBefore' : undefined),
  })
  expect(await world.clock.until(() => modelIn(world, 'a')?.status.phase === 'Ready', 60_000)).toBe(true)
  stop()
})
