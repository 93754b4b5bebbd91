import { expect, it } from 'vitest'
import { createEngineWatch } from '../../src/controller/engine-watch.ts'
import { HandClock } from '../../src/platform/memory/hand-clock.ts'
import { aPod, aRuntime } from '../builders/seen.ts'

it('The log of a container that started and ended between two looks is read again', async () => {
  const watch = createEngineWatch(new HandClock())
  const runtime = aRuntime()
  const starting = aPod({ isRunning: false, isReady: false })
  const problem = { reason: 'LoadFailed' as const, message: 'the container ended (exit code 2)' }
  expect(await watch.lines(runtime, starting, async () => [])).toEqual([])
  const told = ['vllm: error: unrecognized arguments: --nope']
  expect(await watch.lines(runtime, { ...starting, problem }, async () => told)).toEqual(told)
})
