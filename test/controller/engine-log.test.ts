import { expect, it } from 'vitest'
import { createEngineWatch } from '../../src/controller/engine-watch.ts'
import { HandClock } from '../../src/platform/memory/hand-clock.ts'
import { aPod, aRuntime } from '../builders/seen.ts'

const starting = aPod({ isRunning: false, isReady: false })
const problem = { reason: 'LoadFailed' as const, message: 'the container ended (exit code 2)' }
const told = ['vllm: error: unrecognized arguments: --nope']

it('The log of a container that started and ended between two looks is read again', async () => {
  const watch = createEngineWatch(new HandClock())
  const runtime = aRuntime()
  expect((await watch.log(runtime, starting, async () => [])).lines).toEqual([])
  expect((await watch.log(runtime, { ...starting, problem }, async () => told)).lines).toEqual(told)
})

it('A log that fills late is read again, and tells since when the pod is as it is', async () => {
  const clock = new HandClock()
  const watch = createEngineWatch(clock)
  const runtime = aRuntime()
  await watch.log(runtime, starting, async () => [])
  await clock.run(60_000)
  const since = clock.now().toISOString()
  const pod = { ...starting, problem }
  expect(await watch.log(runtime, pod, async () => [])).toMatchObject({ lines: [], since })
  await clock.run(1_000)
  expect(await watch.log(runtime, pod, async () => told)).toMatchObject({ lines: told, since })
  expect(await watch.log(runtime, pod)).toEqual({ lines: [] })
})
