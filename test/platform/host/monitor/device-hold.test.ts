// When the memory of a GPU counts as free again.
import { describe, expect, it } from 'vitest'
import { findStillHeld, toDeviceHold } from '../../../../src/platform/host/monitor/device-hold.ts'
import type { GpuReading } from '../../../../src/platform/host/monitor/gpu-reading.ts'

const gibi = 1024 ** 3
const gpu = 'GPU-a'

const reading = (usedGibi: number, processes: readonly (readonly [number, number])[] = []): GpuReading => ({
  gpus: [
    { index: 0, uuid: gpu, name: 'one', totalBytes: 80 * gibi, usedBytes: usedGibi * gibi, isMig: false },
  ],
  processes: processes.map(([pid, held]) => ({ pid, gpu, usedBytes: held * gibi })),
})

const held = (now: GpuReading, pids: readonly number[], before?: GpuReading, isVisible = true) =>
  toDeviceHold({ reading: now, pids, isVisible: () => isVisible, ...(before ? { before } : {}) })

describe('What a run holds on a GPU', () => {
  it('is the sum of its processes, whoever else is there', () => {
    expect(
      held(
        reading(30, [
          [1, 8],
          [2, 2],
          [9, 20],
        ]),
        [1, 2],
      ),
    ).toEqual({
      pids: [1, 2],
      gpus: [{ uuid: gpu, heldBytes: 10 * gibi, usedBytes: 30 * gibi }],
    })
  })

  it('is nothing for one that is not there', () => {
    expect(held(reading(20, [[9, 20]]), [1], reading(0))).toBeUndefined()
  })

  it('is what grew since it began where the numbers of processes are of another namespace', () => {
    expect(held(reading(12, [[9, 10]]), [1], reading(2), false)?.gpus[0]?.heldBytes).toBe(10 * gibi)
    expect(held(reading(12), [1], reading(2))?.gpus[0]?.heldBytes).toBe(10 * gibi)
    expect(held(reading(2), [1], reading(2))).toBeUndefined()
  })
})

describe('Its memory has come back', () => {
  const hold = held(
    reading(30, [
      [1, 10],
      [9, 20],
    ]),
    [1],
  )
  const still = (now: GpuReading): string | undefined => hold && findStillHeld(hold, now)

  it('when none of its processes stands there and what it held is free', () => {
    expect(still(reading(20, [[9, 20]]))).toBeUndefined()
  })

  it('not while a process stands there, also one that has ended', () => {
    expect(still(reading(20, [[1, 0]]))).toBe('process 1 still stands on GPU 0')
  })

  it('not while the memory is missing', () => {
    expect(still(reading(26, [[9, 20]]))).toBe('6144 MiB of GPU 0 have not come back')
  })

  it('although somebody else took a little meanwhile', () => {
    expect(still(reading(20.9, [[9, 20.9]]))).toBeUndefined()
  })

  it('as far as is told, where the GPU is not shown any more', () => {
    expect(still({ gpus: [], processes: [] })).toBeUndefined()
  })
})
