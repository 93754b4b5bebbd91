// Checks of folders: whether they are there, can be written to, keep what is written, and have room; and whether secrets are kept.
import { mkdtempSync, readdirSync, rmdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Finding, fault, good, notLooked, warning } from './finding.ts'
import { type Disk, placesOf, type World } from './world.ts'

const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false

/** Why nothing can be written there, found by writing; an access bit says nothing about a disk that is mounted for reading. */
const whyNotWritable = (folder: string): string | undefined => {
  try {
    rmdirSync(mkdtempSync(join(folder, '.switchyard-doctor-')))
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? (error as Error).message
  }
}

/** The folder itself, or the first one above it that is there: in that it will be made. */
const nearest = (folder: string): string => {
  try {
    statSync(folder)
    return folder
  } catch {
    return folder === '/' ? folder : nearest(dirname(folder))
  }
}

export const checkState = async (world: World): Promise<readonly Finding[]> => {
  const places = placesOf(world)
  if (!places) return []
  const check = 'State folder'
  const { stateFolder: folder } = places
  const at = nearest(folder)
  if (!isFolder(at))
    return [fault(check, `${at} is in the way: it is no folder`, `move it away: mv ${at} ${at}.old`)]
  const code = whyNotWritable(at)
  if (code !== undefined)
    return [
      fault(check, `${at} cannot be written to by user ${world.uid} (${code})`, writableFix(world, at, code)),
    ]
  return roomIn(check, folder, await world.readDisk(at))
}

const writableFix = ({ uid }: World, folder: string, code: string): string =>
  code === 'EROFS'
    ? `it is mounted for reading only: mount -o remount,rw the disk of ${folder}`
    : `chown -R ${uid} ${folder}, or run the daemon as its owner, or name another folder`

/** Those that Runtimes name must be there; the one of the settings is made by the daemon. */
export const checkModels = async (world: World): Promise<readonly Finding[]> => {
  const places = placesOf(world)
  if (!places) return []
  const { runtimes } = world.readManifests(places.manifestsFolder)
  const named = runtimes.flatMap(({ spec }) => spec.storage?.directory ?? [])
  const own = isFolder(places.modelsFolder) ? [places.modelsFolder] : []
  const folders = [...new Set([...named, ...own])]
  return (await Promise.all(folders.map(folder => checkModelsFolder(world, folder)))).flat()
}

const checkModelsFolder = async (world: World, folder: string): Promise<readonly Finding[]> => {
  const check = 'Models folder'
  if (!isFolder(folder))
    return [
      fault(check, `${folder} does not exist`, `mount the disk that belongs there, or mkdir -p ${folder}`),
    ]
  const code = whyNotWritable(folder)
  if (code === 'ENOSPC')
    return [fault(check, `${folder} is full: not even a folder can be made`, `free room on ${folder}`)]
  if (code !== undefined)
    return [
      fault(
        check,
        `${folder} cannot be written to by user ${world.uid} (${code})`,
        writableFix(world, folder, code),
      ),
    ]
  return roomIn(check, folder, await world.readDisk(folder))
}

const gibi = 1024 ** 3
const leastFreeBytes = gibi
const leastFreeFiles = 1_000

const roomIn = (check: string, folder: string, disk: Disk | undefined): readonly Finding[] => {
  if (!disk)
    return [
      fault(
        check,
        `the disk of ${folder} does not answer`,
        'look at `dmesg` and at the network of its server',
      ),
    ]
  const { fstype, availableBytes, sizeBytes, files, filesFree } = disk
  const free = `${inGibi(availableBytes)} of ${inGibi(sizeBytes)} free`
  if (availableBytes < leastFreeBytes)
    return [
      fault(
        check,
        `${folder} is full: ${free}`,
        'delete a Model that nobody uses, or name a folder on a larger disk',
      ),
    ]
  if (files !== undefined && (filesFree ?? 0) < leastFreeFiles)
    return [
      fault(
        check,
        `${folder} has ${filesFree} inodes left of ${files}, though ${free}`,
        'delete small files, or make the file system anew with more inodes',
      ),
    ]
  if (['tmpfs', 'ramfs'].includes(fstype))
    return [
      warning(
        check,
        `${folder} is memory (${fstype}): all of it is gone after a reboot`,
        'name a folder on a disk',
      ),
    ]
  return [good(check, `${folder}, ${free}`)]
}

const inGibi = (bytes: number): string => `${(bytes / gibi).toFixed(bytes < 10 * gibi ? 1 : 0)} GiB`

export const checkSecrets = (world: World): Finding => {
  const places = placesOf(world)
  if (!places || !isFolder(places.secretsFolder)) return notLooked('Secrets', 'there are none')
  const files = readdirSync(places.secretsFolder, { recursive: true, encoding: 'utf8' })
    .map(name => join(places.secretsFolder, name))
    .filter(file => statSync(file, { throwIfNoEntry: false })?.isFile())
  const loose = files.filter(file => (statSync(file).mode & 0o077) !== 0)
  return loose.length > 0
    ? fault('Secrets', `${loose[0]} can be read by others, so it is not used`, `chmod 600 ${loose.join(' ')}`)
    : good('Secrets', `${files.length}, readable by their owner alone`)
}
