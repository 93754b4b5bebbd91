// Where on a volume bytes of a digest lie already: in repositories of Hub caches, in Ollama stores, under our own second names.
import { join } from 'node:path'
import { findPlaces, listEntries } from './find-places.ts'

/** Hexadecimal digest → files that are named after it. A name is a claim, not a proof. */
export type BlobIndex = ReadonlyMap<string, readonly string[]>

const named = /^(?:sha256-)?([0-9a-f]{64}|[0-9a-f]{40})$/

export const indexBlobs = async (root: string): Promise<BlobIndex> => {
  const index = new Map<string, string[]>()
  for (const folder of await listBlobFolders(root)) {
    for (const entry of await listEntries(folder)) {
      const hex = named.exec(entry.name)?.[1]
      if (hex && entry.isFile()) index.set(hex, [...(index.get(hex) ?? []), join(folder, entry.name)])
    }
  }
  return index
}

const listBlobFolders = async (root: string): Promise<string[]> => {
  const folders: string[] = []
  for (const { kind, path } of await findPlaces(root)) {
    if (kind === 'OllamaStore') folders.push(join(path, 'blobs'))
    if (kind === 'HubCache')
      folders.push(...(await listRepositories(path)).map(folder => join(folder, 'blobs')))
  }
  return [...folders, join(root, '.switchyard', 'blobs')]
}

/** Folders `models--owner--name` of a Hub cache. */
export const listRepositories = async (cache: string): Promise<string[]> =>
  (await listEntries(cache))
    .filter(entry => entry.isDirectory() && entry.name.startsWith('models--'))
    .map(entry => join(cache, entry.name))
    .sort()
