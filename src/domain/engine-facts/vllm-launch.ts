// What to write so that a container starts vLLM with a recipe: its config file, or command and args.
import type { ContainerSight, Launch, Recipe } from '../engine.ts'
import { Rejected } from '../failure.ts'
import { show } from '../names.ts'
import { type Group, parseGroups, toRoot } from './vllm-args.ts'
import { renderConfig } from './vllm-config.ts'
import { type Entrypoint, findEntrypoint } from './vllm-entrypoints.ts'
import { modelFlags } from './vllm-owned.ts'

/** vLLM reads `_` as `-` and people write `-`: this spelling marks where our arguments begin, so that the next switch finds them. */
const marker = '--served_model_name'

/** Throws Rejected `ShellCommand`, `UnknownEntrypoint`, `OwnedFlagInArgs`, `InvalidSpec` (config file). */
export const launchVllm = (recipe: Recipe, found: ContainerSight): Launch => {
  const entrypoint = findEntrypoint(found)
  const words = [...found.command, ...found.args].slice(entrypoint.length)
  if (found.config !== undefined) {
    checkConfigFlag(words, found.configPath)
    checkNothingWins(words, recipe)
    return { hash: recipe.hash, config: renderConfig(recipe, found.config) }
  }
  return { hash: recipe.hash, ...place(found, entrypoint, rewrite(recipe, entrypoint, words)) }
}

/** The words of a launch that are ours; `launchVllm` makes the same launch of them. */
export interface OurWords {
  readonly model: string
  readonly servedNames: readonly string[]
  readonly args: readonly string[]
}

/** The way back from a launch by command line. */
export const readLaunch = ({ command = [], args = [] }: Omit<Launch, 'hash'>): OurWords => {
  const words = [...command, ...args]
  const own = words.slice(findEntrypoint({ command: words, args: [] }).length)
  const ours = own.slice(own.indexOf(marker) + 1)
  const flag = ours.findIndex(word => word.startsWith('-'))
  const names = flag < 0 ? ours.length : flag
  return {
    model: own[own[0] === '--model' ? 1 : 0] ?? '',
    servedNames: ours.slice(0, names),
    args: ours.slice(names),
  }
}

/** Only `--config PATH` as two words is read by vLLM; `--config=PATH` is accepted and ignored. */
const checkConfigFlag = (words: readonly string[], path: string | undefined): void => {
  const at = words.indexOf('--config')
  if (at < 0)
    throw unread('vllm serve does not read it; start with `vllm serve --config` and its path as two words')
  if (path !== undefined && words[at + 1] !== path) {
    throw unread(`the engine reads ${show(words[at + 1])}, the ConfigMap is mounted at ${show(path)}`)
  }
}

const unread = (why: string): Rejected => new Rejected('UnknownEntrypoint', `config file: ${why}`)

/** A flag in args wins over the file. */
const checkNothingWins = (words: readonly string[], recipe: Recipe): void => {
  const ours = new Set(parseGroups(recipe.args).map(group => toRoot(group.name ?? '')))
  const winner = parseGroups(words).find(group => {
    const root = toRoot(group.name ?? 'model')
    return modelFlags.has(root) || ours.has(root)
  })
  if (!winner) return
  const message = `args: ${show(winner.words[0])} would win over the config file`
  throw new Rejected('OwnedFlagInArgs', message)
}

/** The model, the others as they stood, then the served names and the recipe's arguments: the last one of a flag wins. */
const rewrite = (recipe: Recipe, entrypoint: Entrypoint, words: readonly string[]): string[] => {
  const ours = words.indexOf(marker)
  const groups = parseGroups(ours < 0 ? words : words.slice(0, ours))
  checkModelIsSeen(groups, entrypoint)
  const others = groups.filter(group => group.name !== undefined && !modelFlags.has(toRoot(group.name)))
  const asFlag = entrypoint.kind === 'Module' || (entrypoint.kind === 'Image' && isModelFlag(groups))
  return [
    ...(asFlag ? ['--model', recipe.model] : [recipe.model]),
    ...others.flatMap(group => group.words),
    marker,
    ...recipe.servedNames,
    ...recipe.args,
  ]
}

const isModelFlag = (groups: readonly Group[]): boolean => groups.some(group => group.name === 'model')

/** A word behind a flag of an unknown version may be its value or the model. */
const checkModelIsSeen = (groups: readonly Group[], entrypoint: Entrypoint): void => {
  if (entrypoint.kind === 'Module' || isModelFlag(groups) || groups.some(group => !group.name)) return
  const doubtful = groups.find(group => !group.isKnown && group.values.length > 0 && group.words.length > 1)
  if (!doubtful) return
  throw new Rejected(
    'UnknownEntrypoint',
    `args: it is not clear whether ${show(doubtful.words.at(-1))} is the model; write the model right after serve`,
  )
}

/** Arguments go where they stood: into args, or into command when everything stands there. */
const place = (
  found: ContainerSight,
  entrypoint: Entrypoint,
  tail: readonly string[],
): Omit<Launch, 'hash'> => {
  const program = [...found.command, ...found.args].slice(0, entrypoint.length)
  const isAllInCommand = found.args.length === 0 && found.command.length > entrypoint.length
  if (isAllInCommand) return { command: [...program, ...tail] }
  if (found.command.length > entrypoint.length) return { command: program, args: tail }
  return { args: [...program.slice(found.command.length), ...tail] }
}
