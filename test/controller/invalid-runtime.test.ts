// A Runtime whose spec was stored under another schema: what is left of it names no new place for a Model's bytes.
import { describe, expect, it } from 'vitest'
import { applyObject } from '../../src/platform/memory/memory-people.ts'
import { writeModel, writeRuntime } from '../builders/memory-cast.ts'
import { onGpu } from '../builders/memory-scenes.ts'
import { addClaim, createWorld, modelIn, runtimeIn, startController } from '../builders/memory-stage.ts'

const named = { runtimes: [{ name: 'gpu' }] }
/** The Deployment's name is no text, so that another claim is named by what is left. */
const bad = {
  engine: 'VLLM',
  activeModel: 'a',
  kubernetes: { deploymentName: 7 },
  storage: { claimName: 'other' },
}
const sentence = 'spec.kubernetes.deploymentName: must be of type string'

describe('A Runtime whose spec does not fit', () => {
  it('has nothing fetched to where it does not belong, and its Models say what is to be mended', async () => {
    const world = createWorld()
    onGpu(world)
    addClaim(world, 'other')
    writeModel(world, 'a', named)
    writeRuntime(world, 'gpu', 'VLLM', { activeModel: 'a' })
    startController(world)
    await world.clock.run(180_000)
    const before = { pods: world.pods.list(), done: world.done.length }
    applyObject(world, { kind: 'Runtime', name: 'gpu', spec: bad })
    await world.clock.run(180_000)
    expect(runtimeIn(world, 'gpu')?.status.phase).toBe('Rejected')
    expect({ pods: world.pods.list(), done: world.done.length }).toEqual(before)
    const { phase, conditions, copies = [] } = modelIn(world, 'a')?.status ?? {}
    expect([phase, copies.map(({ claim }) => claim)]).toEqual(['Waiting', ['models']])
    expect(conditions).toContainEqual(
      expect.objectContaining({
        type: 'Ready',
        reason: 'InvalidSpec',
        message: expect.stringContaining(`runtime gpu: ${sentence}`),
      }),
    )
  })

  it('keeps its Models Ready where their bytes are', async () => {
    const world = createWorld()
    onGpu(world)
    writeModel(world, 'a', named)
    writeRuntime(world, 'gpu', 'VLLM', { activeModel: 'a' })
    startController(world)
    await world.clock.run(180_000)
    writeRuntime(world, 'gpu', 'VLLM', { activeModel: 'a', desiredState: 'Asleep' })
    await world.clock.run(180_000)
    expect(runtimeIn(world, 'gpu')?.status.phase).toBe('Rejected')
    expect(modelIn(world, 'a')?.status.phase).toBe('Ready')
  })
})
