// The text of vLLM's config file for a recipe: our keys in a marked block, keys in their way kept as comments.
import type { Recipe } from '../engine.ts'
import { type Entry, parseEntries, printEntries, printScalar } from './flat-yaml.ts'
import { parseGroups, toRoot } from './vllm-args.ts'
import { findFlagKind, toFlagName } from './vllm-flags.ts'
import { modelFlags } from './vllm-owned.ts'

const begin = '# switchyard: begin; these lines are replaced at each switch'
const end = '# switchyard: end'
const kept = '# switchyard: kept: '

/** The found text with our keys; the same for the original text as for a text that this function made for another recipe. */
export const renderConfig = (recipe: Recipe, found: string): string => {
  const ours = toEntries(recipe)
  const taken = new Set(ours.map(entry => toConfigRoot(entry.key ?? '')))
  const others = parseEntries(restoreConfig(found)).map(entry =>
    entry.key && isTaken(toConfigRoot(entry.key), taken) ? setAside(entry) : entry,
  )
  return printEntries([...others, { lines: [begin] }, ...ours, { lines: [end] }])
}

/** The text as it was before the first switch. */
export const restoreConfig = (text: string): string => {
  const lines: string[] = []
  let isOurs = false
  for (const line of text.split('\n')) {
    if (line === begin) isOurs = true
    if (!isOurs) lines.push(line.startsWith(kept) ? line.slice(kept.length) : line)
    if (line === end) isOurs = false
  }
  return lines.join('\n')
}

const setAside = (entry: Entry): Entry => ({ lines: entry.lines.map(line => `${kept}${line}`) })

const isTaken = (root: string, taken: ReadonlySet<string>): boolean => modelFlags.has(root) || taken.has(root)

const toConfigRoot = (key: string): string => toRoot(toFlagName(`--${key}`))

const toEntries = (recipe: Recipe): Entry[] => [
  { key: 'model', lines: [`model: ${printScalar(recipe.model)}`] },
  printList('served-model-name', recipe.servedNames),
  ...toArgEntries(recipe.args),
]

/** Of a repeated flag the last one counts, as on a command line. */
const toArgEntries = (args: readonly string[]): Entry[] => {
  const entries = new Map<string, Entry>()
  for (const { name = '', values } of parseGroups(args)) {
    const slot = name.includes('.') ? name : toRoot(name)
    entries.delete(slot)
    entries.set(slot, printEntry(name, values))
  }
  return [...entries.values()]
}

const printEntry = (name: string, values: readonly string[]): Entry => {
  const [only] = values
  if (only === undefined) return { key: name, lines: [`${name}: true`] }
  const isList = values.length > 1 || findFlagKind(name) === 'Many'
  return isList ? printList(name, values) : { key: name, lines: [`${name}: ${printScalar(only)}`] }
}

const printList = (key: string, values: readonly string[]): Entry => ({
  key,
  lines: [`${key}:`, ...values.map(value => `- ${printScalar(value)}`)],
})
