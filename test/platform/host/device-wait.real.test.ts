// An engine that ended is gone only when the memory of its GPU is back: with real processes, and an nvidia-smi that says what it is told.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { createProcessKeeper } from '../../../src/platform/host/engine-process.ts'
import { DeviceGate } from '../../../src/platform/host/monitor/device-gate.ts'
import { GpuLook } from '../../../src/platform/host/monitor/gpu-look.ts'
import type { ServingRecord } from '../../../src/platform/host/serving-records.ts'
import { Supervisor } from '../../../src/platform/host/supervisor.ts'
import { freePort } from '../../stand-ins/engine/start.ts'
import { aFolder, openParts } from './host-parts.ts'
import { scriptNvidiaSmi } from './monitor/scripted-nvidia-smi.ts'

const engine = fileURLToPath(new URL('./scripted-engine.mjs', import.meta.url))
const ref = { namespace: 'default', name: 'gpu-a' }
const row = (used: number): string => `0, GPU-a, 81559, ${used}, ${81_559 - used}, 0, Disabled, One`

const openEngine = async () => {
  const { folder, remove } = aFolder()
  const smi = scriptNvidiaSmi(folder)
  smi.say({ gpus: row(0) })
  const { database } = openParts(folder)
  mkdirSync(join(folder, 'engines'))
  const places = {
    folder: join(folder, 'engines'),
    environment: { PATH: process.env['PATH'] ?? '' },
    program: [],
  }
  const late: string[] = []
  const gpus = new GpuLook({ environment: smi.environment, timeoutMs: 20_000 })
  const supervisor = new Supervisor({
    database,
    keeper: createProcessKeeper(places),
    device: new DeviceGate({ gpus, onLate: sentence => late.push(sentence), boundMs: 60_000 }),
    now: () => new Date(),
    onChange: () => undefined,
  })
  const port = await freePort()
  const words = [process.execPath, engine, 'listens', '--port', String(port)]
  const template = { recipe: 'aaaa', words, environment: {}, port }
  const record: ServingRecord = { ...ref, uid: 'uid-1', template, replicas: 1, graceSeconds: 5, runs: 0 }
  const run = () => supervisor.get(ref)?.run
  const close = () => {
    const pid = run()?.mark?.pid
    supervisor.stop()
    if (pid !== undefined) process.kill(pid, 'SIGKILL')
    database.close()
    remove()
  }
  return { supervisor, smi, gpus, record, run, late, close }
}

describe('An engine that was told to end', async () => {
  const { supervisor, smi, gpus, record, run, late, close } = await openEngine()
  afterAll(close)
  const soon = { timeout: 30_000, interval: 50 }

  it('is not gone while its memory is missing, and says so; then it is', async () => {
    supervisor.put(record)
    await expect.poll(() => run()?.readyAt, soon).toBeDefined()
    const pid = run()?.mark?.pid
    smi.say({ gpus: row(40_000), processes: `${pid}, GPU-a, 40000` })
    await expect.poll(() => gpus.look(0), soon).toMatchObject({ processes: [{ pid }] })
    supervisor.put({ ...(supervisor.get(ref) ?? record), replicas: 0 })
    await expect
      .poll(() => run()?.problem, soon)
      .toEqual({
        reason: 'Unloading',
        message: `process ${pid} still stands on GPU 0`,
      })
    await expect.poll(() => supervisor.leftOf(ref, run()!).length, soon).toBe(0)
    expect(run()).toMatchObject({ isLeaving: true })
    smi.say({ gpus: row(100) })
    await expect.poll(run, soon).toBeUndefined()
    expect(late).toEqual([])
  })
})
