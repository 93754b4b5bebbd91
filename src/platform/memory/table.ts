// Versioned values by name: the one truth of the memory world, and a process's view of it, which may lag behind.
import type { Clock } from '../../domain/platform.ts'

export interface Readable<T> {
  get(name: string): T | undefined
  list(): readonly T[]
  version(name: string): number
}

/** What one process sees of a table. */
export interface Sight<T> extends Readable<T> {
  names(): readonly string[]
  subscribe(listener: (name: string) => void): void
  stop(): void
}

export interface Change {
  readonly name: string
  readonly version: number
}

export class Table<T> implements Readable<T> {
  readonly #values = new Map<string, T>()
  readonly #versions = new Map<string, number>()
  readonly #listeners = new Set<(change: Change) => void>()
  readonly #nextVersion: () => number

  constructor(nextVersion: () => number) {
    this.#nextVersion = nextVersion
  }

  get(name: string): T | undefined {
    return this.#values.get(name)
  }

  list(): readonly T[] {
    return [...this.#values.values()]
  }

  names(): readonly string[] {
    return [...this.#values.keys()]
  }

  version(name: string): number {
    return this.#versions.get(name) ?? 0
  }

  put(name: string, make: (version: number) => T): number {
    const version = this.#nextVersion()
    this.#values.set(name, make(version))
    return this.#changed(name, version)
  }

  drop(name: string): number {
    if (!this.#values.delete(name)) return this.version(name)
    return this.#changed(name, this.#nextVersion())
  }

  subscribe(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  #changed(name: string, version: number): number {
    this.#versions.set(name, version)
    for (const listener of [...this.#listeners]) listener({ name, version })
    return version
  }
}

/** A cache that is filled once and then follows, each change `lag` milliseconds late but never out of order. */
export class View<T> implements Sight<T> {
  readonly #values = new Map<string, T>()
  readonly #versions = new Map<string, number>()
  readonly #listeners = new Set<(name: string) => void>()
  #shownAt = 0
  /** changes that are on their way: none may overtake them */
  #coming = 0
  readonly stop: () => void

  constructor(table: Table<T>, clock: Clock, lag: () => number) {
    for (const name of table.names()) this.#show(name, table.get(name), table.version(name))
    this.stop = table.subscribe(({ name, version }) => {
      const value = table.get(name)
      const now = clock.now().getTime()
      this.#shownAt = Math.max(this.#shownAt, now + Math.ceil(lag()))
      if (this.#shownAt <= now && this.#coming === 0) {
        this.#tell(name, value, version)
        return
      }
      this.#coming++
      clock.after(this.#shownAt - now, () => {
        this.#coming--
        this.#tell(name, value, version)
      })
    })
  }

  get(name: string): T | undefined {
    return this.#values.get(name)
  }

  list(): readonly T[] {
    return [...this.#values.values()]
  }

  names(): readonly string[] {
    return [...this.#values.keys()]
  }

  version(name: string): number {
    return this.#versions.get(name) ?? 0
  }

  subscribe(listener: (name: string) => void): void {
    this.#listeners.add(listener)
  }

  #tell(name: string, value: T | undefined, version: number): void {
    this.#show(name, value, version)
    for (const listener of this.#listeners) listener(name)
  }

  #show(name: string, value: T | undefined, version: number): void {
    if (value === undefined) this.#values.delete(name)
    else this.#values.set(name, value)
    this.#versions.set(name, version)
  }
}
