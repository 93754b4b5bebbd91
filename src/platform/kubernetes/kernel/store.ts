// What a reflector knows: objects by key, and indexes kept in step with them.
import { isSameVersion, type KernelObject, storeKey } from './objects.ts'

export interface StoreEvent<T> {
  readonly type: 'added' | 'modified' | 'deleted'
  /** the last version seen, also when it is deleted */
  readonly object: T
  readonly previous?: T
}

/** The values under which an object is found; none when it should not be. */
export type IndexFunction<T> = (object: T) => readonly string[]

export class Store<T extends KernelObject> {
  readonly #objects = new Map<string, T>()
  /** the same objects by namespace, so that a large cluster does not slow down a small namespace */
  readonly #namespaces = new Map<string, Map<string, T>>()
  readonly #indexes: readonly (readonly [string, IndexFunction<T>, Map<string, Set<string>>])[]

  constructor(indexes: Readonly<Record<string, IndexFunction<T>>> = {}) {
    this.#indexes = Object.entries(indexes).map(([name, values]) => [name, values, new Map()])
  }

  get size(): number {
    return this.#objects.size
  }

  get(key: string): T | undefined {
    return this.#objects.get(key)
  }

  list(namespace?: string): T[] {
    const asked = namespace === undefined ? this.#objects : this.#namespaces.get(namespace)
    return [...(asked?.values() ?? [])]
  }

  byIndex(name: string, value: string): T[] {
    const index = this.#indexes.find(([known]) => known === name)
    if (!index) throw new TypeError(`there is no index ${name}`)
    return [...(index[2].get(value) ?? [])].map(key => this.#objects.get(key) as T)
  }

  /** Another uid under the same name is another object: deleted, then added. The same version again is no news. */
  put(object: T): readonly StoreEvent<T>[] {
    const key = storeKey(object.metadata)
    const previous = this.#objects.get(key)
    if (previous && isSameVersion(previous, object)) return []
    this.#unindex(key, previous)
    this.#objects.set(key, object)
    this.#roomOf(object).set(key, object)
    this.#index(key, object)
    if (!previous) return [{ type: 'added', object }]
    if (previous.metadata.uid !== object.metadata.uid)
      return [
        { type: 'deleted', object: previous },
        { type: 'added', object },
      ]
    return [{ type: 'modified', object, previous }]
  }

  remove(object: T): readonly StoreEvent<T>[] {
    const key = storeKey(object.metadata)
    const previous = this.#objects.get(key)
    if (!previous) return []
    this.#unindex(key, previous)
    this.#objects.delete(key)
    const room = this.#roomOf(previous)
    room.delete(key)
    if (room.size === 0) this.#namespaces.delete(previous.metadata.namespace ?? '')
    const isOther = previous.metadata.uid !== object.metadata.uid
    return [{ type: 'deleted', object: isOther ? previous : object, previous }]
  }

  /** Takes the difference to a new whole, what is gone first. */
  replace(fresh: ReadonlyMap<string, T>): readonly StoreEvent<T>[] {
    const gone = [...this.#objects].filter(([key]) => !fresh.has(key)).map(([, object]) => object)
    return [
      ...gone.flatMap(object => this.remove(object)),
      ...[...fresh.values()].flatMap(each => this.put(each)),
    ]
  }

  #roomOf({ metadata: { namespace = '' } }: T): Map<string, T> {
    const room = this.#namespaces.get(namespace) ?? new Map<string, T>()
    this.#namespaces.set(namespace, room)
    return room
  }

  #index(key: string, object: T): void {
    for (const [, valuesOf, entries] of this.#indexes)
      for (const value of valuesOf(object)) {
        const keys = entries.get(value) ?? new Set()
        entries.set(value, keys.add(key))
      }
  }

  #unindex(key: string, object: T | undefined): void {
    if (!object) return
    for (const [, valuesOf, entries] of this.#indexes)
      for (const value of valuesOf(object)) {
        entries.get(value)?.delete(key)
        if (entries.get(value)?.size === 0) entries.delete(value)
      }
  }
}
