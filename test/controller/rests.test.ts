// Runtimes that rest: what ends it, and how a proof alone is made of an engine that answers as before.
import { describe, expect, it } from 'vitest'
import { createRests } from '../../src/controller/rests.ts'
import type { Engine, EngineAnswer, ProofResult } from '../../src/domain/engine.ts'
import type { Key } from '../../src/domain/object.ts'
import { createMemoryEngines } from '../../src/platform/memory/memory-engines.ts'
import { applyObject } from '../../src/platform/memory/memory-people.ts'
import { MemoryProcess } from '../../src/platform/memory/memory-process.ts'
import type { World } from '../../src/platform/memory/memory-world.ts'
import { writeModel, writeRuntime } from '../builders/memory-cast.ts'
import { onGpu } from '../builders/memory-scenes.ts'
import { createWorld, runtimeIn, startController } from '../builders/memory-stage.ts'
import { aCandidate } from '../builders/seen.ts'

const { recipe } = aCandidate('a')
const key: Key = 'Runtime/default/gpu'

describe('A Runtime that rests', () => {
  it.each<[string, Key, boolean]>([
    ['itself', key, false],
    ['a Model of its namespace', 'Model/default/a', false],
    ['another Runtime of its namespace', 'Runtime/default/other', false],
    ['one of another namespace', 'Runtime/elsewhere/gpu', true],
  ])('when something happens to %s', (_, other, rests) => {
    const all = createRests()
    all.begin(key).goesOn(recipe)
    all.disturb(other)
    expect(all.begin(key).recipe !== undefined).toBe(rests)
  })

  it('rests no more when something happened while it was looked at', () => {
    const all = createRests()
    const look = all.begin(key)
    all.disturb(key)
    look.goesOn(recipe)
    expect(all.begin(key).recipe).toBeUndefined()
  })

  it('rests no more until its look says so again', () => {
    const all = createRests()
    all.begin(key).goesOn(recipe)
    all.begin(key)
    expect(all.begin(key).recipe).toBeUndefined()
  })

  it('is looked at as a whole after nine proofs', () => {
    const all = createRests()
    const looks = Array.from({ length: 21 }, () => {
      const look = all.begin(key)
      look.goesOn(recipe)
      return look.recipe ? 'proof' : 'whole'
    })
    const nine = Array.from({ length: 9 }, () => 'proof')
    expect(looks).toEqual(['whole', ...nine, 'whole', ...nine, 'whole'])
  })
})

/** A world in which a vLLM serves for a while; what is done is noted: each look at everything, and each proof. */
const atRest = async () => {
  const world = createWorld()
  onGpu(world)
  writeModel(world, 'a', { runtimes: [{ name: 'gpu' }] })
  writeRuntime(world, 'gpu', 'VLLM', { activeModel: 'a' })
  const done: string[] = []
  const twist: { answer?: Partial<EngineAnswer>; proof?: ProofResult } = {}
  const engines = createMemoryEngines(new MemoryProcess(world))
  const noted = (engine: Engine): Engine => ({
    ...engine,
    // Worked out for a decision alone, and more than once for one.
    recipe: wish => {
      if (done.at(-1) !== 'look') done.push('look')
      return engine.recipe(wish)
    },
    ask: async (...how) => ({ ...(await engine.ask(...how)), ...twist.answer }),
    prove: async (...wish) => {
      done.push('proof')
      return twist.proof ?? engine.prove(...wish)
    },
  })
  const controller = startController(world, { engines: { ...engines, VLLM: noted(engines.VLLM) } })
  await world.clock.until(() => runtimeIn(world, 'gpu')?.status.phase === 'Active', 600_000)
  await world.clock.run(120_000)
  const minutes = async (count: number): Promise<string[]> => {
    done.length = 0
    await world.clock.run(count * 60_000)
    return [...done]
  }
  return { world, controller, minutes, twist }
}

/** Right after a look at everything: proofs alone are due. */
const fresh = async () => {
  const scene = await atRest()
  while (!(await scene.minutes(1)).includes('look'));
  expect(await scene.minutes(1)).toEqual(['proof'])
  return scene
}

const touch = (world: World): void =>
  applyObject(world, { kind: 'Model', name: 'b', spec: { source: { huggingFace: { repo: 'org/b' } } } })

describe('An engine that serves and of which nothing is heard', () => {
  it('is proved each minute, and looked at as a whole every tenth time', async () => {
    const { controller, minutes } = await atRest()
    const seen = await minutes(30)
    controller.stop()
    expect(seen.filter(what => what === 'proof').length).toBeGreaterThanOrEqual(30)
    expect(seen.join(' ')).toMatch(/(look (proof ){10}){2}/)
  })

  it('is looked at as a whole when something has happened in its namespace', async () => {
    const { world, controller, minutes } = await fresh()
    touch(world)
    expect(await minutes(1)).toContain('look')
    controller.stop()
  })

  it('is looked at as a whole as soon as it says something else of itself', async () => {
    const { controller, minutes, twist } = await fresh()
    twist.answer = { version: 'another' }
    expect(await minutes(1)).toContain('look')
    controller.stop()
  })

  it('is told of as soon as a proof is bad', async () => {
    const { world, controller, minutes, twist } = await fresh()
    twist.proof = { isProved: false, reason: 'WrongModel', message: 'another', milliseconds: 1 }
    await minutes(1)
    controller.stop()
    expect(runtimeIn(world, 'gpu')?.status.phase).toBe('Degraded')
  })
})
