// The disks under folders: size, free bytes, inodes; and which mount a folder stands on. A disk that hangs is left out.
import { realpath, statfs } from 'node:fs/promises'
import type { VolumeFigures } from '../../../telemetry/host-metrics.ts'
import { readText } from './memory.ts'

export interface Mount {
  readonly point: string
  readonly fstype: string
  readonly device: string
}

const decode = (word: string): string =>
  word.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))

/** Of `/proc/self/mountinfo`. */
export const parseMounts = (text: string): readonly Mount[] =>
  text.split('\n').flatMap(line => {
    const [before = '', after = ''] = line.split(' - ')
    const point = before.split(' ')[4]
    const [fstype = '', device = ''] = after.split(' ')
    return point === undefined ? [] : [{ point: decode(point), fstype, device: decode(device) }]
  })

/** The last one of the longest: later mounts lie over earlier ones. */
export const findMount = (mounts: readonly Mount[], path: string): Mount | undefined => {
  const over = mounts.filter(({ point }) => point === '/' || path === point || path.startsWith(`${point}/`))
  const longest = Math.max(0, ...over.map(({ point }) => point.length))
  return over.findLast(({ point }) => point.length === longest)
}

export const readMounts = async (): Promise<readonly Mount[]> =>
  parseMounts((await readText('/proc/self/mountinfo')) ?? '')

const patienceMs = 2_000

/** One row per mount. A folder that is not there is left out. */
export const readDisks = async (folders: readonly string[]): Promise<readonly VolumeFigures[]> => {
  const mounts = await readMounts()
  const rows = await Promise.all(folders.map(folder => inTime(readDisk(folder, mounts))))
  const byPoint = new Map(rows.flatMap(row => (row ? [[row.mountpoint, row]] : [])))
  return [...byPoint.values()]
}

const readDisk = async (folder: string, mounts: readonly Mount[]): Promise<VolumeFigures | undefined> => {
  try {
    const path = await realpath(folder)
    const { blocks, bavail, bsize, files, ffree } = await statfs(path)
    const { point, fstype, device } = findMount(mounts, path) ?? { point: path, fstype: '', device: '' }
    return {
      mountpoint: point,
      device,
      fstype,
      sizeBytes: blocks * bsize,
      availableBytes: bavail * bsize,
      ...(files > 0 ? { files, filesFree: ffree } : {}),
    }
  } catch {
    return undefined
  }
}

const inTime = async <T>(reading: Promise<T>): Promise<T | undefined> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>(resolve => {
    timer = setTimeout(resolve, patienceMs, undefined)
  })
  return Promise.race([reading, late]).finally(() => clearTimeout(timer))
}
