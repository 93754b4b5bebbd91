// What somebody else did, or will do, to the fields that a switch writes; FieldConflict names manager and field.
import type { Runtime } from '../../domain/object.ts'
import type { Problem } from '../../domain/platform.ts'
import {
  asFound,
  markConfig,
  readApplied,
  readMarked,
  readOriginals,
  readPrevious,
} from './deployment-notes.ts'
import type { RawContainer } from './engine-container.ts'
import { findApplier, findDeclaring, findManager, isOurs, readLastApplied } from './field-managers.ts'
import type { RawConfigMap, RawDeployment } from './kubernetes-objects.ts'

export interface Fields {
  readonly deployment: RawDeployment
  readonly container: RawContainer | undefined
  readonly configMap: RawConfigMap | undefined
}

const strategyPath = ['f:spec', 'f:strategy']

/** Undefined while everything stands as the last switch wrote it. */
export const findDrift = (runtime: Runtime, fields: Fields): Problem | undefined =>
  driftOfStrategy(runtime, fields.deployment) ??
  (runtime.spec.kubernetes?.configMap ? driftOfConfig(runtime, fields) : driftOfArgs(fields))

const driftOfStrategy = (runtime: Runtime, deployment: RawDeployment): Problem | undefined => {
  const isPrepared = readOriginals(deployment) !== undefined && runtime.spec.engine === 'VLLM'
  if (!isPrepared || isRecreate(deployment)) return undefined
  return conflict(findManager(deployment, strategyPath), 'spec.strategy')
}

export const isRecreate = (deployment: RawDeployment | undefined): boolean =>
  deployment?.spec?.strategy?.type === 'Recreate'

const driftOfArgs = ({ deployment, container }: Fields): Problem | undefined => {
  const applied = readApplied(deployment)
  if (!applied || !container || (applied.args === undefined && applied.command === undefined))
    return undefined
  for (const field of ['args', 'command'] as const) {
    if (isSame(applied[field], container[field])) continue
    const path = toContainerPath(container.name, field)
    return conflict(findManager(deployment, path), `${field} of container ${container.name}`)
  }
  return undefined
}

const toContainerPath = (container: string, field: string): string[] => [
  ...['f:spec', 'f:template', 'f:spec', 'f:containers'],
  `k:{"name":"${container}"}`,
  `f:${field}`,
]

/** null, absent and empty are one: the API server stores none of them. */
export const isSame = (a: readonly string[] | null | undefined, b: readonly string[] | undefined): boolean =>
  JSON.stringify(a ?? []) === JSON.stringify(b ?? [])

/** The template may be applied again by anybody: only the file counts, and only when its key is no longer ours. */
const driftOfConfig = (runtime: Runtime, { deployment, configMap }: Fields): Problem | undefined => {
  const ref = runtime.spec.kubernetes?.configMap
  const applied = readApplied(deployment)
  if (!ref || !configMap || applied?.config === undefined) return undefined
  const path = ['f:data', `f:${ref.key}`]
  const text = configMap.data?.[ref.key]
  if (text === markConfig(applied.config, applied.hash)) return undefined
  // A text of ours that is newer than the Deployment: a switch was cut between its two writes.
  if (text !== undefined && isOurs(configMap, path) && readMarked(text).hash !== undefined) return undefined
  if (findManager(configMap, path) === undefined && isOtherLaunch(text, deployment)) return undefined
  return conflict(findManager(configMap, path), `data.${ref.key} of ConfigMap ${ref.name}`)
}

/**
 * The text of the launch before or after: one of the two caches is behind. A ConfigMap that was created empty has no
 * managedFields, ever [m], so the text itself must tell.
 */
const isOtherLaunch = (text: string | undefined, deployment: RawDeployment): boolean => {
  const hash = text === undefined ? undefined : readMarked(text).hash
  if (hash !== undefined) return hash !== readApplied(deployment)?.hash
  const isFirst = (readPrevious(deployment)?.hash ?? asFound) === asFound
  return isFirst && (text ?? null) === readOriginals(deployment)?.config
}

/** Before anything is touched: a field that somebody declares and would put back. */
export const findConflict = (runtime: Runtime, fields: Fields): Problem | undefined =>
  conflictOfStrategy(fields.deployment) ?? conflictOfConfig(runtime, fields.configMap)

const conflictOfStrategy = (deployment: RawDeployment): Problem | undefined => {
  if (isRecreate(deployment)) return undefined
  const applier = findApplier(deployment, strategyPath)
  if (applier) return conflict(applier, 'spec.strategy')
  const spec = readLastApplied(deployment)?.['spec'] as { readonly strategy?: object } | undefined
  const isDeclared = Object.keys(spec?.strategy ?? {}).length > 0
  return isDeclared ? conflict('kubectl-client-side-apply', 'spec.strategy') : undefined
}

const conflictOfConfig = (runtime: Runtime, configMap: RawConfigMap | undefined): Problem | undefined => {
  const ref = runtime.spec.kubernetes?.configMap
  if (!ref || !configMap) return undefined
  const field = `data.${ref.key} of ConfigMap ${ref.name}`
  const declaring = findDeclaring(configMap, ['f:data', `f:${ref.key}`])
  if (declaring) return conflict(declaring, field)
  const data = readLastApplied(configMap)?.['data'] as Record<string, unknown> | undefined
  return data?.[ref.key] === undefined ? undefined : conflict('kubectl-client-side-apply', field)
}

const conflict = (manager: string | undefined, field: string): Problem => ({
  reason: 'FieldConflict',
  message: `${manager ?? 'another manager'} owns ${field}, which a switch must change: use a config file, an ignore rule in that tool, or a made Deployment`,
})
