// A small real file system of a test's own, which can be made fuller, read-only or dead while a work runs. Needs root.
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const run = (program: string, ...words: string[]): void => {
  const { status, stderr, error } = spawnSync(program, words, { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${program} ${words.join(' ')}: ${error?.message ?? stderr}`)
}

/** Undefined when file systems can be mounted here, else why not. */
export const whyNoMount = (): string | undefined => {
  if (process.getuid?.() !== 0) return 'only root can mount a small file system'
  try {
    openTmpfs('size=1m').close()
    return undefined
  } catch (error) {
    return (error as Error).message.slice(0, 200)
  }
}

export interface SmallVolume {
  readonly path: string
  /** From now on there is room for so many bytes, and no more. */
  readonly squeeze: (bytes: number) => void
  /** There is as much room as at the start. */
  readonly widen: () => void
  readonly remount: (options: string) => void
  readonly close: () => void
}

const page = 4096
const base = tmpdir()

export interface MemoryVolume extends SmallVolume {
  /** From now on so many names can be made. */
  readonly squeezeFiles: (count: number) => void
}

export const openTmpfs = (options: string): MemoryVolume => {
  const path = mkdtempSync(join(base, 'small-'))
  run('mount', '-t', 'tmpfs', '-o', options, 'switchyard-test', path)
  const remount = (changed: string): void => run('mount', '-o', `remount,${changed}`, path)
  return {
    path,
    remount,
    squeeze: bytes => {
      const { blocks, bfree } = statfsSync(path)
      remount(`size=${Math.max(1, blocks - bfree + Math.floor(bytes / page)) * page}`)
    },
    squeezeFiles: count => {
      const { files, ffree } = statfsSync(path)
      remount(`nr_inodes=${files - ffree + count}`)
    },
    widen: () => remount(options),
    close: () => {
      run('umount', '--lazy', path)
      rmSync(path, { recursive: true, force: true })
    },
  }
}

export interface DiskVolume extends SmallVolume {
  /** As if the power went: what was not synced is lost, everything fails from now on. */
  readonly cut: () => void
  /** The machine is there again: the file system recovers from its journal. */
  readonly recover: () => void
}

/** EXT4_IOC_SHUTDOWN without a last flush: what the file system developers test power cuts with. */
const shutdown = `
import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587D, struct.pack('I', 2))
`

/** An ext4 on a loop device. */
export const openExt4 = (bytes: number): DiskVolume => {
  const folder = mkdtempSync(join(base, 'ext4-'))
  const path = mkdtempSync(join(base, 'small-'))
  let image = join(folder, 'image')
  writeFileSync(image, '')
  truncateSync(image, bytes)
  run('mkfs.ext4', '-q', '-F', '-m', '0', '-b', `${page}`, image)
  const mount = (): void => run('mount', '-o', 'loop', image, path)
  mount()
  /** A container of somebody else may hold the old mount, and the same image would be the same, dead, file system. */
  const moveOn = (): void => {
    const next = `${image}+`
    run('cp', '--sparse=always', image, next)
    image = next
  }
  const filler = join(path, 'filler')
  return {
    path,
    squeeze: left => {
      const { bavail } = statfsSync(path)
      run('fallocate', '-l', `${bavail * page - left}`, filler)
    },
    widen: () => rmSync(filler, { force: true }),
    remount: options => run('mount', '-o', `remount,${options}`, path),
    cut: () => run('python3', '-c', shutdown, path),
    recover: () => {
      run('umount', path)
      moveOn()
      mount()
    },
    close: () => {
      run('umount', '--lazy', path)
      rmSync(path, { recursive: true, force: true })
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
