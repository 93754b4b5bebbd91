// The patches of an adopted Deployment and its ConfigMap. Pure: what stands there → what must be written.
import type { Launch } from '../../domain/engine.ts'
import type { Runtime } from '../../domain/object.ts'
import { isRecreate } from './deployment-drift.ts'
import {
  asFound,
  markConfig,
  notes,
  type Originals,
  readApplied,
  readMarked,
  readOriginals,
  recipeNote,
  type Written,
} from './deployment-notes.ts'
import type { RawContainer } from './engine-container.ts'
import { findDeclaring, isLastApplied } from './field-managers.ts'
import type { RawConfigMap, RawDeployment } from './kubernetes-objects.ts'

export interface Adopted {
  readonly deployment: RawDeployment
  readonly container: RawContainer
  readonly configMap: RawConfigMap | undefined
}

/** Merge patch: Recreate, originals, owner; nothing of it restarts a pod. Undefined when all of it stands there. */
export const renderPrepare = (runtime: Runtime, adopted: Adopted): object | undefined => {
  const { deployment } = adopted
  const { name, uid } = runtime.metadata
  const owner = JSON.stringify({ name, uid })
  const annotations = {
    ...(readOriginals(deployment)
      ? {}
      : { [notes.originals]: JSON.stringify(takeOriginals(runtime, adopted)) }),
    ...(deployment.metadata.annotations?.[notes.runtime] === owner ? {} : { [notes.runtime]: owner }),
  }
  const isExclusive = isRecreate(deployment)
  if (isExclusive && Object.keys(annotations).length === 0) return undefined
  return {
    metadata: { resourceVersion: deployment.metadata.resourceVersion, annotations },
    ...(isExclusive ? {} : { spec: { strategy: { type: 'Recreate', rollingUpdate: null } } }),
  }
}

const takeOriginals = (runtime: Runtime, { deployment, container, configMap }: Adopted): Originals => {
  const ref = runtime.spec.kubernetes?.configMap
  const text = ref && configMap?.data?.[ref.key]
  return {
    container: container.name,
    command: container.command ?? null,
    args: container.args ?? null,
    ...(ref ? { config: text === undefined ? null : readMarked(text).config } : {}),
    strategy: deployment.spec?.strategy ?? null,
    replicas: deployment.spec?.replicas ?? 1,
    graceSeconds: deployment.spec?.template.spec?.terminationGracePeriodSeconds ?? null,
  }
}

/** A launch completed with what it leaves as it is. */
export const toWritten = (launch: Launch, container: RawContainer): Written =>
  launch.config === undefined
    ? {
        hash: launch.hash,
        command: launch.command ?? container.command ?? null,
        args: launch.args ?? container.args ?? null,
      }
    : { hash: launch.hash, config: launch.config }

/** Merge patch of the ConfigMap; undefined when the text stands there. */
export const renderConfigPatch = (
  configMap: RawConfigMap,
  key: string,
  text: string | null,
): object | undefined =>
  (configMap.data?.[key] ?? null) === text
    ? undefined
    : { metadata: { resourceVersion: configMap.metadata.resourceVersion }, data: { [key]: text } }

export const toConfigText = (written: Written): string | undefined =>
  written.config === undefined ? undefined : markConfig(written.config, written.hash)

/** Strategic merge patch: the launch, its note and the one before, and the annotation that rolls the Deployment. */
export const renderApply = (runtime: Runtime, adopted: Adopted, written: Written): object => {
  const { deployment, container } = adopted
  const before = readApplied(deployment) ?? { hash: asFound }
  return {
    metadata: {
      resourceVersion: deployment.metadata.resourceVersion,
      annotations: {
        ...(readOriginals(deployment)
          ? {}
          : { [notes.originals]: JSON.stringify(takeOriginals(runtime, adopted)) }),
        [notes.applied]: JSON.stringify(written),
        [notes.previous]: JSON.stringify(before),
      },
    },
    spec: { template: renderTemplate(written, container.name, graceOf(runtime, deployment)) },
  }
}

/**
 * Longer only: a pod that may drain for a minute must not be killed after half of it. A period that somebody declares is left
 * alone: it would be put back after every switch, and that restarts the engine.
 */
const graceOf = (runtime: Runtime, deployment: RawDeployment): number | undefined => {
  const now = deployment.spec?.template.spec?.terminationGracePeriodSeconds ?? 30
  const { drainSeconds } = runtime.spec.switch
  return drainSeconds > now && !isGraceDeclared(deployment) ? drainSeconds : undefined
}

const gracePath = ['spec', 'template', 'spec', 'terminationGracePeriodSeconds']

const isGraceDeclared = (deployment: RawDeployment): boolean =>
  isLastApplied(deployment, gracePath) ||
  findDeclaring(
    deployment,
    gracePath.map(name => `f:${name}`),
  ) !== undefined

const renderTemplate = (
  written: Written,
  container: string,
  graceSeconds: number | null | undefined,
): object => {
  const { command, args } = written
  const spec = {
    ...(graceSeconds === undefined ? {} : { terminationGracePeriodSeconds: graceSeconds }),
    ...(command === undefined && args === undefined
      ? {}
      : { containers: [{ name: container, command, args }] }),
  }
  return {
    metadata: { annotations: { [recipeNote]: written.hash === asFound ? null : written.hash } },
    ...(Object.keys(spec).length === 0 ? {} : { spec }),
  }
}

/** Strategic merge patch back to the launch before; what was reverted is no way back. */
export const renderRevert = ({ deployment, container }: Adopted, written: Written): object => {
  const isBare = written.hash === asFound
  const grace = isBare ? readOriginals(deployment)?.graceSeconds : undefined
  return {
    metadata: {
      resourceVersion: deployment.metadata.resourceVersion,
      annotations: {
        [notes.applied]: isBare ? null : JSON.stringify(written),
        [notes.previous]: null,
      },
    },
    spec: { template: renderTemplate(written, container.name, grace) },
  }
}

/** The launch as it was found; by config file the container's words were never ours. */
export const toFoundLaunch = ({ command, args, config }: Originals): Written =>
  config === undefined ? { hash: asFound, command, args } : { hash: asFound }

/** Strategic merge patch: everything as it was, and nothing of ours left. */
export const renderRestore = (adopted: Adopted, originals: Originals): object => {
  const revert = renderRevert(adopted, toFoundLaunch(originals)) as {
    readonly metadata: { readonly annotations: object }
    readonly spec: object
  }
  const gone = { [notes.originals]: null, [notes.runtime]: null }
  return {
    metadata: { ...revert.metadata, annotations: { ...revert.metadata.annotations, ...gone } },
    spec: {
      ...revert.spec,
      replicas: originals.replicas,
      ...(originals.strategy === null ? {} : { strategy: originals.strategy }),
    },
  }
}

export const renderScale = (replicas: 0 | 1): object => ({ spec: { replicas } })

export const renderNotes = (annotations: Readonly<Record<string, string | null>>): object => ({
  metadata: { annotations },
})

export const renderLabel = (name: string, value: string): object => ({
  metadata: { labels: { [name]: value } },
})
