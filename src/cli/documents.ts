// Files of YAML or JSON → what a person wishes, document by document; a bad one is a sentence that names its file.
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { toWish, type Wish } from '../domain/wish.ts'
import { Refusal } from './client.ts'
import { readInput } from './input-text.ts'

const largest = 4 * 1024 * 1024

export interface Reading {
  readonly namespace: string
  readonly input: AsyncIterable<unknown>
}

/** Of a folder its YAML and JSON, in order of their names; `-` is what comes in. */
export const readDocuments = async (
  place: string,
  { namespace, input }: Reading,
): Promise<readonly Wish[]> => {
  if (place === '-') return parseDocuments(await readInput(input, largest), { file: place, namespace })
  return filesAt(place).flatMap(file => parseDocuments(readText(file), { file, namespace }))
}

const filesAt = (place: string): readonly string[] => {
  const stats = statSync(place, { throwIfNoEntry: false })
  if (!stats) throw new Refusal(`${place} is not there`)
  if (!stats.isDirectory()) return [place]
  const names = readdirSync(place).filter(name => /^[^.].*\.(ya?ml|json)$/.test(name))
  if (names.length === 0) throw new Refusal(`${place} has no *.yaml, *.yml or *.json`)
  return names.sort().map(name => join(place, name))
}

const readText = (file: string): string => {
  const text = readFileSync(file, 'utf8')
  if (text.length > largest) throw new Refusal(`${file} is larger than ${largest} characters`)
  return text
}

interface Origin {
  readonly file: string
  readonly namespace: string
}

export const parseDocuments = (text: string, { file, namespace }: Origin): readonly Wish[] => {
  const documents = parseAllDocuments(text, { maxAliasCount: 100 } as object)
  return (Array.isArray(documents) ? documents : []).flatMap(document => {
    const [error] = document.errors
    if (error) throw new Refusal(`${file}: ${error.message.split('\n')[0]}`)
    return itemsOf(document.toJS({ maxAliasCount: 100 })).flatMap(item => {
      const wish = toWish(item, namespace)
      if (typeof wish === 'string') throw new Refusal(`${file}: ${wish}`)
      return wish ?? []
    })
  })
}

const itemsOf = (read: unknown): readonly unknown[] => {
  const { kind, items } = (read ?? {}) as { readonly kind?: unknown; readonly items?: unknown }
  return kind === 'List' && Array.isArray(items) ? items : [read]
}
