// Durable, atomic steps on the volume: whole files by rename, folders that survive a power cut, modes that engines can read.
import { type FileHandle, lstat, mkdir, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { codeOf } from '../outcome.ts'

const fileMode = 0o644
const folderMode = 0o755

const isMissing = (error: unknown): boolean => ['ENOENT', 'ENOTDIR'].includes(codeOf(error))

/** Answers undefined when the path is not there. */
export const ifThere = async <T>(work: Promise<T>): Promise<T | undefined> => {
  try {
    return await work
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

/** Whoever shares a store with its account by a group (g+ws) means what is made in it too: it keeps what the kernel gives it. */
const isShared = async (folder: string): Promise<boolean> => ((await stat(folder)).mode & 0o2020) === 0o2020
const sharedMode = 0o775

/** Makes the folder and its missing parents, readable for everybody whatever the umask says; their names survive a power cut. */
export const ensureFolder = async (folder: string): Promise<void> => {
  const first = await makeFolders(folder)
  if (first === undefined) return
  const isKept = await isShared(dirname(first))
  for (let at = folder; at.length >= first.length; at = dirname(at)) {
    const handle = await open(at, 'r')
    await inClosing(handle, async () => {
      const isReadable = ((await handle.stat()).mode & folderMode) === folderMode
      if (!isKept || !isReadable) await handle.chmod(folderMode)
    })
  }
  await syncUp(dirname(folder), dirname(first))
}

/** The first folder that was made. Node says ENOENT where a volume refuses: the plain call tells why it does. */
const makeFolders = async (folder: string): Promise<string | undefined> => {
  const how = { recursive: true, mode: sharedMode } as const
  try {
    return await mkdir(folder, how)
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error
    const missing = await firstMissing(folder)
    await mkdir(missing, sharedMode)
    await mkdir(folder, how)
    return missing
  }
}

const firstMissing = async (folder: string): Promise<string> => {
  const parent = dirname(folder)
  return parent === folder || (await ifThere(stat(parent))) ? folder : firstMissing(parent)
}

const inClosing = async <T>(handle: FileHandle, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } finally {
    await handle.close()
  }
}

export const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, 'r')
  await inClosing(handle, () => handle.sync())
}

/** The folder and every one above it, up to and with `top`. */
export const syncUp = async (folder: string, top: string): Promise<void> => {
  for (let at = folder; at.length >= top.length; at = dirname(at)) {
    await syncFolder(at)
    if (at === dirname(at)) return
  }
}

/** The folder and every one below it. */
export const syncBelow = async (folder: string): Promise<void> => {
  const entries = await readdir(folder, { withFileTypes: true })
  const folders = entries.filter(entry => entry.isDirectory()).map(entry => join(folder, entry.name))
  for (const below of folders) await syncBelow(below)
  await syncFolder(folder)
}

export const moveDurably = async (from: string, to: string): Promise<void> => {
  await ensureFolder(dirname(to))
  await rename(from, to)
  await syncFolder(dirname(to))
}

export interface WholeFile {
  readonly path: string
  /** folder of the same filesystem where the temporary file may stand */
  readonly staging: string
  readonly content: string | Uint8Array
}

/** The file is there whole or not at all. */
export const writeWhole = async (file: WholeFile): Promise<void> => {
  await ensureFolder(file.staging)
  const temporary = join(file.staging, `whole.${process.pid}.${Math.random().toString(36).slice(2)}`)
  const handle = await open(temporary, 'wx', fileMode)
  await inClosing(handle, async () => {
    await handle.chmod(fileMode)
    await handle.writeFile(file.content)
    await handle.sync()
  })
  await moveOnceMore(temporary, file.path)
}

/** A server may remove a folder that is empty between our mkdir and our rename: try that once more. */
const moveOnceMore = async (from: string, to: string): Promise<void> => {
  try {
    await moveDurably(from, to)
  } catch (error) {
    if (!isMissing(error)) throw error
    await moveDurably(from, to)
  }
}

export const sizeOf = async (path: string): Promise<number | undefined> => {
  const found = await ifThere(stat(path))
  return found?.isFile() ? found.size : undefined
}

/** Paths of all files and links below a folder, relative to it. */
export const listBelow = async (folder: string): Promise<string[]> => {
  const entries = await ifThere(readdir(folder, { recursive: true, withFileTypes: true }))
  return (entries ?? [])
    .filter(entry => !entry.isDirectory())
    .map(entry => join(entry.parentPath, entry.name).slice(folder.length + 1))
}

export const listNames = async (folder: string): Promise<string[]> =>
  ((await ifThere(readdir(folder))) ?? []).sort()

/** Removes the folder and its empty parents up to (not including) `top`. */
export const pruneEmpty = async (folder: string, top: string): Promise<void> => {
  for (let at = folder; at.startsWith(`${top}/`); at = dirname(at)) {
    try {
      await rmdir(at)
    } catch (error) {
      if (!isMissing(error)) return
    }
  }
}

/** Bytes that are freed: none when it was not there or another name still holds them. */
export const removeFile = async (path: string): Promise<number> => {
  const found = await ifThere(lstat(path))
  if (!found) return 0
  await rm(path, { force: true })
  return found.isFile() && found.nlink === 1 ? found.size : 0
}
