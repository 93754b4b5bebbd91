// Deletes what left the manifests folder, when that is asked for: only objects that came from there, and only when their leaving is certain.
import { statSync } from 'node:fs'
import { group } from '../../domain/kinds.ts'
import { type Key, keyOf } from '../../domain/object.ts'
import type { HostObjects, Stored } from './host-objects.ts'
import type { HostPeople } from './host-people.ts'

export interface PruneParts {
  readonly people: Pick<HostPeople, 'remove'>
  readonly objects: Pick<HostObjects, 'list'>
  /** told beside the journal, in words */
  readonly onPruned: (sentence: string) => void
  /** milliseconds; only differences count */
  readonly now?: () => number
}

/** What a look into the folder found. */
export interface FolderSight {
  readonly folder: string
  readonly keys: ReadonlySet<Key>
  /** every file was read and every document of it applied: nobody is absent because a line is wrong */
  readonly isComplete: boolean
  readonly files: number
}

/** Holds the disk that the folder stood on: what a mount hides has not left. */
const origin = `${group}/manifests`

/** Git and editors take a file away before they put the new one there. */
const graceMs = 30_000

export const markOfFolder = (folder: string): Readonly<Record<string, string>> => {
  const device = deviceOf(folder)
  return device === undefined ? {} : { [origin]: device }
}

const deviceOf = (folder: string): string | undefined => {
  const stats = statSync(folder, { throwIfNoEntry: false })
  return stats?.isDirectory() ? `disk-${stats.dev}` : undefined
}

export class ManifestPrune {
  readonly #parts: PruneParts
  /** uid → since when it is absent */
  readonly #absent = new Map<string, number>()

  constructor(parts: PruneParts) {
    this.#parts = parts
  }

  look(sight: FolderSight): void {
    const device = deviceOf(sight.folder)
    // 1. The folder is missing or empty: a disk is not mounted, or somebody begins anew.
    // 2. A file could not be read: what it names is not known.
    if (device === undefined || sight.files === 0 || !sight.isComplete) {
      this.#absent.clear()
      return
    }
    const gone = this.#ours(device).filter(object => !sight.keys.has(keyOf(object)))
    for (const uid of this.#absent.keys())
      if (!gone.some(({ metadata }) => metadata.uid === uid)) this.#absent.delete(uid)
    for (const object of gone) this.#consider(object)
  }

  #ours(device: string): readonly Stored[] {
    const { objects } = this.#parts
    return [...objects.list('Model'), ...objects.list('Runtime')].filter(
      ({ metadata }) => metadata.annotations[origin] === device && !metadata.deletionTimestamp,
    )
  }

  #consider(object: Stored): void {
    const { people, onPruned, now = () => performance.now() } = this.#parts
    const { uid, name } = object.metadata
    const since = this.#absent.get(uid) ?? now()
    this.#absent.set(uid, since)
    if (now() - since < graceMs) return
    this.#absent.delete(uid)
    people.remove(object.kind, object.metadata, 'manifests')
    onPruned(`${object.kind} ${name} left the manifests folder: it is deleted`)
  }
}
