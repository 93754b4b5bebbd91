// Runtimes that rest: they serve, and nothing has happened in their namespace since they were looked at. Only a proof is due there.
import type { Recipe } from '../domain/engine.ts'
import { type Key, parseKey } from '../domain/object.ts'

export interface Rests {
  /** Something has happened to this key: nothing in its namespace rests any more. */
  disturb(key: Key): void
  /** Call when a look begins. */
  begin(key: Key): Rest
}

export interface Rest {
  /** nothing but this is to be proved; absent = everything must be looked at */
  readonly recipe?: Recipe
  /** The look has found that nothing but this proof is due next. Forgotten when something has happened since it began. */
  goesOn(recipe: Recipe): void
}

interface Resting {
  readonly recipe: Recipe
  /** proofs since everything was looked at */
  readonly proofs: number
}

/** What no event tells, the labels of a node for instance, is seen after so many. */
const mostProofs = 9

export const createRests = (): Rests => {
  const byNamespace = new Map<string, Map<Key, Resting>>()
  const restingIn = (namespace: string): Map<Key, Resting> => {
    const there = byNamespace.get(namespace) ?? new Map<Key, Resting>()
    byNamespace.set(namespace, there)
    return there
  }
  return {
    disturb: key => void byNamespace.delete(parseKey(key).namespace),
    begin: key => {
      const there = restingIn(parseKey(key).namespace)
      const resting = there.get(key)
      const provesAlone = resting && resting.proofs < mostProofs
      there.delete(key)
      const goesOn = (recipe: Recipe): void => {
        // A map that was thrown away meanwhile is looked at by nobody.
        there.set(key, { recipe, proofs: provesAlone ? resting.proofs + 1 : 0 })
      }
      return { ...(provesAlone ? { recipe: resting.recipe } : {}), goesOn }
    },
  }
}
