// A folder of YAML whose Models and Runtimes are applied, at the start and whenever a file changes; what leaves it stays in the store.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { Rejected, Transient } from '../../domain/failure.ts'
import { toWish, type Wish } from '../../domain/wish.ts'
import type { HostPeople } from './host-people.ts'

export interface ManifestParts {
  readonly people: Pick<HostPeople, 'apply'>
  readonly folder: string
  /** one file could not be applied, or a part of it: a sentence for people */
  readonly onRefused: (file: string, sentence: string) => void
}

const actor = 'manifests'
const largest = 1024 * 1024

export class Manifests {
  readonly #parts: ManifestParts
  /** file → as it was when it was applied last */
  readonly #applied = new Map<string, string>()
  readonly #timer: NodeJS.Timeout

  constructor(parts: ManifestParts, lookMs = 1_000) {
    this.#parts = parts
    this.look()
    // Asked for again and again, because editors, Git and links change a folder in more ways than a watch tells.
    // Not unref'd: a daemon that has nothing to do yet lives by it.
    this.#timer = setInterval(() => this.look(), lookMs)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  look(): void {
    const files = filesIn(this.#parts.folder)
    for (const file of this.#applied.keys()) if (!files.includes(file)) this.#applied.delete(file)
    for (const file of files) {
      const state = stateOf(file)
      if (state === undefined || this.#applied.get(file) === state) continue
      this.#applied.set(file, state)
      if (!this.#apply(file)) this.#applied.delete(file)
    }
  }

  /** False when it is worth another try although the file stays as it is. */
  #apply(file: string): boolean {
    let isDone = true
    const refuse = (sentence: string): void => this.#parts.onRefused(file, sentence)
    for (const wish of readWishes(file, refuse)) {
      try {
        this.#parts.people.apply(wish, actor)
      } catch (error) {
        if (error instanceof Transient) isDone = false
        else if (!(error instanceof Rejected)) throw error
        refuse(`${wish.kind} ${wish.name}: ${error.message}`)
      }
    }
    return isDone
  }
}

const filesIn = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder)
      .filter(name => /^[^.].*\.ya?ml$/.test(name))
      .sort()
      .map(name => join(folder, name))
  } catch {
    return []
  }
}

const stateOf = (file: string): string | undefined => {
  const stats = statSync(file, { throwIfNoEntry: false })
  return stats?.isFile() ? `${stats.ino} ${stats.size} ${stats.mtimeMs}` : undefined
}

/** Every good document; each bad one is told and disturbs no other. */
export const readWishes = (file: string, refuse: (sentence: string) => void): readonly Wish[] => {
  const text = readText(file, refuse)
  if (text === undefined) return []
  const documents = parseAllDocuments(text, { maxAliasCount: 100 } as object)
  if (!Array.isArray(documents)) return []
  return documents.flatMap(document => {
    const [error] = document.errors
    if (error) {
      refuse(error.message.split('\n')[0] ?? 'not YAML')
      return []
    }
    const wish = toWish(document.toJS({ maxAliasCount: 100 }))
    if (typeof wish === 'string') refuse(wish)
    return wish === undefined || typeof wish === 'string' ? [] : [wish]
  })
}

const readText = (file: string, refuse: (sentence: string) => void): string | undefined => {
  try {
    if (statSync(file).size <= largest) return readFileSync(file, 'utf8')
    refuse(`larger than ${largest} bytes`)
  } catch (error) {
    refuse((error as Error).message)
  }
  return undefined
}
