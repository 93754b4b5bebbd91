// What lies on a volume, whoever put it there: Hub caches, Ollama stores and folders of weights, found by what they hold.
import type { Dirent } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Layout } from '../../domain/worker-task.ts'
import { codeOf } from '../outcome.ts'

export interface FoundPlace {
  readonly kind: Layout['kind'] | 'Folder'
  readonly path: string
}

/** `.cache/huggingface/hub` lies three deep; a volume of many folders is not walked to its end. */
const deepest = 5
const mostFolders = 5_000

const neverLookedInto = /^(models--|datasets--|spaces--|\.switchyard$|\.locks$|\.git$|lost\+found$)/

/** Sorted by path. Links are not followed; folders that may not be read are told and passed over. */
export const findPlaces = async (
  root: string,
  onClosed: (folder: string) => void = () => undefined,
): Promise<FoundPlace[]> => {
  const found: FoundPlace[] = []
  let level = [root]
  for (let depth = 0, seen = 0; depth <= deepest && seen < mostFolders; depth++) {
    const next: string[] = []
    for (const folder of level) {
      seen++
      next.push(...(await lookInto(folder, found, onClosed)))
    }
    level = next
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** Notes what the folder is; answers the folders in it that may be or hold places. */
const lookInto = async (
  folder: string,
  found: FoundPlace[],
  onClosed: (folder: string) => void,
): Promise<string[]> => {
  const entries = await listEntries(folder, onClosed)
  const folders = entries.filter(entry => entry.isDirectory()).map(entry => entry.name)
  if (folders.includes('blobs') && folders.includes('manifests')) {
    found.push({ kind: 'OllamaStore', path: folder })
    return []
  }
  if (folders.some(name => name.startsWith('models--'))) found.push({ kind: 'HubCache', path: folder })
  if (entries.some(entry => entry.name.endsWith('.safetensors'))) found.push({ kind: 'Folder', path: folder })
  return folders.filter(name => !neverLookedInto.test(name)).map(name => join(folder, name))
}

const passedOver = ['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM']

export const isClosed = (error: unknown): boolean => ['EACCES', 'EPERM'].includes(codeOf(error))

export const listEntries = async (
  folder: string,
  onClosed: (folder: string) => void = () => undefined,
): Promise<Dirent[]> => {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (error) {
    if (isClosed(error)) onClosed(folder)
    if (passedOver.includes(codeOf(error))) return []
    throw error
  }
}
