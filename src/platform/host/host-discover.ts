// What lies on this machine: a worker of the same program looks into each folder, as whom the daemon or the person runs; nothing is written.
import { execFile } from 'node:child_process'
import { realpathSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { type DiscoveredCopy, Discovery } from '../../domain/discovery.ts'
import type { VolumeView } from '../../domain/platform.ts'

export interface DiscoverParts {
  /** this program, as words */
  readonly command: readonly string[]
  readonly environment: Readonly<Record<string, string>>
}

/** One folder, and what was found there, or why nothing could be said. */
export type Found = Discovery | { readonly root: string; readonly failure: string }

/** Where the Hub's client and Ollama keep models when nobody says otherwise. */
const usualPlaces = (home: string): readonly string[] => [
  `${home}/.cache/huggingface`,
  `${home}/.ollama/models`,
  '/usr/share/ollama/.ollama/models',
  '/var/lib/ollama/models',
]

const isSeen = (folder: string): boolean => {
  try {
    return statSync(folder).isDirectory()
  } catch (error) {
    // A home that is closed to us may hold one: the worker says so.
    return (error as NodeJS.ErrnoException).code === 'EACCES'
  }
}

/** The named folders, and of the usual ones those that are there. */
export const foldersToDiscover = (named: readonly string[], home: string): readonly string[] => [
  ...new Set([...named, ...usualPlaces(home).filter(isSeen)]),
]

const patienceMs = 120_000
const longestAnswer = 64 * 1024 * 1024

export const discoverFolder = (
  { command: [program = '', ...first], environment }: DiscoverParts,
  root: string,
): Promise<Found> =>
  new Promise(resolve => {
    const words = [...first, 'worker', 'discover', '--root', root]
    const how = {
      env: { ...environment },
      timeout: patienceMs,
      killSignal: 'SIGKILL',
      maxBuffer: longestAnswer,
    }
    execFile(program, words, how as object, (error, output) => resolve(toFound(root, error, String(output))))
  })

const toFound = (root: string, error: Error | null, output: string): Found => {
  try {
    const told = JSON.parse(output) as { readonly failure?: { readonly message?: string } }
    return told.failure ? { root, failure: told.failure.message ?? 'unknown' } : Discovery.parse(told)
  } catch (broken) {
    return { root, failure: (error ?? (broken as Error)).message.split('\n')[0] ?? 'unknown' }
  }
}

export const discoverAll = (parts: DiscoverParts, folders: readonly string[]): Promise<readonly Found[]> =>
  Promise.all(folders.map(folder => discoverFolder(parts, folder)))

/** Where a Runtime looks for its models. */
export interface Shelf {
  /** namespace/name */
  readonly runtime: string
  readonly layout: VolumeView['layout']
}

/** Each copy with the Runtimes that would use it where it lies. */
export const withRuntimes = (found: Found, shelves: readonly Shelf[]): Found =>
  'copies' in found
    ? {
        ...found,
        copies: found.copies.map(copy => ({ ...copy, runtimes: usersOf(found.root, copy, shelves) })),
      }
    : found

const usersOf = (root: string, copy: DiscoveredCopy, shelves: readonly Shelf[]): string[] => {
  const place = realPath(join(root, copy.path))
  const isOn = ({ kind, path, root: top }: Shelf['layout']): boolean =>
    copy.layout === 'Folder'
      ? kind === 'HubCache' && place.startsWith(`${top}/`)
      : copy.layout === kind && place === path
  return shelves.filter(({ layout }) => isOn(layout)).map(({ runtime }) => runtime)
}

const realPath = (path: string): string => {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
