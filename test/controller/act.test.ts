// What the controller does to an engine itself: only while it leads for sure.
import { expect, it } from 'vitest'
import { actOnRuntime } from '../../src/controller/act.ts'
import { createEngineWatch } from '../../src/controller/engine-watch.ts'
import { createStarted } from '../../src/controller/started.ts'
import { createTurns } from '../../src/controller/turns.ts'
import type { RuntimeAction } from '../../src/domain/decision.ts'
import { Transient } from '../../src/domain/failure.ts'
import { createMemoryEngines } from '../../src/platform/memory/memory-engines.ts'
import { createMemoryPlatform } from '../../src/platform/memory/memory-platform.ts'
import { podsOf } from '../../src/platform/memory/memory-pods.ts'
import { MemoryProcess } from '../../src/platform/memory/memory-process.ts'
import { writeRuntime } from '../builders/memory-cast.ts'
import { onOllama } from '../builders/memory-scenes.ts'
import { createWorld, digest, runtimeIn } from '../builders/memory-stage.ts'
import { aCandidate } from '../builders/seen.ts'

const recipe = { ...aCandidate('a').recipe, engine: 'Ollama', model: 'a:latest' } as const

/** Carries out the actions on an Ollama that runs; answers what was written, and what is known of the engine then. */
const actOnOllama = async (leads: boolean, actions: readonly RuntimeAction[]) => {
  const world = createWorld()
  onOllama(world)
  writeRuntime(world, 'ollama', 'Ollama')
  await world.clock.until(() => podsOf(world, 'default/ollama').some(pod => pod.isReady), 60_000)
  const writes: string[] = []
  const process = new MemoryProcess(world, { fate: write => void writes.push(write) })
  const platform = createMemoryPlatform(process)
  const engines = createMemoryEngines(process)
  const watch = createEngineWatch(process.clock)
  const runtime = runtimeIn(world, 'ollama')
  if (!runtime) throw new Error('no Runtime')
  const look = () => watch.look(runtime, engines.Ollama, platform.servings.observe(runtime).pods[0])
  await look()
  const limits = { maxDownloads: 1, maxResolves: 1, maxAttempts: 1, taskDefaults: {} }
  const wake = (): void => undefined
  const { clock } = process
  const models = { platform, limits, started: createStarted(clock), turns: createTurns(wake), digest }
  const runtimes = { platform, engines, watch, digest }
  await actOnRuntime({ clock, wake, models, runtimes, mayChange: () => leads }, runtime, actions)
  return { writes, engine: await look() }
}

it.each<[string, RuntimeAction]>([
  ['load of a:latest', { do: 'load', recipe }],
  ['unload', { do: 'unload' }],
  ['alias of a:latest', { do: 'commit', recipe }],
])('a %s goes out from the leader, and from nobody whose lease is in doubt', async (write, action) => {
  expect((await actOnOllama(true, [action])).writes).toEqual([write])
  await expect(actOnOllama(false, [action])).rejects.toThrow(Transient)
})

it('a proof changes nothing, and is made all the same', async () => {
  const { writes, engine } = await actOnOllama(false, [{ do: 'prove', recipe }])
  expect([writes, engine?.proof?.recipe]).toEqual([[], recipe.hash])
})

it('what is loaded again has to be proved again', async () => {
  const { engine } = await actOnOllama(true, [
    { do: 'prove', recipe },
    { do: 'load', recipe },
  ])
  expect([engine?.load?.isRunning, engine?.proof]).toEqual([true, undefined])
})
