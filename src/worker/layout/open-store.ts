// From a task to the layout on its volume; says at once when the volume cannot be written to.
import { mkdir, rm, stat, writeFile } from 'node:fs/promises'
import { dirname, isAbsolute, join, normalize } from 'node:path'
import type { Layout } from '../../domain/worker-task.ts'
import { codeOf, WorkError } from '../outcome.ts'
import { ensureFolder, ifThere } from './disk.ts'
import { openHubCache } from './hub-cache.ts'
import { openLocalFolder } from './local-folder.ts'
import { openOllamaStore } from './ollama-store.ts'
import { stagingOf } from './receipt.ts'
import type { Place, Store } from './store.ts'

const checkPaths = ({ layout, owner }: Place): void => {
  const isPlain = (path: string) => isAbsolute(path) && normalize(path) === path && !path.endsWith('/')
  const isInside = layout.path === layout.root || layout.path.startsWith(`${layout.root}/`)
  if (!isPlain(layout.root) || !isPlain(layout.path) || !isInside) {
    throw new WorkError('InvalidSpec', 'layout.path must be an absolute path at or below layout.root')
  }
  if (!/^[A-Za-z0-9][A-Za-z0-9-]{0,127}$/.test(owner)) {
    throw new WorkError('InvalidSpec', 'owner must be the uid of the Model')
  }
}

export const openStore = (place: Place): Store => {
  checkPaths(place)
  if (place.kind === 'Local') return openLocalFolder(place)
  const isOllama = place.layout.kind === 'OllamaStore'
  if (place.kind === 'Ollama' && !isOllama) {
    throw new WorkError(
      'EngineCannotServe',
      `a model of ${place.kind} cannot be stored as ${place.layout.kind}`,
    )
  }
  return isOllama ? openOllamaStore(place) : openHubCache(place)
}

const notWritable = ['EACCES', 'EPERM', 'EROFS']

/** Writes and removes a small file where receipts and bytes will stand. */
export const probeVolume = async (layout: Layout, owner: string): Promise<void> => {
  await probe(layout.root, stagingOf(layout, owner))
  await probe(layout.root, layout.path)
}

const probe = async (root: string, folder: string): Promise<void> => {
  const file = join(folder, `.switchyard-probe-${process.pid}`)
  try {
    if (!(await ifThere(stat(root)))) await mkdir(root, { recursive: true })
    await ensureFolder(folder)
    await writeFile(file, '')
    await rm(file)
  } catch (error) {
    if (!notWritable.includes(codeOf(error))) throw error
    throw await toNotWritable(folder, codeOf(error))
  }
}

const nearest = async (folder: string): Promise<string> =>
  (await ifThere(stat(folder))) || dirname(folder) === folder ? folder : nearest(dirname(folder))

const toNotWritable = async (folder: string, code: string): Promise<WorkError> => {
  const there = await nearest(folder)
  const { uid, gid, mode } = await stat(there)
  const octal = `0${(mode & 0o7777).toString(8)}`
  const worker = `uid ${process.getuid?.() ?? '?'} gid ${process.getgid?.() ?? '?'}`
  const why = code === 'EROFS' ? 'is read-only' : `belongs to uid ${uid} gid ${gid} mode ${octal}`
  return new WorkError('VolumeNotWritable', `the worker (${worker}) cannot write to ${there}, which ${why}`)
}
