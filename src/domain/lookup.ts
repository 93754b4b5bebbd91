// Which object a word of a person means: its name, or the source of a Model (`llama3.2:3b`, `Qwen/Qwen2.5-7B-Instruct`).
import type { Model, Ref, Runtime } from './object.ts'

const sourcesOf = (object: Model | Runtime): readonly (string | undefined)[] => {
  if (object.kind === 'Runtime') return []
  const { huggingFace, ollama, local } = object.spec.source
  return [huggingFace?.repo, ollama?.name, local?.path]
}

/** Those that are meant: the one with that name, else each Model with that source. */
export const findMeant = <T extends Model | Runtime>(
  objects: readonly T[],
  { namespace, name }: Ref,
): readonly T[] => {
  const near = objects.filter(({ metadata }) => metadata.namespace === namespace)
  const named = near.filter(({ metadata }) => metadata.name === name)
  return named.length > 0 ? named : near.filter(object => sourcesOf(object).includes(name))
}
