// Who waits for one of the places that all Models share, in the order in which they came; lost without harm when the process ends.
import type { Key } from '../domain/object.ts'

export interface Turns {
  /** How many stand before this key; all of them, when it does not stand in line yet. */
  aheadOf(key: Key): number
  /** Stands in line from now on; who stands already keeps its place. */
  stand(key: Key): void
  /** Has its turn, or wants none any more; who is first now is called. */
  leave(key: Key): void
  /** A place may be free: whoever is first looks. */
  callFirst(): void
}

export const createTurns = (wake: (key: Key) => void): Turns => {
  const line = new Set<Key>()
  const callFirst = (): void => {
    const [first] = line
    if (first !== undefined) wake(first)
  }
  return {
    aheadOf: key => {
      let before = 0
      for (const other of line) {
        if (other === key) break
        before++
      }
      return before
    },
    stand: key => void line.add(key),
    leave: key => {
      if (line.delete(key)) callFirst()
    },
    callFirst,
  }
}
