// The numbered promises of the engine port that every engine keeps, and the wishes that its contracts are tried with.
import { expect, it } from 'vitest'
import type { ContainerSight, Engine, RecipeWish } from '../../src/domain/engine.ts'
import type { Pass } from './eventually.ts'

export interface EngineWorld {
  readonly engine: Engine
  readonly pass: Pass
  /** where nobody listens */
  readonly nobody: string
}

export const digest = `sha256:${'a'.repeat(64)}`

export const aWish = (change: Partial<RecipeWish> = {}): RecipeWish => ({
  modelName: 'alpha',
  alias: 'active',
  path: '/models/hub/models--org--alpha/snapshots/abc',
  ollamaName: 'alpha',
  revision: digest,
  runtimeArgs: [],
  modelArgs: [],
  task: 'Chat',
  ...change,
})

export const aSight = (change: Partial<ContainerSight> = {}): ContainerSight => ({
  command: [],
  args: [],
  env: {},
  port: 8000,
  ...change,
})

export const commonContract = (open: () => Pick<EngineWorld, 'engine'>): void => {
  const recipe = (change: Partial<RecipeWish> = {}) => open().engine.recipe(aWish(change))

  it('6.1 the same wish is the same recipe, with the same hash for another task only', () => {
    expect(recipe()).toEqual(recipe())
    expect(recipe().hash).toMatch(/^[0-9a-f]{16}$/)
    expect(recipe({ task: 'Embedding' })).toEqual({ ...recipe(), task: 'Embedding' })
    expect(recipe({ alias: 'other' }).hash).not.toBe(recipe().hash)
  })

  it('6.3 a line that says nothing about loading is no sign', () => {
    for (const line of ['', 'GET /health 200', 'x'.repeat(10_000)])
      expect(open().engine.loadSign(line)).toBeUndefined()
  })
}
