// Which stores lie on a volume, whoever made them: Hub caches and Ollama stores, found by what their folders hold.
import type { Dirent } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Layout } from '../../domain/worker-task.ts'
import { codeOf } from '../outcome.ts'

export interface FoundStore {
  readonly kind: Layout['kind']
  readonly path: string
}

/** `.cache/huggingface/hub` lies three deep; a volume of many folders is not walked to its end. */
const deepest = 5
const mostFolders = 5_000

const neverStores = /^(models--|datasets--|spaces--|\.switchyard$|\.locks$|\.git$|lost\+found$)/

/** Sorted by path. Links are not followed; folders that may not be read are passed over. */
export const findStores = async (root: string): Promise<FoundStore[]> => {
  const found: FoundStore[] = []
  let level = [root]
  for (let depth = 0, seen = 0; depth <= deepest && seen < mostFolders; depth++) {
    const next: string[] = []
    for (const folder of level) {
      seen++
      next.push(...(await lookInto(folder, found)))
    }
    level = next
  }
  return found.sort((a, b) => (a.path < b.path ? -1 : 1))
}

/** Notes what the folder is; answers the folders in it that may be or hold stores. */
const lookInto = async (folder: string, found: FoundStore[]): Promise<string[]> => {
  const names = (await listFolders(folder)).map(entry => entry.name)
  if (names.includes('blobs') && names.includes('manifests')) {
    found.push({ kind: 'OllamaStore', path: folder })
    return []
  }
  if (names.some(name => name.startsWith('models--'))) found.push({ kind: 'HubCache', path: folder })
  return names.filter(name => !neverStores.test(name)).map(name => join(folder, name))
}

const passedOver = ['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM']

export const listFolders = async (folder: string): Promise<Dirent[]> => {
  try {
    return (await readdir(folder, { withFileTypes: true })).filter(entry => entry.isDirectory())
  } catch (error) {
    if (passedOver.includes(codeOf(error))) return []
    throw error
  }
}
