// One look at the machine: memory, disks, engines, GPUs. Taken when somebody asks and never by itself, so that a host at rest stays at rest.
import type { EngineFigures, HostFigures } from '../../../telemetry/host-metrics.ts'
import { readDisks } from './disks.ts'
import { readUsage } from './engine-usage.ts'
import type { GpuLook, GpuSight } from './gpu-look.ts'
import { parseCgroup, parseMeminfo, readCgroupLimit, readText } from './memory.ts'

export interface RunningEngine {
  readonly namespace: string
  readonly runtime: string
  /** the leader first */
  readonly pids: readonly number[]
}

export interface MonitorParts {
  readonly gpus: Pick<GpuLook, 'look'>
  readonly engines: () => readonly RunningEngine[]
  /** where models stand */
  readonly folders: () => readonly string[]
}

export type Monitor = () => Promise<HostFigures>

/** Series of one scrape are asked for one after the other. */
const sameLookMs = 1_000

export const createMonitor = (parts: MonitorParts): Monitor => {
  let last: { readonly at: number; readonly figures: Promise<HostFigures> } | undefined
  return () => {
    if (!last || performance.now() - last.at > sameLookMs)
      last = { at: performance.now(), figures: look(parts) }
    return last.figures
  }
}

const look = async (parts: MonitorParts): Promise<HostFigures> => {
  const [meminfo, own, volumes, sight] = await Promise.all([
    readText('/proc/meminfo'),
    readText('/proc/self/cgroup'),
    readDisks(parts.folders()),
    parts.gpus.look(),
  ])
  const paths = parseCgroup(own ?? '')
  const cgroup = paths && (await readCgroupLimit(paths))
  return {
    ...parseMeminfo(meminfo ?? ''),
    ...(cgroup ? { cgroup } : {}),
    volumes,
    engines: await Promise.all(parts.engines().map(engine => toFigures(engine, sight))),
    ...(sight.state === 'Absent' ? {} : { isGpuSeen: sight.state === 'Seen' }),
    gpus: sight.state === 'Seen' ? sight.gpus.map(gpu => ({ ...gpu, index: String(gpu.index) })) : [],
  }
}

const toFigures = async (
  { namespace, runtime, pids }: RunningEngine,
  sight: GpuSight,
): Promise<EngineFigures> => {
  const rows = sight.state === 'Seen' ? sight.processes.filter(({ pid }) => pids.includes(pid)) : []
  const gpus = new Map<string, number>()
  for (const { gpu, usedBytes } of rows)
    if (usedBytes !== undefined) gpus.set(gpu, (gpus.get(gpu) ?? 0) + usedBytes)
  return {
    namespace,
    runtime,
    processes: pids.length,
    ...(await readUsage(pids)),
    gpus: [...gpus].map(([uuid, bytes]) => ({ uuid, bytes })),
  }
}
