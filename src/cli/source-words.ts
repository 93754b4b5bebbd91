// A source as people write it (`hf:org/name@rev`, `ollama:llama3.2:3b`, `local:team/model`) → the source of a Model, and the name it gets.
import type { EngineName } from '../domain/parts.ts'
import { Refusal } from './client.ts'

/** As a Model has it. */
export interface WrittenSource {
  readonly huggingFace?: { readonly repo: string; readonly revision?: string }
  readonly ollama?: { readonly name: string }
  readonly local?: { readonly path: string }
}

const kinds = ['hf', 'ollama', 'local'] as const

/** Without a prefix the engine says what is meant: vLLM reads repositories of the Hub, Ollama has names of its own. */
export const parseSource = (word: string, engine: EngineName): WrittenSource => {
  const prefix = kinds.find(one => word.startsWith(`${one}:`))
  const kind = prefix ?? (engine === 'Ollama' ? 'ollama' : 'hf')
  const rest = prefix ? word.slice(prefix.length + 1) : word
  if (rest === '')
    throw new Refusal(`${word} names no source: write hf:org/name, ollama:name or local:folder`)
  if (kind === 'local') return { local: { path: rest } }
  if (kind === 'ollama') return { ollama: { name: rest } }
  const [repo = '', revision] = rest.split('@')
  return { huggingFace: { repo, ...(revision ? { revision } : {}) } }
}

/** The last part of the source in small letters, everything else a hyphen: Qwen/Qwen2.5-7B-Instruct → qwen2-5-7b-instruct. */
export const toObjectName = (word: string): string => {
  const bare = word.replace(/^(hf|ollama|local):/, '').split('@')[0] ?? ''
  const last = bare.split('/').at(-1) ?? ''
  const name = last
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 63)
    .replaceAll(/^-+|-+$/g, '')
  if (name === '') throw new Refusal(`no name can be made of ${word}: give one with --name`)
  return name
}
