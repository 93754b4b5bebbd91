// What a host has and what its engines take, for Prometheus, under the names that node_exporter, cAdvisor and nvidia_gpu_exporter give the same things.
import { Gauge, type Registry } from 'prom-client'

/** Read at a scrape. What could not be read is absent, and so has no series: never 0. */
export interface HostFigures {
  readonly memory?: { readonly totalBytes: number; readonly availableBytes: number }
  readonly swap?: { readonly totalBytes: number; readonly freeBytes: number }
  /** of the cgroup that we run in, when it has a limit */
  readonly cgroup?: { readonly limitBytes: number; readonly usedBytes: number }
  readonly volumes: readonly VolumeFigures[]
  readonly engines: readonly EngineFigures[]
  /** absent: no nvidia-smi; false: it failed */
  readonly isGpuSeen?: boolean
  readonly gpus: readonly GpuFigures[]
}

export interface VolumeFigures {
  readonly mountpoint: string
  readonly device: string
  readonly fstype: string
  readonly sizeBytes: number
  readonly availableBytes: number
  /** absent where the file system counts none */
  readonly files?: number
  readonly filesFree?: number
}

export interface EngineFigures {
  readonly namespace: string
  readonly runtime: string
  readonly processes: number
  readonly memoryBytes: number
  readonly cpuSeconds: number
  readonly gpus: readonly { readonly uuid: string; readonly bytes: number }[]
}

export interface GpuFigures {
  readonly uuid: string
  readonly index: string
  readonly name: string
  readonly totalBytes?: number
  readonly usedBytes?: number
  readonly freeBytes?: number
  readonly busy?: number
}

type Labels = Readonly<Record<string, string>>
type Row = readonly [value: number | undefined, labels?: Labels]

interface Series {
  readonly name: string
  readonly help: string
  readonly labels?: readonly string[]
  readonly rows: (figures: HostFigures) => readonly Row[]
}

const disk = ['device', 'fstype', 'mountpoint']
const engine = ['namespace', 'runtime']

const ofDisks = (
  name: string,
  help: string,
  value: (volume: VolumeFigures) => number | undefined,
): Series => ({
  name: `node_filesystem_${name}`,
  help,
  labels: disk,
  rows: ({ volumes }) =>
    volumes.map(volume => {
      const { device, fstype, mountpoint } = volume
      return [value(volume), { device, fstype, mountpoint }]
    }),
})

const ofEngines = (name: string, help: string, value: (engine: EngineFigures) => number): Series => ({
  name: `switchyard_engine_${name}`,
  help,
  labels: engine,
  rows: ({ engines }) => engines.map(one => [value(one), { namespace: one.namespace, runtime: one.runtime }]),
})

const ofGpus = (name: string, help: string, value: (gpu: GpuFigures) => number | undefined): Series => ({
  name: `nvidia_smi_${name}`,
  help,
  labels: ['uuid'],
  rows: ({ gpus }) => gpus.map(gpu => [value(gpu), { uuid: gpu.uuid }]),
})

const one = (name: string, help: string, value: (figures: HostFigures) => number | undefined): Series => ({
  name,
  help,
  rows: figures => [[value(figures)]],
})

const memory: readonly Series[] = [
  one('node_memory_MemTotal_bytes', 'Memory of the machine.', ({ memory }) => memory?.totalBytes),
  one(
    'node_memory_MemAvailable_bytes',
    'Memory that can be had without swapping.',
    ({ memory }) => memory?.availableBytes,
  ),
  one('node_memory_SwapTotal_bytes', 'Swap space.', ({ swap }) => swap?.totalBytes),
  one('node_memory_SwapFree_bytes', 'Swap space that is free.', ({ swap }) => swap?.freeBytes),
  one(
    'container_spec_memory_limit_bytes',
    'Limit of the cgroup that switchyard runs in.',
    ({ cgroup }) => cgroup?.limitBytes,
  ),
  one(
    'container_memory_working_set_bytes',
    'Memory of that cgroup that cannot be dropped.',
    ({ cgroup }) => cgroup?.usedBytes,
  ),
]

const disks: readonly Series[] = [
  ofDisks('size_bytes', 'Size of the file system under a volume.', ({ sizeBytes }) => sizeBytes),
  ofDisks(
    'avail_bytes',
    'Bytes that are free for whom switchyard runs as.',
    ({ availableBytes }) => availableBytes,
  ),
  ofDisks('files', 'Inodes of the file system.', ({ files }) => files),
  ofDisks('files_free', 'Inodes that are free.', ({ filesFree }) => filesFree),
]

const engines: readonly Series[] = [
  ofEngines('processes', 'Processes of a Runtime’s engine.', ({ processes }) => processes),
  ofEngines(
    'resident_memory_bytes',
    'Memory of all of them; what they share counts once.',
    ({ memoryBytes }) => memoryBytes,
  ),
  ofEngines(
    'cpu_seconds_total',
    'Processor time of all of them since they began.',
    ({ cpuSeconds }) => cpuSeconds,
  ),
  {
    name: 'switchyard_engine_gpu_memory_bytes',
    help: 'Memory of a GPU that they hold.',
    labels: [...engine, 'uuid'],
    rows: ({ engines }) =>
      engines.flatMap(({ namespace, runtime, gpus }) =>
        gpus.map(({ uuid, bytes }): Row => [bytes, { namespace, runtime, uuid }]),
      ),
  },
]

const gpus: readonly Series[] = [
  one(
    'switchyard_gpu_sight',
    '1: nvidia-smi answers, 0: it fails; no series: there is none.',
    ({ isGpuSeen }) => (isGpuSeen === undefined ? undefined : Number(isGpuSeen)),
  ),
  {
    name: 'nvidia_smi_gpu_info',
    help: 'Which GPU it is.',
    labels: ['uuid', 'index', 'name'],
    rows: ({ gpus }) => gpus.map(({ uuid, index, name }) => [1, { uuid, index, name }]),
  },
  ofGpus('memory_total_bytes', 'Memory of the GPU.', ({ totalBytes }) => totalBytes),
  ofGpus('memory_used_bytes', 'Memory that is held, by whomever.', ({ usedBytes }) => usedBytes),
  ofGpus('memory_free_bytes', 'Memory that is free.', ({ freeBytes }) => freeBytes),
  ofGpus('utilization_gpu_ratio', 'Share of the last period in which it computed.', ({ busy }) => busy),
]

/** Nothing is read but at a scrape; `look` answers all series of one scrape with the same figures. */
export const registerHostFigures = (registry: Registry, look: () => Promise<HostFigures>): void => {
  for (const { name, help, labels = [], rows } of [...memory, ...disks, ...engines, ...gpus])
    new Gauge({
      name,
      help,
      labelNames: [...labels],
      registers: [registry],
      async collect() {
        const told = rows(await look())
        this.reset()
        for (const [value, given = {}] of told) if (value !== undefined) this.set(given, value)
        if (labels.length === 0 && told.every(([value]) => value === undefined)) this.remove()
      },
    })
}
