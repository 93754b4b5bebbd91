// Stories of an engine behind an API key on the memory platform: it waits for the key, and nothing is turned round for the lack of it.
import { afterEach, describe, expect, it } from 'vitest'
import { findCondition } from '../../src/domain/conditions.ts'
import { patchSpec } from '../../src/platform/memory/memory-people.ts'
import { letLeave, podsOf } from '../../src/platform/memory/memory-pods.ts'
import type { World } from '../../src/platform/memory/memory-world.ts'
import { writeModel, writeRuntime } from '../builders/memory-cast.ts'
import { onGpu } from '../builders/memory-scenes.ts'
import { runtimeIn } from '../builders/memory-stage.ts'
import { openStage, type Stage } from './memory-story.ts'

let open: ReturnType<typeof openStage> | undefined
afterEach(() => open?.close())

const behindKey = (world: World): void => {
  onGpu(world)
  world.script.engineKeys.set('default/gpu', 'engine-key')
}

/** The engine serves what it was found with. */
const begin = async (): Promise<Stage> => {
  open = openStage(behindKey)
  await open.pass(30)
  return open
}

const apiKeySecretRef = { name: 'engine-key', key: 'api-key' }

const asks = ({ world }: Stage): number => world.done.filter(one => one.command === 'ask').length
const lastSwitch = ({ world }: Stage) => runtimeIn(world, 'gpu')?.status.lastSwitch

const serves = (stage: Stage, model: string): Promise<void> =>
  stage.until(`gpu serves ${model}`, () => {
    const status = runtimeIn(stage.world, 'gpu')?.status
    return status?.phase === 'Active' && status.active?.model === model && !status.switch
  })

const says = (stage: Stage, reason: string, step?: string): Promise<void> =>
  stage.until(`gpu says ${reason}`, () => {
    const status = runtimeIn(stage.world, 'gpu')?.status
    const ready = findCondition(status?.conditions as never, 'Ready')
    return ready?.reason === reason && ready.status === 'False' && status?.switch?.step === step
  })

const wants = (stage: Stage, change: object): void =>
  stage.does('Anna changes what gpu is', () => patchSpec(stage.world, 'Runtime', 'gpu', change))

const writeAll = (stage: Stage, more: object): void =>
  stage.does('Anna writes Models a and b and makes a active on gpu', () => {
    writeModel(stage.world, 'a', { runtimes: [{ name: 'gpu' }] })
    writeModel(stage.world, 'b', { runtimes: [{ name: 'gpu' }] })
    writeRuntime(stage.world, 'gpu', 'VLLM', { activeModel: 'a', ...more })
  })

const addSecret = ({ world, does }: Stage): void =>
  does('Anna makes the Secret', () => void world.script.secrets.add('engine-key'))

describe('an engine behind an API key', () => {
  it('is not switched while no Secret is named, and is when one is', async () => {
    const stage = await begin()
    stage.world.script.secrets.add('engine-key')
    writeAll(stage, {})
    await says(stage, 'EngineKeyNeeded')
    await stage.pass(600)
    expect(stage.world.deployments.get('default/gpu')?.template.recipe).toBeUndefined()
    expect(asks(stage)).toBe(0)
    wants(stage, { apiKeySecretRef })
    await serves(stage, 'a')
    expect(stage.world.violations).toEqual([])
  })

  it('keeps what serves while the Secret is missing, and switches by itself when it comes', async () => {
    const stage = await begin()
    writeAll(stage, { apiKeySecretRef })
    await says(stage, 'EngineKeyNeeded', 'Preflight')
    await stage.pass(1_200)
    expect(stage.world.deployments.get('default/gpu')?.template.recipe).toBeUndefined()
    expect(lastSwitch(stage)).toBeUndefined()
    addSecret(stage)
    await serves(stage, 'a')
    expect(lastSwitch(stage)?.result).toBe('Committed')
    expect(stage.world.violations).toEqual([])
  })

  it('costs one worker per proof while switching, there and back, and one an hour after that', async () => {
    const stage = await begin()
    stage.world.script.secrets.add('engine-key')
    writeAll(stage, { apiKeySecretRef })
    await serves(stage, 'a')
    expect(asks(stage)).toBe(2)
    wants(stage, { activeModel: 'b' })
    await serves(stage, 'b')
    wants(stage, { activeModel: 'a' })
    await serves(stage, 'a')
    expect(asks(stage)).toBe(4)
    await stage.pass(3_500)
    expect(asks(stage)).toBe(4)
    await stage.pass(7_200)
    expect(asks(stage)).toBe(6)
    expect(stage.world.works.list()).toEqual([])
    expect(stage.world.violations).toEqual([])
  })

  it('waits at its proof when the Secret went while it loaded, however long, and commits when it is back', async () => {
    const stage = await begin()
    stage.world.script.secrets.add('engine-key')
    writeAll(stage, { apiKeySecretRef, switch: { stallSeconds: 30, maxSeconds: 60 } })
    await stage.until('it loads', () => runtimeIn(stage.world, 'gpu')?.status.switch?.step === 'Loading')
    stage.does('Somebody deletes the Secret', () => stage.world.script.secrets.clear())
    await says(stage, 'EngineKeyNeeded', 'Verifying')
    await stage.pass(1_200)
    expect(lastSwitch(stage)).toBeUndefined()
    expect(asks(stage)).toBeLessThan(30)
    addSecret(stage)
    await serves(stage, 'a')
    expect(lastSwitch(stage)?.result).toBe('Committed')
  })

  it('goes back to the model before, and waits there for its key too', async () => {
    const stage = await begin()
    stage.world.script.secrets.add('engine-key')
    stage.world.script.loadFails.set('models--org--b', 'ValueError: no such architecture')
    writeAll(stage, { apiKeySecretRef, switch: { stallSeconds: 60 } })
    await serves(stage, 'a')
    wants(stage, { activeModel: 'b' })
    await stage.until('it goes back', () => runtimeIn(stage.world, 'gpu')?.status.phase === 'RollingBack')
    stage.world.script.secrets.clear()
    await says(stage, 'EngineKeyNeeded', 'RollingBack')
    await stage.pass(600)
    addSecret(stage)
    await stage.until('it is back', () => runtimeIn(stage.world, 'gpu')?.status.phase === 'RolledBack')
    expect(lastSwitch(stage)?.result).toBe('RolledBack')
  })

  it('is Ready no more when its pod is another one and the Secret is gone, until it is back', async () => {
    const stage = await begin()
    stage.world.script.secrets.add('engine-key')
    writeAll(stage, { apiKeySecretRef })
    await serves(stage, 'a')
    stage.world.script.secrets.clear()
    await stage.pass(600)
    expect(findCondition(runtimeIn(stage.world, 'gpu')?.status.conditions as never, 'Ready')?.status).toBe(
      'True',
    )
    stage.does('Somebody deletes the pod', () => {
      for (const pod of podsOf(stage.world, 'default/gpu')) letLeave(stage.world, pod.name)
    })
    await says(stage, 'EngineKeyNeeded')
    expect(runtimeIn(stage.world, 'gpu')?.status.phase).toBe('Degraded')
    addSecret(stage)
    await serves(stage, 'a')
  })

  it('is not taken for served when another model answers to the key', async () => {
    const stage = await begin()
    stage.world.script.secrets.add('engine-key')
    stage.world.script.secrets.add('other')
    writeAll(stage, { apiKeySecretRef: { name: 'other', key: 'api-key' } })
    await says(stage, 'EngineKeyNeeded', 'Preflight')
    wants(stage, { apiKeySecretRef })
    await serves(stage, 'a')
  })

  it('says why its worker does not start, and goes on when it does', async () => {
    const stage = await begin()
    stage.world.script.secrets.add('engine-key')
    writeAll(stage, { apiKeySecretRef })
    await serves(stage, 'a')
    stage.world.script.workProblem = { reason: 'PodNotStarted', message: 'no node has room' }
    wants(stage, { activeModel: 'b' })
    await says(stage, 'PodNotStarted', 'Verifying')
    await stage.pass(1_200)
    expect(lastSwitch(stage)?.result).toBe('Committed')
    expect(lastSwitch(stage)?.to?.model).toBe('a')
    stage.world.script.workProblem = undefined
    await serves(stage, 'b')
  })
})
