// The short hash that tells whether two recipes are the same; who knows how makes the digest.
import type { Recipe } from '../engine.ts'

/** SHA-256 of a text, hexadecimal. */
export type Sha256 = (text: string) => string

/** Its first 16 digits, of all fields but the task. */
export const hashRecipe = (recipe: Omit<Recipe, 'hash' | 'task'>, sha256: Sha256): string => {
  const { engine, model, identity, servedNames, args } = recipe
  return sha256(JSON.stringify([engine, model, identity, servedNames, args])).slice(0, 16)
}
