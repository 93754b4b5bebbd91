// A look at this machine, with an engine of two processes on it.
import { statfsSync } from 'node:fs'
import { totalmem } from 'node:os'
import { afterAll, describe, expect, it } from 'vitest'
import { startDetached } from '../../../../src/platform/host/detached.ts'
import { GpuLook } from '../../../../src/platform/host/monitor/gpu-look.ts'
import { createMonitor } from '../../../../src/platform/host/monitor/host-monitor.ts'
import { findProcesses, signal } from '../../../../src/platform/host/process-mark.ts'
import { aFolder } from '../host-parts.ts'
import { scriptNvidiaSmi } from './scripted-nvidia-smi.ts'

const megabytes = 64
/** Takes memory and processor time, and so does its child, which reads the same file. */
const script = `
  const { spawn } = require('node:child_process')
  if (!process.env.CHILD) spawn(process.execPath, ['-e', process.env.SCRIPT], { env: { ...process.env, CHILD: '1' } })
  global.kept = Buffer.alloc(${megabytes} * 1024 * 1024, 1)
  while (process.cpuUsage().user < 300_000);
  setInterval(() => {}, 1000)`

describe('A look at this machine', () => {
  const { folder, remove } = aFolder()
  const smi = scriptNvidiaSmi(folder)
  const token = `monitor-${process.pid}`
  const command = [process.execPath, '-e', script]
  const environment = { SCRIPT: script }
  const { mark } = startDetached({ command, environment, folder, logFile: `${folder}/log`, token })
  const pids = (): readonly number[] => findProcesses(token, mark).map(({ pid }) => pid)
  afterAll(() => {
    for (const one of findProcesses(token, mark)) signal(one, 'SIGKILL')
    remove()
  })

  it('tells memory, disks, GPUs, and what the engine takes of them in all its processes', async () => {
    await expect.poll(() => pids().length, { timeout: 20_000 }).toBe(2)
    const [leader = 0, child = 0] = pids()
    smi.say({
      gpus: '0, GPU-a, 81559, 3000, 78559, 12, Disabled, One',
      processes: `${leader}, GPU-a, 2000\n${child}, GPU-a, 500\n1, GPU-a, 500`,
    })
    const look = () =>
      createMonitor({
        gpus: new GpuLook({ environment: smi.environment, timeoutMs: 20_000 }),
        engines: () => [{ namespace: 'default', runtime: 'gpu-a', pids: pids() }],
        folders: () => [folder, `${folder}/is-not-there`],
      })()
    await expect
      .poll(async () => (await look()).engines[0]?.memoryBytes, { timeout: 20_000 })
      .toBeGreaterThan(2 * megabytes * 1024 * 1024)
    const { memory, volumes, engines, gpus, isGpuSeen } = await look()
    expect(memory?.totalBytes).toBe(totalmem())
    expect(volumes).toMatchObject([{ sizeBytes: statfsSync(folder).blocks * statfsSync(folder).bsize }])
    expect(gpus).toMatchObject([{ uuid: 'GPU-a', busy: 0.12 }])
    expect(isGpuSeen).toBe(true)
    expect(engines).toMatchObject([{ processes: 2, gpus: [{ uuid: 'GPU-a', bytes: 2_500 * 1024 ** 2 }] }])
    const seconds = async () => (await look()).engines[0]?.cpuSeconds
    await expect.poll(seconds, { timeout: 20_000 }).toBeGreaterThan(0.5)
  })
})
