// How vLLM is launched for one model: named by its folder, with arguments that are allowed.
import type { Recipe, RecipeWish } from '../engine.ts'
import { Rejected } from '../failure.ts'
import { show } from '../names.ts'
import { hashRecipe, type Sha256 } from './recipe-hash.ts'
import { checkEngineArgs } from './vllm-owned.ts'

/** Throws Rejected `UnsafePath`, `ArgumentNotAllowed`. */
export const toVllmRecipe = (wish: RecipeWish, sha256: Sha256): Recipe => {
  const { path, modelName, alias, task } = wish
  if (!path?.startsWith('/') || /(^|\/)\.\.?(\/|$)|[\x00-\x1f]/.test(path)) {
    throw new Rejected('UnsafePath', `path: ${show(path)} is not an absolute folder`)
  }
  const args = [...wish.runtimeArgs, ...wish.modelArgs]
  checkEngineArgs(wish.runtimeArgs)
  checkEngineArgs(wish.modelArgs)
  const model = path.replace(/\/+$/, '')
  const servedNames = [...new Set([modelName, alias])]
  const told = { engine: 'VLLM', model, identity: model, servedNames, args } as const
  return { ...told, task, hash: hashRecipe(told, sha256) }
}
