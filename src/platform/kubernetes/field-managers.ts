// Who else writes a field: from managedFields, and from kubectl's note of what it applied last.
import { ourManager } from './deployment-notes.ts'
import type { KnownMeta } from './kubernetes-objects.ts'

interface Managed {
  readonly metadata: KnownMeta
}

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration'

/** Tools that write by update and still put back what their source says. */
const declaring =
  /^(helm|argocd|flux|kustomize-controller|helm-controller|source-controller|pulumi|terraform)/i

/** The manager, other than us, that wrote the field last. `path` as in fieldsV1: `['f:spec', 'f:strategy']`. */
export const findManager = (object: Managed, path: readonly string[]): string | undefined =>
  newestFirst(object).find(entry => entry.manager !== ourManager && hasPath(entry.fieldsV1, path))?.manager

/** The manager that will put the field back: by server-side apply, or a tool known to. */
export const findDeclaring = (object: Managed, path: readonly string[]): string | undefined =>
  newestFirst(object).find(
    entry =>
      entry.manager !== ourManager &&
      (entry.operation === 'Apply' || declaring.test(entry.manager ?? '')) &&
      hasPath(entry.fieldsV1, path),
  )?.manager

/** The manager that declares the field by server-side apply; defaults are never its own there. */
export const findApplier = (object: Managed, path: readonly string[]): string | undefined =>
  newestFirst(object).find(
    entry => entry.manager !== ourManager && entry.operation === 'Apply' && hasPath(entry.fieldsV1, path),
  )?.manager

export const isOurs = (object: Managed, path: readonly string[]): boolean =>
  newestFirst(object).some(entry => entry.manager === ourManager && hasPath(entry.fieldsV1, path))

/** The object as `kubectl apply` wrote it last; undefined when it did not. */
export const readLastApplied = (object: Managed): Record<string, unknown> | undefined => {
  const text = object.metadata.annotations?.[lastApplied]
  if (!text) return undefined
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return undefined
  }
}

/** True when `kubectl apply` wrote the field, and so will again. `path` in plain names. */
export const isLastApplied = (object: Managed, path: readonly string[]): boolean => {
  let value: unknown = readLastApplied(object)
  for (const name of path) value = (value as Record<string, unknown> | null | undefined)?.[name]
  return value !== undefined
}

/** When we wrote the field last; a pod that began later has read it. */
export const findOurTime = (object: Managed, path: readonly string[]): string | undefined =>
  newestFirst(object).find(entry => entry.manager === ourManager && hasPath(entry.fieldsV1, path))?.time

const newestFirst = (object: Managed) =>
  [...(object.metadata.managedFields ?? [])].sort((a, b) => (b.time ?? '').localeCompare(a.time ?? ''))

const hasPath = (fields: unknown, [next, ...rest]: readonly string[]): boolean => {
  if (next === undefined) return true
  if (typeof fields !== 'object' || fields === null || !Object.hasOwn(fields, next)) return false
  return hasPath((fields as Record<string, unknown>)[next], rest)
}
