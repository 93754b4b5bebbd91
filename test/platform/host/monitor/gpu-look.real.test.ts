// Asking nvidia-smi: a program that may be missing, fail or hang; and waiting for memory that an ended engine held.
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { DeviceGate } from '../../../../src/platform/host/monitor/device-gate.ts'
import { GpuLook } from '../../../../src/platform/host/monitor/gpu-look.ts'
import { aFolder } from '../host-parts.ts'
import { scriptNvidiaSmi } from './scripted-nvidia-smi.ts'

const fixture = (name: string): string => readFileSync(new URL(`fixtures/${name}`, import.meta.url), 'utf8')

const { folder, remove } = aFolder()
afterAll(remove)

let made = 0
const scripted = (timeoutMs = 10_000) => {
  made += 1
  const smi = scriptNvidiaSmi(`${folder}/${made}`)
  return { ...smi, look: new GpuLook({ environment: smi.environment, timeoutMs }) }
}

describe('A look at the GPUs', () => {
  it('says that there is no nvidia-smi, which is no failure', async () => {
    expect(await new GpuLook({ environment: { PATH: folder } }).look()).toEqual({ state: 'Absent' })
  })

  it('tells the GPUs and the processes on them, asked once for all that ask at once', async () => {
    const { say, countCalls, look } = scripted()
    say({ gpus: fixture('two-gpus.csv'), processes: fixture('two-gpus-processes.csv') })
    const [sight] = await Promise.all([look.look(), look.look(), look.look()])
    expect(sight).toMatchObject({ state: 'Seen', gpus: [{ index: 0 }, { index: 1 }], processes: [{}, {}] })
    await look.look()
    expect(countCalls()).toBe(2)
  })

  it('tells its own words when it fails', async () => {
    const { say, look } = scripted()
    say({ failure: { said: fixture('no-driver.txt'), code: 9 } })
    expect(await look.look()).toEqual({
      state: 'Failed',
      message: expect.stringMatching(
        /^nvidia-smi failed: NVIDIA-SMI has failed because it couldn't communicate/,
      ),
    })
  })

  it('leaves nothing running behind it when one of its questions fails at once', async () => {
    const { say, look, hasEndedSlowly } = scripted()
    say({ failure: { said: fixture('no-driver.txt'), code: 9 }, processesAfterMs: 700 })
    expect(await look.look()).toMatchObject({
      state: 'Failed',
      message: expect.stringMatching(/^nvidia-smi/),
    })
    expect(hasEndedSlowly()).toBe(true)
  })

  it('ends one that hangs, says so, and sees again when it answers', async () => {
    const { say, look } = scripted(700)
    say({ hangs: true })
    expect(await look.look(0)).toEqual({ state: 'Failed', message: 'nvidia-smi did not answer within 0.7 s' })
    say({ gpus: fixture('mig.csv') })
    await expect.poll(() => look.look(0), { timeout: 20_000 }).toMatchObject({ state: 'Seen' })
  })
})

describe('The memory of an engine that ended', () => {
  const row = (used: number): string => `0, GPU-a, 81559, ${used}, ${81_559 - used}, 0, Disabled, One`
  const free = (gate: DeviceGate): Promise<void> =>
    expect.poll(() => gate.isFree('run'), { interval: 20, timeout: 20_000 }).toBe(true)

  it('is waited for until it is back', async () => {
    const { say, look } = scripted()
    const late: string[] = []
    const gate = new DeviceGate({ gpus: look, onLate: sentence => late.push(sentence), boundMs: 60_000 })
    say({ gpus: row(40_000), processes: `${process.pid}, GPU-a, 40000` })
    gate.note('run', [process.pid])
    await expect
      .poll(() => gate.isFree('run') || gate.sentenceOf('run'), { timeout: 20_000 })
      .toMatch(/^process \d+ still stands on GPU 0$/)
    say({ gpus: row(38_000) })
    await expect
      .poll(() => gate.isFree('run') || gate.sentenceOf('run'), { timeout: 20_000 })
      .toBe('38000 MiB of GPU 0 have not come back')
    say({ gpus: row(100) })
    await free(gate)
    expect(late).toEqual([])
  })

  it('is given up in the end, with a sentence', async () => {
    const { say, look } = scripted()
    const late: string[] = []
    const gate = new DeviceGate({ gpus: look, onLate: sentence => late.push(sentence), boundMs: 1_500 })
    say({ gpus: row(40_000), processes: `${process.pid}, GPU-a, 40000` })
    gate.note('run', [process.pid])
    await free(gate)
    expect(late).toEqual([expect.stringMatching(/^the engine ended \d+ s ago and .*: loading all the same$/)])
  })

  it('is nothing to wait for when it was on no GPU, and where there is no nvidia-smi', async () => {
    const { say, look } = scripted()
    const gate = new DeviceGate({ gpus: look, onLate: () => undefined, boundMs: 60_000 })
    say({ gpus: row(40_000), processes: `${process.pid}, GPU-a, 40000` })
    gate.note('run', [1])
    await free(gate)
    const absent = new GpuLook({ environment: { PATH: folder } })
    const without = new DeviceGate({ gpus: absent, onLate: () => undefined })
    without.note('run', [process.pid])
    await sleep(0)
    expect(without.isFree('run')).toBe(true)
  })
})
