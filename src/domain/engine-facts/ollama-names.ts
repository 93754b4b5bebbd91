// Names and digests as Ollama prints them.
import { parseOllamaName } from '../names.ts'

/** What `ollama list` shows: the default registry and `library` are left out, the tag never is. */
export const toListedName = (name: string): string => {
  const { registry, namespace, model, tag } = parseOllamaName(name)
  const isDefault = registry === 'registry.ollama.ai'
  const parents = isDefault ? (namespace === 'library' ? [] : [namespace]) : [registry, namespace]
  return [...parents, `${model}:${tag}`].join('/')
}

/** `sha256:` and hexadecimal digits, whatever of it was written. */
export const toDigestText = (digest: string): string => {
  const hex = digest.replace(/^sha256[:-]/, '').toLowerCase()
  return hex === '' ? '' : `sha256:${hex}`
}
