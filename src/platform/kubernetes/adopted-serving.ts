// An adopted Deployment: by config file or by arguments; only the fields of a switch are ever written.

import type { Launch } from '../../domain/engine.ts'
import { Rejected, Waiting } from '../../domain/failure.ts'
import { pendingRequest, type Runtime } from '../../domain/object.ts'
import type { ClusterReads, ClusterWrites, PatchForm } from './cluster-port.ts'
import { findConflict, findDrift } from './deployment-drift.ts'
import {
  asFound,
  isInPlace,
  notes,
  readApplied,
  readOriginals,
  readOwner,
  readPrevious,
  type Written,
} from './deployment-notes.ts'
import {
  type Adopted,
  renderApply,
  renderConfigPatch,
  renderNotes,
  renderPrepare,
  renderRestore,
  renderRevert,
  renderScale,
  toConfigText,
  toFoundLaunch,
  toWritten,
} from './deployment-render.ts'
import { findContainer, isContainer, type RawContainer } from './engine-container.ts'
import type { RawDeployment } from './kubernetes-objects.ts'
import { whyNoDeployment } from './serving-name.ts'
import { toTarget } from './serving-target.ts'
import { readWorld } from './serving-world.ts'
import { asDomain } from './write-failure.ts'

/** How an adopted and a made serving differ. */
export interface ServingKind {
  prepare(runtime: Runtime): Promise<void>
  apply(runtime: Runtime, launch: Launch): Promise<void>
  revert(runtime: Runtime, hash: string): Promise<void>
  scale(runtime: Runtime, replicas: 0 | 1): Promise<void>
  restore(runtime: Runtime): Promise<void>
  release(runtime: Runtime): Promise<void>
}

export const createAdopted = (reads: ClusterReads, writes: ClusterWrites): ServingKind => {
  const read = (runtime: Runtime) => toAdopted(reads, runtime)
  const write = (runtime: Runtime, form: PatchForm, body: object) => patch(writes, runtime, { form, body })
  return {
    prepare: async runtime => {
      if (runtime.spec.engine !== 'VLLM') return
      const adopted = read(runtime)
      const isFirst = readApplied(adopted.deployment) === undefined
      const conflict = isFirst ? findConflict(runtime, adopted) : undefined
      if (conflict) throw new Rejected(conflict.reason, conflict.message)
      const body = renderPrepare(runtime, adopted)
      if (body) await write(runtime, 'merge', body)
    },
    apply: async (runtime, launch) => {
      const adopted = read(runtime)
      if (isInPlace(launch) || isWritten(runtime, adopted, launch.hash)) return
      const written = toWritten(launch, adopted.container)
      await writeConfig(writes, runtime, { adopted, text: toConfigText(written) })
      await write(runtime, 'strategic', renderApply(runtime, adopted, written))
    },
    revert: async (runtime, hash) => {
      if (runtime.spec.engine !== 'VLLM') return
      const adopted = read(runtime)
      if (isWritten(runtime, adopted, hash)) return
      const written = toBefore(adopted, hash)
      await writeConfig(writes, runtime, { adopted, text: toTextBefore(adopted, written) })
      await write(runtime, 'strategic', renderRevert(adopted, written))
    },
    scale: async (runtime, replicas) => {
      if ((read(runtime).deployment.spec?.replicas ?? 1) === replicas) return
      await write(runtime, 'merge', renderScale(replicas))
    },
    restore: async runtime => {
      const { deployment, configMap } = readWorld(reads, runtime)
      const originals = readOriginals(deployment)
      // What is gone needs nothing back, and must not hold up a deletion.
      if (!deployment || !originals) return
      const adopted = { deployment, configMap, container: toContainer(runtime, deployment) }
      await writeConfig(writes, runtime, { adopted, text: originals.config })
      await write(runtime, 'strategic', renderRestore(adopted, originals))
    },
    release: async runtime => {
      const { deployment } = readWorld(reads, runtime)
      if (readOwner(deployment)?.uid !== runtime.metadata.uid) return
      await write(runtime, 'merge', renderNotes({ [notes.runtime]: null }))
    },
  }
}

const toAdopted = (reads: ClusterReads, runtime: Runtime): Adopted => {
  const { deployment, configMap } = readWorld(reads, runtime)
  const { configMap: ref } = runtime.spec.kubernetes ?? {}
  if (!deployment) throw new Waiting('DeploymentNotFound', whyNoDeployment(runtime))
  if (ref && !configMap) throw new Waiting('ConfigMapNotFound', `ConfigMap ${ref.name} does not exist`)
  return { deployment, container: toContainer(runtime, deployment), configMap }
}

const toContainer = (runtime: Runtime, deployment: RawDeployment): RawContainer => {
  const container = findContainer(runtime, deployment.spec?.template)
  if (!isContainer(container)) throw new Rejected(container.reason, container.message)
  return container
}

/** True when the hash stands there untouched. Fields that somebody else changed are written again only when a person asks. */
const isWritten = (runtime: Runtime, adopted: Adopted, hash: string): boolean => {
  const drift = findDrift(runtime, adopted)
  if (drift && !pendingRequest(runtime, 'retry')) throw new Rejected(drift.reason, drift.message)
  return !drift && (readApplied(adopted.deployment)?.hash ?? asFound) === hash
}

const toBefore = ({ deployment }: Adopted, hash: string): Written => {
  const originals = readOriginals(deployment)
  if (hash === asFound && originals) return toFoundLaunch(originals)
  const previous = readPrevious(deployment)
  if (previous?.hash === hash) return previous
  const applied = readApplied(deployment)
  if (applied?.hash === hash) return applied
  throw new Rejected(
    'SwitchFailed',
    `Deployment ${deployment.metadata.name} does not know launch ${hash} any more`,
  )
}

/** By config file, as found: the original text, null when there was none. By arguments: undefined. */
const toTextBefore = ({ deployment }: Adopted, written: Written): string | null | undefined =>
  written.hash === asFound ? readOriginals(deployment)?.config : toConfigText(written)

const writeConfig = async (
  writes: ClusterWrites,
  runtime: Runtime,
  { adopted, text }: { readonly adopted: Adopted; readonly text: string | null | undefined },
): Promise<void> => {
  const ref = runtime.spec.kubernetes?.configMap
  if (!ref || !adopted.configMap || text === undefined) return
  const body = renderConfigPatch(adopted.configMap, ref.key, text)
  if (!body) return
  const target = toTarget(runtime, 'ConfigMap', ref.name)
  await asDomain(`ConfigMap ${ref.name}`, () => writes.patch(target, 'merge', body))
}

const patch = async (
  writes: ClusterWrites,
  runtime: Runtime,
  { form, body }: { readonly form: PatchForm; readonly body: object },
): Promise<void> => {
  const name = runtime.spec.kubernetes?.deploymentName ?? ''
  const target = toTarget(runtime, 'Deployment', name)
  await asDomain(`Deployment ${name}`, () => writes.patch(target, form, body))
}
