// The Models or Runtimes of each namespace in order of creation, kept in step with their cache: a look sorts nothing.
import type { Kind } from '../../domain/object.ts'
import type { HeldObject, ObjectOf } from './held-object.ts'
import type { Reflector } from './kernel/reflector.ts'

type Held = Pick<HeldObject<Kind>, 'metadata'>

/** Code units, not a language's order. */
const compareAge = ({ metadata: a }: Held, { metadata: b }: Held): number => {
  if (a.creationTimestamp !== b.creationTimestamp) return a.creationTimestamp < b.creationTimestamp ? -1 : 1
  if (a.name === b.name) return 0
  return a.name < b.name ? -1 : 1
}

interface Room<K extends Kind> {
  objects: ObjectOf<K>[]
  /** was handed out: changed only as a copy, so that whoever looks at it sees what he saw */
  isShared: boolean
}

export class OrderedObjects<K extends Kind> {
  readonly #rooms = new Map<string, Room<K>>()

  /** Before anybody else subscribes, who may ask for the list when he is told. */
  constructor(cache: Pick<Reflector<HeldObject<K>>, 'subscribe'>) {
    cache.subscribe(({ type, object }) => this.#note(object, type === 'deleted'))
  }

  /** The same list until something in the namespace changes. */
  list(namespace: string): readonly ObjectOf<K>[] {
    const room = this.#rooms.get(namespace)
    if (!room) return []
    room.isShared = true
    return room.objects
  }

  #note(held: HeldObject<K>, isGone: boolean): void {
    const { namespace } = held.metadata
    const { objects, isShared } = this.#rooms.get(namespace) ?? { objects: [], isShared: false }
    const next = isShared ? [...objects] : objects
    const at = placeOf(next, held)
    const isThere = next[at] !== undefined && compareAge(next[at], held) === 0
    next.splice(at, isThere ? 1 : 0, ...(isGone ? [] : [held.object]))
    if (next.length === 0) this.#rooms.delete(namespace)
    else this.#rooms.set(namespace, { objects: next, isShared: false })
  }
}

/** Index of the first that is not older. */
const placeOf = (objects: readonly Held[], held: Held): number => {
  let [low, high] = [0, objects.length]
  while (low < high) {
    const middle = (low + high) >> 1
    const one = objects[middle]
    if (one && compareAge(one, held) < 0) low = middle + 1
    else high = middle
  }
  return low
}
