// A pod that is gone is told at once, whatever its engine was asked before: an answer that never comes is not waited for.
import { describe, expect, it } from 'vitest'
import type { Engine } from '../../src/domain/engine.ts'
import { createMemoryEngines } from '../../src/platform/memory/memory-engines.ts'
import { crash, letLeave, podsOf } from '../../src/platform/memory/memory-pods.ts'
import { MemoryProcess } from '../../src/platform/memory/memory-process.ts'
import type { World } from '../../src/platform/memory/memory-world.ts'
import { writeModel, writeRuntime } from '../builders/memory-cast.ts'
import { onGpu } from '../builders/memory-scenes.ts'
import { createWorld, runtimeIn, startController } from '../builders/memory-stage.ts'

type Call = 'ask' | 'prove'

/** A vLLM that serves; from `hush` on its engine does not answer such calls any more. */
const serving = async (call: Call) => {
  const world = createWorld()
  onGpu(world)
  writeModel(world, 'a', { runtimes: [{ name: 'gpu' }] })
  writeRuntime(world, 'gpu', 'VLLM', { activeModel: 'a' })
  let waiting: number | undefined
  const engines = createMemoryEngines(new MemoryProcess(world))
  const hushed =
    <A extends unknown[], R>(answer: (...how: A) => Promise<R>) =>
    (...how: A): Promise<R> => {
      if (waiting === undefined) return answer(...how)
      waiting++
      return new Promise(() => undefined)
    }
  const deaf: Engine = { ...engines.VLLM, [call]: hushed<never[], unknown>(engines.VLLM[call]) }
  const controller = startController(world, { engines: { ...engines, VLLM: deaf } })
  await world.clock.until(() => runtimeIn(world, 'gpu')?.status.phase === 'Active', 600_000)
  const hush = (): void => {
    waiting = 0
  }
  return { world, controller, hush, isWaiting: () => (waiting ?? 0) > 0 }
}

const first = (world: World): string => podsOf(world, 'default/gpu')[0]?.name ?? ''

const ends: Record<string, (world: World) => void> = {
  'is deleted': world => letLeave(world, first(world)),
  'has ended': world => crash(world, first(world), 'Killed'),
  'is not ready any more': world => world.edit(world.pods, first(world), pod => ({ ...pod, isReady: false })),
}

describe.each<Call>(['ask', 'prove'])('An engine that is waited for (%s)', call => {
  it.each(Object.entries(ends))('is not Ready two seconds after its pod %s', async (_, end) => {
    const { world, controller, hush, isWaiting } = await serving(call)
    hush()
    await world.clock.until(isWaiting, 600_000)
    end(world)
    await world.clock.run(2_000)
    controller.stop()
    const { phase, conditions } = runtimeIn(world, 'gpu')?.status ?? {}
    expect(phase).toBe('Degraded')
    expect(conditions).toContainEqual(expect.objectContaining({ type: 'Ready', status: 'False' }))
  })
})
