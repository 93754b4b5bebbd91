// Memory of the machine, and of a cgroup with its limit, as the kernel's files tell. The parsers are pure.
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

const kibi = 1024

export interface Meminfo {
  readonly memory?: { readonly totalBytes: number; readonly availableBytes: number }
  readonly swap?: { readonly totalBytes: number; readonly freeBytes: number }
}

export const parseMeminfo = (text: string): Meminfo => {
  const bytesOf = (name: string): number | undefined => {
    const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1]
    return found === undefined ? undefined : Number(found) * kibi
  }
  const [totalBytes, availableBytes] = [bytesOf('MemTotal'), bytesOf('MemAvailable')]
  const [swapBytes, freeBytes] = [bytesOf('SwapTotal'), bytesOf('SwapFree')]
  return {
    ...(totalBytes === undefined || availableBytes === undefined
      ? {}
      : { memory: { totalBytes, availableBytes } }),
    ...(swapBytes === undefined || freeBytes === undefined
      ? {}
      : { swap: { totalBytes: swapBytes, freeBytes } }),
  }
}

/** Where a process stands: in the one tree, or in the trees of memory and of processor time. */
export interface CgroupPaths {
  readonly version: 1 | 2
  readonly memory: string
  readonly cpu: string
}

/** Of `/proc/<pid>/cgroup`. */
export const parseCgroup = (text: string): CgroupPaths | undefined => {
  const rows = text.split('\n').map(line => /^\d+:([^:]*):(\/.*)$/.exec(line) ?? [])
  const pathOf = (controller: string): string | undefined =>
    rows.find(([, names]) => names?.split(',').includes(controller))?.[2]
  const [memory, cpu, unified] = [pathOf('memory'), pathOf('cpuacct'), pathOf('')]
  if (memory !== undefined && cpu !== undefined) return { version: 1, memory, cpu }
  return unified === undefined ? undefined : { version: 2, memory: unified, cpu: unified }
}

export const cgroupFolder = '/sys/fs/cgroup'

export const memoryFolder = ({ version, memory }: CgroupPaths, root = cgroupFolder): string =>
  join(root, version === 1 ? 'memory' : '', memory)

export const cpuFolder = ({ version, cpu }: CgroupPaths, root = cgroupFolder): string =>
  join(root, version === 1 ? 'cpuacct' : '', cpu)

export const readText = async (file: string): Promise<string | undefined> => {
  try {
    return await readFile(file, 'latin1')
  } catch {
    return undefined
  }
}

const numberIn = async (file: string): Promise<number | undefined> => {
  const text = (await readText(file))?.trim()
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined
}

/** The nearest limit on the way up; an old kernel writes "none" as a number beyond all memory. */
const limitOf = async (folder: string, root: string): Promise<number | undefined> => {
  const limits: number[] = []
  for (let at = folder; at.length >= root.length; at = dirname(at)) {
    const limit =
      (await numberIn(join(at, 'memory.max'))) ?? (await numberIn(join(at, 'memory.limit_in_bytes')))
    if (limit !== undefined && limit < 2 ** 60) limits.push(limit)
    if (at === root) break
  }
  return limits.length > 0 ? Math.min(...limits) : undefined
}

/** What cannot be dropped, as cAdvisor counts it. */
export const readCgroupMemory = async (folder: string): Promise<number | undefined> => {
  const used =
    (await numberIn(join(folder, 'memory.current'))) ??
    (await numberIn(join(folder, 'memory.usage_in_bytes')))
  const stat = (await readText(join(folder, 'memory.stat'))) ?? ''
  const droppable = /^(?:total_)?inactive_file (\d+)$/m.exec(stat)?.[1] ?? '0'
  return used === undefined ? undefined : Math.max(0, used - Number(droppable))
}

/** Undefined where nothing limits it. */
export const readCgroupLimit = async (
  paths: CgroupPaths,
  root = cgroupFolder,
): Promise<{ readonly limitBytes: number; readonly usedBytes: number } | undefined> => {
  const folder = memoryFolder(paths, root)
  const [limitBytes, usedBytes] = [await limitOf(folder, root), await readCgroupMemory(folder)]
  return limitBytes === undefined || usedBytes === undefined ? undefined : { limitBytes, usedBytes }
}
