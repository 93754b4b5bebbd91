// Every write of a switch, in order and by name, on the memory platform: a new one fails here until it is listed.
import { afterEach, describe, expect, it } from 'vitest'
import { patchSpec } from '../../src/platform/memory/memory-people.ts'
import type { World } from '../../src/platform/memory/memory-world.ts'
import { writeMadeRuntime, writeModel, writeOllamaModel, writeRuntime } from '../builders/memory-cast.ts'
import { onGpu, onOllama } from '../builders/memory-scenes.ts'
import {
  type Controller,
  createWorld,
  modelIn,
  runtimeIn,
  startController,
} from '../builders/memory-stage.ts'
import { countWrites, type WriteCount } from '../simulation/write-count.ts'

let controller: Controller | undefined
afterEach(() => controller?.stop())

interface Played {
  readonly world: World
  readonly count: WriteCount
}

/** Both models are fetched and the first serves; only what comes after is counted. */
const settled = async (name: string, scene: (world: World) => void): Promise<Played> => {
  const world = createWorld()
  scene(world)
  const count = countWrites(world)
  controller = startController(world, {
    fate: write => {
      if (!write.startsWith('status of')) count.steps.push(write.replaceAll('default/', ''))
      return undefined
    },
  })
  await until(world, () => isActive(world, name, 'a') && modelIn(world, 'b')?.status.phase === 'Ready')
  await world.clock.run(30_000)
  count.steps.length = 0
  count.progress.length = 0
  return { world, count }
}

const until = async (world: World, holds: () => boolean): Promise<void> =>
  expect(await world.clock.until(holds, 600_000)).toBe(true)

const isActive = (world: World, runtime: string, model: string): boolean => {
  const status = runtimeIn(world, runtime)?.status
  return status?.phase === 'Active' && status.active?.model === model && status.switch === undefined
}

const switchTo = async (
  { world, count }: Played,
  runtime: string,
  end = 'Active',
): Promise<readonly string[]> => {
  patchSpec(world, 'Runtime', runtime, { activeModel: 'b' })
  await until(world, () => runtimeIn(world, runtime)?.status.switch !== undefined)
  await until(world, () => runtimeIn(world, runtime)?.status.phase === end)
  await world.clock.run(60_000)
  expect(world.violations).toEqual([])
  return count.steps
}

const adopted = (world: World): void => {
  onGpu(world)
  writeModel(world, 'a')
  writeModel(world, 'b', { runtimes: [{ name: 'gpu' }] })
  writeRuntime(world, 'gpu', 'VLLM', { activeModel: 'a' })
}
const made = (world: World): void => {
  onGpu(world)
  writeModel(world, 'a')
  writeModel(world, 'b', { runtimes: [{ name: 'own' }] })
  writeMadeRuntime(world, 'own', { activeModel: 'a' })
}
const inPlace = (world: World): void => {
  onOllama(world)
  writeOllamaModel(world, 'a')
  writeOllamaModel(world, 'b', { runtimes: [{ name: 'ollama' }] })
  writeRuntime(world, 'ollama', 'Ollama', { activeModel: 'a' })
}

describe('The writes of a switch', () => {
  it('in place are these', async () => {
    expect(await switchTo(await settled('ollama', inPlace), 'ollama')).toMatchInlineSnapshot(`
      [
        "status of Model b: Ready",
        "status of Runtime ollama: Switching Unloading",
        "unload",
        "status of Runtime ollama: Switching Loading",
        "load of b:latest",
        "alias of b:latest",
        "status of Runtime ollama: Active",
        "status of Model a: Ready",
      ]
    `)
  })

  it('of an adopted Deployment are these', async () => {
    expect(await switchTo(await settled('gpu', adopted), 'gpu')).toMatchInlineSnapshot(`
      [
        "status of Model b: Ready",
        "status of Runtime gpu: Switching Unloading",
        "apply of gpu",
        "status of Runtime gpu: Switching Loading",
        "status of Runtime gpu: Active",
        "status of Model a: Ready",
      ]
    `)
  })

  it('of a made Deployment are these', async () => {
    expect(await switchTo(await settled('own', made), 'own')).toMatchInlineSnapshot(`
      [
        "status of Model b: Ready",
        "status of Runtime own: Switching Unloading",
        "service of own-6",
        "apply of own",
        "status of Runtime own: Switching Loading",
        "status of Runtime own: Active",
        "status of Model a: Ready",
      ]
    `)
  })

  it('that is rolled back are these', async () => {
    const stage = await settled('ollama', inPlace)
    stage.world.script.loadFails.set('b:latest', 'model requires more system memory')
    expect(await switchTo(stage, 'ollama', 'RolledBack')).toMatchInlineSnapshot(`
      [
        "status of Model b: Ready",
        "status of Runtime ollama: Switching Unloading",
        "unload",
        "status of Runtime ollama: Switching Loading",
        "load of b:latest",
        "status of Runtime ollama: RollingBack RollingBack",
        "load of a:latest",
        "status of Runtime ollama: RolledBack",
      ]
    `)
  })
})
