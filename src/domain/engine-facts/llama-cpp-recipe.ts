// What the embedded llama.cpp loads for one model, and how its process is started: a name of the store, told apart by the digest of its manifest.
import type { ContainerSight, Launch, Recipe, RecipeWish } from '../engine.ts'
import { Rejected } from '../failure.ts'
import { show } from '../names.ts'
import { digestOfRevision, toDigestText, toListedName } from './ollama-names.ts'
import { hashRecipe, type Sha256 } from './recipe-hash.ts'

/** Argument → the largest number that it takes. The server of `src/embedded/` reads the same. */
export const llamaCppArguments: Readonly<Record<string, number>> = {
  'ctx-size': 1_048_576,
  parallel: 64,
  threads: 1024,
}

/** Throws Rejected `ArgumentNotAllowed`, `InvalidName`. */
export const toLlamaCppRecipe = (wish: RecipeWish, sha256: Sha256): Recipe => {
  const args = [...wish.runtimeArgs, ...wish.modelArgs]
  checkArguments(args)
  const model = toListedName(wish.ollamaName ?? '')
  const identity = toDigestText(digestOfRevision(wish.revision))
  const servedNames = [...new Set([wish.modelName, wish.alias])]
  const told = { engine: 'LlamaCpp', model, identity, servedNames, args } as const
  return { ...told, task: wish.task, hash: hashRecipe(told, sha256) }
}

/** `--flag=value` or two words. */
const checkArguments = (args: readonly string[]): void => {
  const words = args.flatMap(word => (/^--[a-z-]+=/.test(word) ? word.split('=', 2) : [word]))
  for (let at = 0; at < words.length; at += 2) {
    const [flag = '', value = ''] = words.slice(at, at + 2)
    const most = mostOf(flag)
    if (most === undefined)
      refuse(
        flag,
        `LlamaCpp takes ${Object.keys(llamaCppArguments)
          .map(name => `--${name}`)
          .join(', ')}`,
      )
    else if (!/^[1-9]\d{0,6}$/.test(value) || Number(value) > most)
      refuse(flag, `it takes a whole number from 1 to ${most}`)
  }
}

const mostOf = (flag: string): number | undefined =>
  flag.startsWith('--') && Object.hasOwn(llamaCppArguments, flag.slice(2))
    ? llamaCppArguments[flag.slice(2)]
    : undefined

const refuse = (argument: string, why: string): never => {
  throw new Rejected('ArgumentNotAllowed', `engineArgs: ${show(argument)} is not allowed: ${why}`)
}

/** Throws Rejected `UnknownEntrypoint`: the words must lead to the server that can prove what it serves. */
export const launchLlamaCpp = (recipe: Recipe, { command, args }: ContainerSight): Launch => {
  const isOurs = command.some((word, i) => word === 'embedded' && command[i + 1] === 'serve')
  if (!isOurs)
    throw new Rejected(
      'UnknownEntrypoint',
      'host.command: LlamaCpp is the engine inside Switchyard; leave command out, or end it with: embedded serve',
    )
  const names = recipe.servedNames.flatMap(name => ['--name', name])
  return { hash: recipe.hash, args: [...args, '--model', recipe.model, ...names, ...recipe.args] }
}
