// Names and digests as Ollama prints them.
import { parseOllamaName, toOllamaName, toRepoId } from '../names.ts'

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

/** The digest of the manifest in a revision: all of it, or what stands behind the commit of a repository's GGUF. */
export const digestOfRevision = (revision: string): string => revision.slice(revision.indexOf('+') + 1)

/** Under which name a GGUF of the Hub stands in Ollama's store; the tag is the Model's name, so two Models never share one. */
export const toGgufName = (repo: string, modelName: string): string => {
  const parts = toRepoId(repo).split('/')
  const [namespace, model] = parts.length === 2 ? parts : ['library', parts[0]]
  return toOllamaName(`hf.co/${namespace}/${model}:${modelName}`)
}
