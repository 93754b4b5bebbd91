// One more name for bytes that lie on the volume: a hard link, or a symbolic one where the filesystem or its rules refuse that.
import { link, open, readlink, rename, rm, symlink } from 'node:fs/promises'
import { dirname, join, relative, resolve } from 'node:path'
import { codeOf } from '../outcome.ts'
import { ensureFolder, ifThere, moveDurably, removeFile, syncFolder } from './disk.ts'

export interface Sharing {
  readonly from: string
  readonly to: string
  /** folder of the same filesystem for the name while it is made */
  readonly staging: string
}

/** EPERM also where the kernel protects the files of another user (fs.protected_hardlinks). */
const refusals = ['EPERM', 'EACCES', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'ENOSYS', 'EXDEV']

export type Way = 'Linked' | 'InPlace'

/** The name is there whole or not at all; one that was there is replaced. Undefined when neither way is possible here. */
export const shareFile = async (sharing: Sharing): Promise<Way | undefined> => {
  await ensureFolder(sharing.staging)
  const temporary = toTemporary(sharing.staging)
  const way = await makeName(sharing, temporary)
  if (!way) return undefined
  await moveDurably(temporary, sharing.to)
  await rm(temporary, { force: true }) // a rename between two names of one file leaves both
  return way
}

const toTemporary = (folder: string): string =>
  join(folder, `name.${process.pid}.${Math.random().toString(36).slice(2)}`)

const makeName = async ({ from, to }: Sharing, temporary: string): Promise<Way | undefined> => {
  if (await isDone(() => link(from, temporary))) return 'Linked'
  const target = relative(dirname(to), from)
  return (await isDone(() => symlink(target, temporary))) ? 'InPlace' : undefined
}

const isDone = async (work: () => Promise<void>): Promise<boolean> => {
  try {
    await work()
    return true
  } catch (error) {
    if (refusals.includes(codeOf(error))) return false
    throw error
  }
}

/** Bytes that another program wrote are on the disk from here on. */
export const syncFile = async (path: string): Promise<void> => {
  const handle = await open(path, 'r')
  try {
    await handle.datasync()
  } finally {
    await handle.close()
  }
}

/** Where a name in place leads; undefined for a file of its own. */
export const targetOf = async (path: string): Promise<string | undefined> => {
  const target = await readlink(path).catch(() => undefined)
  return target === undefined ? undefined : resolve(dirname(path), target)
}

/** File → names of others that lead to it and nowhere else: they get the bytes when the file goes. */
export type Heirs = ReadonlyMap<string, readonly string[]>

/** Bytes that are freed: none when an heir takes them. At no moment does a name of an heir lead to nothing. */
export const letGo = async (path: string, heirs: Heirs): Promise<number> => {
  const [heir, ...others] = heirs.get(path) ?? []
  if (!heir) return removeFile(path)
  for (const other of others) {
    const temporary = toTemporary(dirname(other))
    await symlink(relative(dirname(other), heir), temporary)
    await rename(temporary, other)
  }
  if (await ifThere(rename(path, heir).then(() => true))) await syncFolder(dirname(heir))
  return 0
}
