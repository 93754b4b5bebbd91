// The short hash that tells whether two recipes are the same.
import { createHash } from 'node:crypto'
import type { Recipe } from '../domain/engine.ts'

/** First 16 hexadecimal digits of the SHA-256 of all fields but the task. */
export const hashRecipe = (recipe: Omit<Recipe, 'hash' | 'task'>): string => {
  const { engine, model, identity, servedNames, args } = recipe
  return createHash('sha256')
    .update(JSON.stringify([engine, model, identity, servedNames, args]))
    .digest('hex')
    .slice(0, 16)
}
