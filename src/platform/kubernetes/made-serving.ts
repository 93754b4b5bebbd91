// A Deployment that Switchyard makes from the Runtime's podTemplate, with its Service: all of it is ours, by apply.
import { Rejected, Waiting } from '../../domain/failure.ts'
import { pendingRequest, type Runtime } from '../../domain/object.ts'
import type { ServingKind } from './adopted-serving.ts'
import type { ClusterReads, ClusterWrites } from './cluster-port.ts'
import { findDrift } from './deployment-drift.ts'
import { asFound, isInPlace, notes, readApplied, readPrevious } from './deployment-notes.ts'
import { renderScale, toWritten } from './deployment-render.ts'
import { findContainer, findTemplate, isContainer } from './engine-container.ts'
import type { RawDeployment } from './kubernetes-objects.ts'
import { serviceNameOf } from './serving-name.ts'
import { isMadeFor } from './serving-problems.ts'
import { type MadeState, renderDeployment, renderService } from './serving-render.ts'
import { toTarget } from './serving-target.ts'
import { readWorld } from './serving-world.ts'
import { asDomain } from './write-failure.ts'

export const createMade = (reads: ClusterReads, writes: ClusterWrites): ServingKind => {
  const find = (runtime: Runtime) => findMade(reads, runtime)
  const applyDeployment = async (runtime: Runtime, state: MadeState, isDryRun = false) => {
    const body = renderDeployment(runtime, state)
    const target = toTarget(runtime, 'Deployment', runtime.metadata.name)
    await asDomain('spec.kubernetes.podTemplate', () => writes.apply(target, body, isDryRun))
  }
  const write = async (runtime: Runtime, body: object) => {
    const target = toTarget(runtime, 'Deployment', runtime.metadata.name)
    await asDomain(`Deployment ${target.name}`, () => writes.patch(target, 'merge', body))
  }
  return {
    prepare: async runtime => {
      const deployment = find(runtime)
      if (!deployment) await applyDeployment(runtime, { replicas: 1 }, true)
    },
    apply: async (runtime, launch) => {
      const deployment = find(runtime)
      const isThere = deployment && !hasDrifted(runtime, deployment)
      if (isThere && (isInPlace(launch) || readApplied(deployment)?.hash === launch.hash)) return
      await ensureService(reads, writes, runtime)
      const found = findContainer(runtime, findTemplate(runtime, undefined))
      if (!isContainer(found)) throw new Rejected(found.reason, found.message)
      const written = isInPlace(launch) ? { hash: launch.hash } : toWritten(launch, found)
      await applyDeployment(runtime, {
        written,
        previous: readApplied(deployment) ?? { hash: asFound },
        ...toStanding(deployment),
      })
    },
    revert: async (runtime, hash) => {
      const deployment = find(runtime)
      if (!deployment || (readApplied(deployment)?.hash ?? asFound) === hash) return
      if (hash === asFound) return write(runtime, { ...renderScale(0), metadata: withoutNotes })
      const previous = readPrevious(deployment)
      if (previous?.hash !== hash) {
        throw new Rejected(
          'SwitchFailed',
          `Deployment ${deployment.metadata.name} does not know launch ${hash} any more`,
        )
      }
      await applyDeployment(runtime, { written: previous, ...toStanding(deployment) })
    },
    scale: async (runtime, replicas) => {
      const deployment = find(runtime)
      if (!deployment || deployment.spec?.replicas === replicas) return
      await write(runtime, renderScale(replicas))
    },
    // Nothing was found, so nothing can be given back.
    restore: async () => {},
    release: async runtime => {
      const { deployment, service } = readWorld(reads, runtime)
      for (const [kind, object] of [['Deployment', deployment] as const, ['Service', service] as const]) {
        if (!object || !isMadeFor(runtime, object)) continue
        const target = toTarget(runtime, kind, object.metadata.name)
        await asDomain(`${kind} ${target.name}`, () => writes.remove(target, object.metadata.uid))
      }
    },
  }
}

/** Its own scale stays, unless nothing has been applied to it yet. */
const toStanding = (deployment: RawDeployment | undefined): Pick<MadeState, 'replicas' | 'uid'> => ({
  replicas: readApplied(deployment) ? (deployment?.spec?.replicas ?? 1) : 1,
  ...(deployment ? { uid: deployment.metadata.uid } : {}),
})

const withoutNotes = { annotations: { [notes.applied]: null, [notes.previous]: null } }

const findMade = (reads: ClusterReads, runtime: Runtime): RawDeployment | undefined => {
  const { deployment } = readWorld(reads, runtime)
  if (deployment && !isMadeFor(runtime, deployment)) {
    const message = `Deployment ${deployment.metadata.name} is there already and was not made for this Runtime`
    throw new Rejected('OwnedByController', message)
  }
  if (deployment?.metadata.deletionTimestamp) {
    throw new Waiting('Deleting', `Deployment ${deployment.metadata.name} is being deleted`, 1_000)
  }
  return deployment
}

/** All of it is ours, so a person's retry writes it again. */
const hasDrifted = (runtime: Runtime, deployment: RawDeployment): boolean => {
  const container = findContainer(runtime, deployment.spec?.template)
  const drift = findDrift(runtime, {
    deployment,
    container: isContainer(container) ? container : undefined,
    configMap: undefined,
  })
  if (drift && !pendingRequest(runtime, 'retry')) throw new Rejected(drift.reason, drift.message)
  return drift !== undefined
}

/** One that stands there already under the name is never written to. */
const ensureService = async (reads: ClusterReads, writes: ClusterWrites, runtime: Runtime): Promise<void> => {
  const name = serviceNameOf(runtime)
  if (name === undefined || reads.service(runtime.metadata.namespace, name)) return
  const target = toTarget(runtime, 'Service', name)
  await asDomain(`Service ${target.name}`, () => writes.apply(target, renderService(runtime)))
}
