// What Ollama loads for one model, named as it lists it, and where it keeps its models.
import type { ContainerSight, Recipe, RecipeWish } from '../engine.ts'
import { Rejected } from '../failure.ts'
import { show, toDigest } from '../names.ts'
import { digestOfRevision, toDigestText, toListedName } from './ollama-names.ts'
import { hashRecipe, type Sha256 } from './recipe-hash.ts'

/** Throws Rejected `ArgumentNotAllowed`, `InvalidName`. */
export const toOllamaRecipe = (wish: RecipeWish, sha256: Sha256): Recipe => {
  const [argument] = [...wish.runtimeArgs, ...wish.modelArgs]
  if (argument !== undefined) {
    throw new Rejected(
      'ArgumentNotAllowed',
      `engineArgs: ${show(argument)} is not allowed: Ollama takes no arguments per model; use its environment or a Modelfile`,
    )
  }
  const model = toListedName(wish.ollamaName ?? '')
  const identity = toDigest(toDigestText(digestOfRevision(wish.revision)), 'revision')
  const servedNames = [...new Set([model, wish.alias])]
  const told = { engine: 'Ollama', model, identity, servedNames, args: [] } as const
  return { ...told, task: wish.task, hash: hashRecipe(told, sha256) }
}

/** `OLLAMA_MODELS`, as Ollama reads it: quotes and blanks around it do not count. */
export const findOllamaStore = (found: ContainerSight): string | undefined => {
  const path = found.env['OLLAMA_MODELS']
    ?.trim()
    .replace(/^["']+|["']+$/g, '')
    .replace(/(.)\/+$/, '$1')
  return path?.startsWith('/') ? path : undefined
}
