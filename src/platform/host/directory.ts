// One folder as the machine shows it now: which one it is, how large its disk is, whether we may write there.
import { accessSync, constants, realpathSync, statfsSync, statSync } from 'node:fs'

export interface Directory {
  /** without links */
  readonly path: string
  /** of the disk */
  readonly device: string
  /** another folder that comes to stand under the same path has another one */
  readonly uid: string
  readonly diskBytes: number
  readonly isWritable: boolean
}

/** Undefined for what is not there or is no folder. The look may wait for a disk that hangs. */
export const findDirectory = (given: string): Directory | undefined => {
  try {
    const path = realpathSync(given)
    const { dev, ino, birthtimeNs, isDirectory } = statOf(path)
    const { blocks, bsize } = statfsSync(path)
    if (!isDirectory) return undefined
    return {
      path,
      device: `disk-${dev}`,
      // A number that is free again is given away again.
      uid: `${dev}-${ino}-${birthtimeNs}`,
      diskBytes: blocks * bsize,
      isWritable: canWrite(path),
    }
  } catch {
    return undefined
  }
}

const statOf = (path: string) => {
  const stats = statSync(path, { bigint: true })
  const { dev, ino, birthtimeNs } = stats
  return { dev, ino, birthtimeNs, isDirectory: stats.isDirectory() }
}

const canWrite = (path: string): boolean => {
  try {
    accessSync(path, constants.W_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}
