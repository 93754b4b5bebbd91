// What a run holds on GPUs, and whether all of it came back. Pure. That its processes ended is no proof: one in state Z may still hold memory.
import type { GpuProcess, GpuReading } from './gpu-reading.ts'

export interface DeviceHold {
  /** of the run, whether they were seen on a GPU or not */
  readonly pids: readonly number[]
  readonly gpus: readonly {
    readonly uuid: string
    /** by processes of the run */
    readonly heldBytes: number
    /** by everybody, at that moment */
    readonly usedBytes: number
  }[]
}

interface Seen {
  readonly reading: GpuReading
  /** of the run */
  readonly pids: readonly number[]
  /** as it was before the run began */
  readonly before?: GpuReading
  /** a process with this number can be seen from here */
  readonly isVisible: (pid: number) => boolean
}

/** Undefined when the run is on no GPU. */
export const toDeviceHold = (seen: Seen): DeviceHold | undefined => {
  const { reading, pids } = seen
  const ours = reading.processes.filter(({ pid }) => pids.includes(pid))
  const bytesOn = ours.length > 0 ? bytesOf(ours) : growthSince(seen)
  const gpus = reading.gpus.flatMap(({ uuid, usedBytes = 0 }) => {
    const heldBytes = bytesOn(uuid)
    return heldBytes === undefined ? [] : [{ uuid, heldBytes, usedBytes }]
  })
  return gpus.length > 0 ? { pids, gpus } : undefined
}

const bytesOf =
  (processes: readonly GpuProcess[]) =>
  (uuid: string): number | undefined => {
    const there = processes.filter(({ gpu }) => gpu === uuid)
    return there.length > 0 ? sum(there.map(({ usedBytes }) => usedBytes ?? 0)) : undefined
  }

const leastGrowth = 256 * 1024 ** 2

/** In a PID namespace of its own the numbers are others, or none is told: then what grew since the run began is counted as its. */
const growthSince =
  ({ reading, before, isVisible }: Seen) =>
  (uuid: string): number | undefined => {
    if (!before || reading.processes.some(({ pid }) => isVisible(pid))) return undefined
    const used = (one: GpuReading): number => one.gpus.find(gpu => gpu.uuid === uuid)?.usedBytes ?? 0
    const growth = used(reading) - used(before)
    return growth > leastGrowth ? growth : undefined
  }

/** The rest may be another process's that took memory meanwhile. */
const shareThatCounts = 0.9

/** What has not come back yet, in words; undefined when everything has. */
export const findStillHeld = (hold: DeviceHold, { gpus, processes }: GpuReading): string | undefined => {
  const indexOf = (uuid: string): number | string => gpus.find(gpu => gpu.uuid === uuid)?.index ?? uuid
  const left = processes.find(({ pid }) => hold.pids.includes(pid))
  if (left) return `process ${left.pid} still stands on GPU ${indexOf(left.gpu)}`
  for (const { uuid, heldBytes, usedBytes } of hold.gpus) {
    const now = gpus.find(gpu => gpu.uuid === uuid)?.usedBytes
    const missing = now === undefined ? 0 : now - (usedBytes - heldBytes)
    if (missing > heldBytes * (1 - shareThatCounts))
      return `${Math.round(missing / 1024 ** 2)} MiB of GPU ${indexOf(uuid)} have not come back`
  }
  return undefined
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0)
