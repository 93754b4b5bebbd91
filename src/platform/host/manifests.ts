// A folder of YAML whose Models and Runtimes are applied, at the start and whenever a file changes; what leaves it stays in the store,
// unless pruning is asked for.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { Rejected, Transient } from '../../domain/failure.ts'
import { type Key, toKey } from '../../domain/object.ts'
import { toWish, type Wish } from '../../domain/wish.ts'
import type { HostPeople } from './host-people.ts'
import { type ManifestPrune, markOfFolder } from './manifest-prune.ts'

export interface ManifestParts {
  readonly people: Pick<HostPeople, 'apply'>
  readonly folder: string
  /** one file could not be applied, or a part of it: a sentence for people */
  readonly onRefused: (file: string, sentence: string) => void
  /** absent: what leaves the folder stays */
  readonly prune?: ManifestPrune
}

/** A file as it was when it was applied last. */
interface Applied {
  readonly state: string
  readonly keys: readonly Key[]
  /** every document of it was applied */
  readonly isWhole: boolean
}

const actor = 'manifests'
const largest = 1024 * 1024

export class Manifests {
  readonly #parts: ManifestParts
  readonly #applied = new Map<string, Applied>()
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
      if (state === undefined || this.#applied.get(file)?.state === state) continue
      const applied = this.#apply(file, state)
      if (applied) this.#applied.set(file, applied)
      else this.#applied.delete(file)
    }
    this.#prune(files)
  }

  #prune(files: readonly string[]): void {
    const { prune, folder } = this.#parts
    const known = files.map(file => this.#applied.get(file))
    prune?.look({
      folder,
      files: files.length,
      keys: new Set(known.flatMap(applied => applied?.keys ?? [])),
      isComplete: known.every(applied => applied?.isWhole),
    })
  }

  /** Undefined when it is worth another try although the file stays as it is. */
  #apply(file: string, state: string): Applied | undefined {
    const { people, folder, prune, onRefused } = this.#parts
    let [isDone, isWhole] = [true, true]
    const refuse = (sentence: string): void => {
      isWhole = false
      onRefused(file, sentence)
    }
    const wishes = readWishes(file, refuse)
    for (const wish of wishes) {
      const annotations = { ...wish.annotations, ...(prune ? markOfFolder(folder) : {}) }
      try {
        people.apply({ ...wish, annotations }, actor)
      } catch (error) {
        if (error instanceof Transient) isDone = false
        else if (!(error instanceof Rejected)) throw error
        refuse(`${wish.kind} ${wish.name}: ${error.message}`)
      }
    }
    return isDone ? { state, isWhole, keys: wishes.map(wish => toKey(wish.kind, wish)) } : undefined
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
