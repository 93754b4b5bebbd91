// A Model whose spec was stored under another schema: what is left of it starts no engine.
import { describe, expect, it } from 'vitest'
import { applyObject } from '../../src/platform/memory/memory-people.ts'
import type { World } from '../../src/platform/memory/memory-world.ts'
import { writeModel, writeRuntime } from '../builders/memory-cast.ts'
import { onGpu } from '../builders/memory-scenes.ts'
import { createWorld, modelIn, runtimeIn, startController } from '../builders/memory-stage.ts'

const named = { runtimes: [{ name: 'gpu' }] }
const source = (name: string) => ({ source: { huggingFace: { repo: `org/${name}` } } })
const engineArgs = [{ engine: 'VLLM', args: ['--max-model-len', '2048'] }]

const serving = async (): Promise<World> => {
  const world = createWorld()
  onGpu(world)
  writeModel(world, 'a', { ...named, engineArgs })
  writeModel(world, 'b', named)
  writeRuntime(world, 'gpu', 'VLLM', { activeModel: 'a' })
  startController(world)
  await world.clock.run(180_000)
  expect(runtimeIn(world, 'gpu')?.status.active?.model).toBe('a')
  return world
}

const podsOf = (world: World) => world.pods.list().map(({ uid, isReady }) => ({ uid, isReady }))

describe('A Model whose spec does not fit', () => {
  it.each([
    ['an argument that is no text', { engineArgs: [{ engine: 'VLLM', args: [7] }] }],
    ['a good argument beside a bad field', { engineArgs: [], capabilities: { task: 'Sing' } }],
    ['no source', { source: {} }],
  ])('is served on as it was: %s', async (_, change) => {
    const world = await serving()
    const before = podsOf(world)
    applyObject(world, {
      kind: 'Model',
      name: 'a',
      spec: { ...source('a'), ...named, engineArgs, ...change },
    })
    await world.clock.run(180_000)
    expect(modelIn(world, 'a')?.status.phase).toBe('Rejected')
    expect(podsOf(world)).toEqual(before)
    expect(runtimeIn(world, 'gpu')?.status).toMatchObject({ phase: 'Active', active: { model: 'a' } })
  })

  it('is not switched to, and the Runtime says which field is to be mended', async () => {
    const world = await serving()
    const before = podsOf(world)
    applyObject(world, { kind: 'Model', name: 'b', spec: { ...source('b'), ...named, paused: 'no' } })
    writeRuntime(world, 'gpu', 'VLLM', { activeModel: 'b' })
    await world.clock.run(180_000)
    expect(podsOf(world)).toEqual(before)
    const { phase, conditions } = runtimeIn(world, 'gpu')?.status ?? {}
    expect(phase).toBe('WaitingForModel')
    expect(conditions).toContainEqual(
      expect.objectContaining({ type: 'Ready', message: expect.stringContaining('spec.paused') }),
    )
  })

  it('is left again in the middle of the switch to it, and what served before is proved and serves', async () => {
    const world = await serving()
    writeRuntime(world, 'gpu', 'VLLM', { activeModel: 'b' })
    await world.clock.until(() => runtimeIn(world, 'gpu')?.status.switch?.step === 'Loading', 60_000)
    applyObject(world, { kind: 'Model', name: 'b', spec: { ...source('b'), ...named, paused: 'no' } })
    await world.clock.run(180_000)
    const { phase, active, lastSwitch, conditions } = runtimeIn(world, 'gpu')?.status ?? {}
    expect([phase, active?.model, lastSwitch?.result]).toEqual(['WaitingForModel', 'a', 'Cancelled'])
    expect(conditions).toContainEqual(expect.objectContaining({ type: 'Serving', status: 'True' }))
    expect(lastSwitch?.message).toContain('spec.paused')
  })

  it('is switched to when its field is mended', async () => {
    const world = await serving()
    applyObject(world, { kind: 'Model', name: 'b', spec: { ...source('b'), ...named, paused: 'no' } })
    writeRuntime(world, 'gpu', 'VLLM', { activeModel: 'b' })
    await world.clock.run(180_000)
    applyObject(world, { kind: 'Model', name: 'b', spec: { ...source('b'), ...named } })
    await world.clock.run(180_000)
    expect(runtimeIn(world, 'gpu')?.status).toMatchObject({ phase: 'Active', active: { model: 'b' } })
  })
})
