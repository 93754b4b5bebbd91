// What was found on a machine, as rows and sentences: which source each copy is, and which Runtime would use it where it lies.
import { basename, dirname, join } from 'node:path'
import { showBytes } from '../domain/crd-display.ts'
import type { DiscoveredCopy } from '../domain/discovery.ts'
import { toListedName } from '../domain/engine-facts/ollama-names.ts'
import type { Found } from './client.ts'
import { clean } from './print.ts'
import type { WrittenSource } from './source-words.ts'

/** One copy, once, however many of the folders that were looked into lead to it. */
export interface FoundCopy {
  readonly copy: DiscoveredCopy
  /** of the cache, the store or the folder */
  readonly place: string
}

export const copiesOf = (all: readonly Found[]): readonly FoundCopy[] => {
  const found = new Map<string, FoundCopy>()
  for (const one of all.filter(each => 'copies' in each))
    for (const copy of one.copies) {
      const place = join(one.root, copy.path)
      const key = JSON.stringify([place, copy.layout, copy.model, copy.revision])
      if (!found.has(key)) found.set(key, { copy, place })
    }
  return [...found.values()]
}

/** As `adopt` takes it. */
export const sourceWord = ({ layout, model, path }: DiscoveredCopy): string =>
  ({
    HubCache: `hf:${model}`,
    OllamaStore: `ollama:${model.replace(/^registry\.ollama\.ai\/(library\/)?/, '')}`,
    Folder: `local:${path}`,
  })[layout]

const ours = { Fetched: 'fetched', Adopted: 'adopted', None: 'no' } as const
const head = ['MODEL', 'SIZE', 'WHOLE', 'OURS', 'WHERE']

/** The Runtimes stand in a column of their own where somebody knows them. */
export const foundRows = (found: readonly FoundCopy[], namespace: string): readonly (readonly string[])[] => {
  const knowsRuntimes = found.some(({ copy }) => copy.runtimes !== undefined)
  const rowOf = ({ copy, place }: FoundCopy): readonly string[] => [
    clean(sourceWord(copy)),
    showBytes(copy.bytes),
    copy.isComplete ? 'yes' : 'no',
    ours[copy.receipt],
    ...(knowsRuntimes ? [namesIn(copy, namespace) || '–'] : []),
    clean(place),
  ]
  return [knowsRuntimes ? head.toSpliced(4, 0, 'RUNTIMES') : head, ...found.map(rowOf)]
}

const namesIn = ({ runtimes = [] }: DiscoveredCopy, namespace: string): string =>
  runtimes.map(one => (one.startsWith(`${namespace}/`) ? one.slice(namespace.length + 1) : one)).join(',')

/** What a person may do with it, one sentence for each place. */
export const foundAdvice = (found: readonly FoundCopy[]): readonly string[] => {
  const free = found.filter(({ copy }) => copy.receipt === 'None')
  const isReached = ({ copy }: FoundCopy): boolean => copy.runtimes === undefined || copy.runtimes.length > 0
  const lonely = free.filter(one => !isReached(one) && one.copy.layout !== 'Folder')
  const places = new Map(lonely.map(one => [one.place, one]))
  return [
    ...(free.some(isReached) ? ['use one: switchyard adopt SOURCE --on RUNTIME'] : []),
    ...[...places.values()].map(one => `no Runtime looks into ${clean(one.place)}: ${toReach(one)}`),
  ]
}

/** Which Runtime would reach it. */
export const toReach = ({ copy, place }: FoundCopy): string => {
  const isHub = copy.layout === 'HubCache'
  const folder = isHub && basename(place) === 'hub' ? dirname(place) : place
  const engine = isHub ? 'VLLM' : 'Ollama'
  return `one with engine ${engine} and storage.directory ${clean(folder)} uses what lies there`
}

/** The copies that are the source of a Model; undefined for a source whose place has no name of its own. */
export const copiesOfSource = (
  found: readonly FoundCopy[],
  { huggingFace, ollama }: WrittenSource,
): readonly FoundCopy[] | undefined => {
  const repo = huggingFace?.repo.toLowerCase()
  if (repo !== undefined)
    return found.filter(({ copy }) => copy.layout === 'HubCache' && copy.model.toLowerCase() === repo)
  if (ollama === undefined) return undefined
  const name = toListedName(ollama.name)
  return found.filter(({ copy }) => copy.layout === 'OllamaStore' && isListed(copy.model, name))
}

/** Folders in a store may have any names. */
const isListed = (model: string, name: string): boolean => {
  try {
    return toListedName(model) === name
  } catch {
    return false
  }
}
