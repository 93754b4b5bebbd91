// The history of a Model on the memory platform: what was installed, verified, refreshed and removed, each once, with its end.
import { describe, expect, it } from 'vitest'
import { annotate, patchSpec } from '../../src/platform/memory/memory-people.ts'
import type { World } from '../../src/platform/memory/memory-world.ts'
import { publish, writeModel, writeRuntime } from '../builders/memory-cast.ts'
import { onGpu } from '../builders/memory-scenes.ts'
import { createWorld, modelIn, startController } from '../builders/memory-stage.ts'

const open = async () => {
  const world = createWorld()
  onGpu(world)
  Object.assign(world.script, { downloadSeconds: 4 })
  writeRuntime(world, 'gpu', 'VLLM')
  writeModel(world, 'a', { runtimes: [{ name: 'gpu' }] })
  const onError = (line: string): void => void world.violations.push(line)
  const controller = startController(world, { onError })
  expect(await world.clock.until(() => modelIn(world, 'a')?.status.phase === 'Ready', 60_000)).toBe(true)
  return { world, controller }
}

/** Oldest first; an end without a duration is no end. */
const historyOf = (world: World): readonly string[] =>
  [...(modelIn(world, 'a')?.status.operations ?? [])]
    .reverse()
    .map(({ type, phase, finishedAt, durationSeconds }) => {
      const isEnded = finishedAt !== undefined && durationSeconds !== undefined
      return `${type} ${phase}${isEnded === (phase !== 'Running') ? '' : ' (half ended)'}`
    })

const wants = (world: World, ...runtimes: readonly string[]): void =>
  patchSpec(world, 'Model', 'a', { runtimes: runtimes.map(name => ({ name })) })

const ends = async (world: World, wanted: readonly string[]): Promise<void> => {
  const isSo = () => JSON.stringify(historyOf(world)) === JSON.stringify(wanted)
  await world.clock.until(isSo, 120_000)
  expect(historyOf(world)).toEqual(wanted)
  expect(world.violations).toEqual([])
}

describe('The history of a Model', () => {
  it('has a removal when a copy leaves spec.runtimes, and an installation when it comes back', async () => {
    const { world, controller } = await open()
    wants(world)
    await world.clock.run(500)
    expect(historyOf(world)).toEqual(['Install Succeeded', 'Remove Running'])
    await ends(world, ['Install Succeeded', 'Remove Succeeded'])
    expect(modelIn(world, 'a')?.status.operations?.[0]).toMatchObject({ bytes: 8e9, requestedBy: 'kubectl' })
    wants(world, 'gpu')
    await ends(world, ['Install Succeeded', 'Remove Succeeded', 'Install Succeeded'])
    controller.stop()
  })

  it('has a removal that failed when the bytes cannot be removed, and once only', async () => {
    const { world, controller } = await open()
    const failure = { reason: 'Volume', message: 'input/output error', retry: 'Never' } as const
    world.script.workFails.push({ command: 'remove', failure })
    wants(world)
    await ends(world, ['Install Succeeded', 'Remove Failed'])
    await world.clock.run(120_000)
    expect(historyOf(world)).toEqual(['Install Succeeded', 'Remove Failed'])
    controller.stop()
  })

  it('has a refresh when a moving revision is resolved again, whether it moved or not', async () => {
    const { world, controller } = await open()
    const refreshes = (when: string): void =>
      annotate(world, 'Model', 'a', { 'switchyard.dev/refresh-requested-at': when })
    refreshes('first')
    await ends(world, ['Install Succeeded', 'Refresh Succeeded'])
    publish(world, 'org/a', 'c')
    refreshes('second')
    await ends(world, ['Install Succeeded', 'Refresh Succeeded', 'Refresh Succeeded'])
    expect(modelIn(world, 'a')?.status.resolved?.revision).toBe('c'.repeat(40))
    controller.stop()
  })

  it('has a verification when one was asked for', async () => {
    const { world, controller } = await open()
    annotate(world, 'Model', 'a', { 'switchyard.dev/verify-requested-at': 'now' })
    await ends(world, ['Install Succeeded', 'Verify Succeeded'])
    controller.stop()
  })
})
