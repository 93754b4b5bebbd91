// What nvidia-smi prints → figures. Pure. A figure that it does not tell is absent, never 0.

export interface Gpu {
  readonly index: number
  readonly uuid: string
  readonly name: string
  readonly totalBytes?: number
  readonly usedBytes?: number
  readonly freeBytes?: number
  /** 0 to 1, of the last sample period */
  readonly busy?: number
  readonly isMig: boolean
}

/** One process on one GPU. */
export interface GpuProcess {
  readonly pid: number
  /** uuid */
  readonly gpu: string
  readonly usedBytes?: number
}

export interface GpuReading {
  readonly gpus: readonly Gpu[]
  readonly processes: readonly GpuProcess[]
}

const format = '--format=csv,noheader,nounits'

/** Fields that every driver of the last years knows: one that is unknown would make it answer nothing. The name comes last, it may hold commas. */
export const gpuQuery = [
  '--query-gpu=index,uuid,memory.total,memory.used,memory.free,utilization.gpu,mig.mode.current,name',
  format,
] as const

export const processQuery = ['--query-compute-apps=pid,gpu_uuid,used_memory', format] as const

const mebi = 1024 * 1024

export const parseGpus = (text: string): readonly Gpu[] =>
  rowsOf(text).flatMap(([index = '', uuid = '', total, used, free, busy, mig, ...name]) => {
    if (!/^\d+$/.test(index) || !/^(GPU|MIG)-/.test(uuid)) return []
    const share = numberOf(busy)
    return {
      index: Number(index),
      uuid,
      name: name.join(', '),
      ...bytesAs('totalBytes', total),
      ...bytesAs('usedBytes', used),
      ...bytesAs('freeBytes', free),
      ...(share === undefined ? {} : { busy: share / 100 }),
      isMig: mig === 'Enabled',
    }
  })

/** With MIG a process stands once for each instance that it uses: they are one row per GPU here. */
export const parseProcesses = (text: string): readonly GpuProcess[] => {
  const found = new Map<string, GpuProcess>()
  for (const [pid = '', gpu = '', used] of rowsOf(text)) {
    if (!/^\d+$/.test(pid) || !/^(GPU|MIG)-/.test(gpu)) continue
    const before = found.get(`${pid} ${gpu}`)
    const own = numberOf(used)
    const bytes = own === undefined ? before?.usedBytes : own * mebi + (before?.usedBytes ?? 0)
    found.set(`${pid} ${gpu}`, {
      pid: Number(pid),
      gpu,
      ...(bytes === undefined ? {} : { usedBytes: bytes }),
    })
  }
  return [...found.values()]
}

const rowsOf = (text: string): readonly (readonly string[])[] =>
  text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
    .map(line => line.split(/\s*,\s*/))

/** Undefined for `[N/A]`, `[Not Supported]`, `[Insufficient Permissions]` and whatever else stands in brackets. */
const numberOf = (word: string | undefined): number | undefined =>
  word !== undefined && /^\d+(\.\d+)?$/.test(word) ? Number(word) : undefined

const bytesAs = <Name extends string>(name: Name, word: string | undefined) => {
  const value = numberOf(word)
  return (value === undefined ? {} : { [name]: value * mebi }) as { readonly [K in Name]?: number }
}

/** Its own first sentence, on one line: it tells troubles on standard output as often as on the other one. */
export const failureOf = (output: string, ending: string): string => {
  const said = output
    .split('\n')
    .map(line => line.trim())
    .find(line => line !== '')
  return `nvidia-smi failed: ${said?.slice(0, 300).replace(/\.$/, '') ?? ending}`
}
