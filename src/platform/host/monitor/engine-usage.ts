// What all processes of one engine take: from a cgroup that is theirs alone, else added up. The parsers are pure.
import { join } from 'node:path'
import { cgroupFolder, cpuFolder, memoryFolder, parseCgroup, readCgroupMemory, readText } from './memory.ts'

export interface Usage {
  readonly memoryBytes: number
  readonly cpuSeconds: number
}

/** USER_HZ: the same for every program on Linux. */
const ticksPerSecond = 100

/** Of `/proc/<pid>/stat`: its own time, and that of children that it has waited for. */
export const parseCpu = (text: string): number => {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return fields.slice(11, 15).reduce((total, field) => total + Number(field), 0) / ticksPerSecond
}

interface Resident {
  readonly ownBytes: number
  /** files and shared memory, which others of the same engine may have too */
  readonly sharedBytes: number
}

/** Of `/proc/<pid>/status`. */
export const parseResident = (text: string): Resident => {
  const bytesOf = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1] ?? 0) * 1024
  return { ownBytes: bytesOf('RssAnon'), sharedBytes: bytesOf('RssFile') + bytesOf('RssShmem') }
}

/** The largest share counts once: workers of one engine map the same files and segments. */
export const addResident = (all: readonly Resident[]): number =>
  all.reduce((total, { ownBytes }) => total + ownBytes, 0) +
  Math.max(0, ...all.map(({ sharedBytes }) => sharedBytes))

export const readUsage = async (pids: readonly number[], root = cgroupFolder): Promise<Usage> =>
  (await readOfCgroup(pids, root)) ?? addUp(pids)

const addUp = async (pids: readonly number[]): Promise<Usage> => {
  const texts = await Promise.all(
    pids.map(pid => Promise.all([readText(`/proc/${pid}/stat`), readText(`/proc/${pid}/status`)])),
  )
  const residents = texts.map(([, status]) => parseResident(status ?? ''))
  const seconds = texts.map(([stat]) => (stat === undefined ? 0 : parseCpu(stat)))
  return { memoryBytes: addResident(residents), cpuSeconds: seconds.reduce((a, b) => a + b, 0) }
}

/** Undefined when somebody else stands in it too, as those whom a person's session started do. */
const readOfCgroup = async (pids: readonly number[], root: string): Promise<Usage | undefined> => {
  const paths = parseCgroup((await readText(`/proc/${pids[0]}/cgroup`)) ?? '')
  if (!paths) return undefined
  const [memory, cpu] = [memoryFolder(paths, root), cpuFolder(paths, root)]
  const isAlone = await Promise.all([...new Set([memory, cpu])].map(folder => standAlone(folder, pids)))
  if (!isAlone.every(Boolean)) return undefined
  const [memoryBytes, cpuSeconds] = [await readCgroupMemory(memory), await readCpu(cpu)]
  return memoryBytes === undefined || cpuSeconds === undefined ? undefined : { memoryBytes, cpuSeconds }
}

const standAlone = async (folder: string, pids: readonly number[]): Promise<boolean> => {
  const there = (await readText(join(folder, 'cgroup.procs')))?.split('\n').filter(line => line !== '') ?? []
  return there.length > 0 && there.every(pid => pids.includes(Number(pid)))
}

const readCpu = async (folder: string): Promise<number | undefined> => {
  const micros = /^usage_usec (\d+)$/m.exec((await readText(join(folder, 'cpu.stat'))) ?? '')?.[1]
  if (micros !== undefined) return Number(micros) / 1e6
  const nanos = (await readText(join(folder, 'cpuacct.usage')))?.trim()
  return nanos !== undefined && /^\d+$/.test(nanos) ? Number(nanos) / 1e9 : undefined
}
