// A document that a person wrote → which object he wants, or one sentence that says what it is not.
import { group, version } from './kinds.ts'
import { show } from './names.ts'
import type { Kind, Ref } from './object.ts'

/** As it was written: its names and its spec are checked where it is applied. */
export interface Wish extends Ref {
  readonly kind: Kind
  readonly spec: unknown
  readonly annotations?: Readonly<Record<string, string>>
  readonly labels?: Readonly<Record<string, string>>
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** A sentence for what is no object of ours; undefined for an empty document. */
export const toWish = (read: unknown, namespaceOfNone = 'default'): Wish | string | undefined => {
  if (read === null || read === undefined) return undefined
  if (!isRecord(read)) return 'a document is no object'
  const { apiVersion, kind, metadata, spec, status: _, ...more } = read
  if (apiVersion !== `${group}/${version}`)
    return `apiVersion: ${show(apiVersion)} is not ${group}/${version}`
  if (kind !== 'Model' && kind !== 'Runtime') return `kind: ${show(kind)} is not one of Model, Runtime`
  const [unknown] = Object.keys(more)
  if (unknown !== undefined) return `${show(unknown).slice(1, -1)}: unknown field`
  if (!isRecord(metadata) || typeof metadata['name'] !== 'string') return 'metadata.name: is required'
  const { namespace = namespaceOfNone, name } = metadata
  if (typeof namespace !== 'string') return 'metadata.namespace: must be of type string'
  const [annotations, labels] = [textsOf(metadata['annotations']), textsOf(metadata['labels'])]
  return { kind, namespace, name, spec, annotations, labels }
}

const textsOf = (map: unknown): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(isRecord(map) ? map : {}).filter(
      (entry): entry is [string, string] => typeof entry[1] === 'string',
    ),
  )
