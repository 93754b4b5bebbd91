// What stands in the way of switching a Runtime: a person must change it, or it must appear first.

import type { Runtime } from '../../domain/object.ts'
import type { Problem } from '../../domain/platform.ts'
import { readOwner } from './deployment-notes.ts'
import { isContainer, type RawContainer } from './engine-container.ts'
import type {
  RawAutoscaler,
  RawClaim,
  RawConfigMap,
  RawDeployment,
  RawService,
} from './kubernetes-objects.ts'
import { whyNoDeployment } from './serving-name.ts'

export interface ProblemWorld {
  readonly deployment: RawDeployment | undefined
  readonly container: RawContainer | Problem
  readonly configMap: RawConfigMap | undefined
  readonly service: RawService | undefined
  readonly claim: RawClaim | undefined
  readonly autoscalers: readonly RawAutoscaler[]
  /** other Runtimes of the namespace */
  readonly others: readonly Runtime[]
}

export const findProblems = (runtime: Runtime, world: ProblemWorld): readonly Problem[] => {
  const isMade = runtime.spec.kubernetes?.podTemplate !== undefined
  if (!isMade && !world.deployment) return [deploymentMissing(runtime)]
  const checks = isMade ? [ofMade, ofClaim, ofContainer] : ofAdopted
  return checks.map(check => check(runtime, world)).filter(problem => problem !== undefined)
}

type Check = (runtime: Runtime, world: ProblemWorld) => Problem | undefined

const deploymentMissing = (runtime: Runtime): Problem => ({
  reason: 'DeploymentNotFound',
  message: whyNoDeployment(runtime),
})

const ofContainer: Check = (_runtime, { container }) => {
  if (!isContainer(container)) return container
  return undefined
}

const ofShared: Check = (runtime, { deployment, others }) => {
  const holder = findHolder(runtime, deployment, others)
  if (holder.metadata.uid === runtime.metadata.uid) return undefined
  const { name } = holder.metadata
  return {
    reason: 'DeploymentShared',
    message: `Runtime ${name} has Deployment ${deployment?.metadata.name}`,
  }
}

/** The one that the Deployment names as long as it lives and names it too; else the oldest. */
const findHolder = (
  runtime: Runtime,
  deployment: RawDeployment | undefined,
  others: readonly Runtime[],
): Runtime => {
  const name = runtime.spec.kubernetes?.deploymentName
  const rivals = others.filter(
    one => one.spec.kubernetes?.deploymentName === name && one.metadata.deletionTimestamp === undefined,
  )
  const all = [runtime, ...rivals].sort((a, b) => age(a).localeCompare(age(b)))
  return all.find(one => one.metadata.uid === readOwner(deployment)?.uid) ?? all[0] ?? runtime
}

const age = ({ metadata }: Runtime): string => `${metadata.creationTimestamp} ${metadata.name}`

const ofController: Check = (_runtime, { deployment }) => {
  const owner = deployment?.metadata.ownerReferences?.find(one => one.controller)
  if (!owner) return undefined
  return {
    reason: 'OwnedByController',
    message: `${owner.kind} ${owner.name} controls Deployment ${deployment?.metadata.name}`,
  }
}

const ofMade: Check = (runtime, { deployment }) => {
  if (!deployment || isMadeFor(runtime, deployment)) return undefined
  const message = `Deployment ${deployment.metadata.name} is there already and was not made for this Runtime`
  return { reason: 'OwnedByController', message }
}

interface Owned {
  readonly metadata: {
    readonly ownerReferences?: readonly { readonly uid: string; readonly controller?: boolean }[]
  }
}

export const isMadeFor = (runtime: Runtime, object: Owned): boolean =>
  object.metadata.ownerReferences?.some(one => one.controller && one.uid === runtime.metadata.uid) ?? false

const ofReplicas: Check = (_runtime, { deployment }) => {
  const replicas = deployment?.spec?.replicas ?? 1
  if (replicas <= 1) return undefined
  return {
    reason: 'TooManyReplicas',
    message: `spec.replicas of Deployment ${deployment?.metadata.name} is ${replicas}`,
  }
}

const ofAutoscaler: Check = (_runtime, { deployment, autoscalers }) => {
  const found = autoscalers.find(
    ({ spec }) =>
      spec?.scaleTargetRef.kind === 'Deployment' && spec.scaleTargetRef.name === deployment?.metadata.name,
  )
  if (!found) return undefined
  return {
    reason: 'ScaledByAutoscaler',
    message: `HorizontalPodAutoscaler ${found.metadata.name} scales Deployment ${deployment?.metadata.name}`,
  }
}

const ofConfigMap: Check = (runtime, { configMap }) => {
  const ref = runtime.spec.kubernetes?.configMap
  if (!ref || configMap) return undefined
  return { reason: 'ConfigMapNotFound', message: `ConfigMap ${ref.name} does not exist` }
}

const ofService: Check = (runtime, { service }) => {
  const name = runtime.spec.kubernetes?.serviceName
  if (!name || service) return undefined
  return { reason: 'ServiceNotFound', message: `Service ${name} does not exist` }
}

const ofClaim: Check = (runtime, { claim }) => {
  const name = runtime.spec.storage?.claimName
  if (!name || claim) return undefined
  return { reason: 'ClaimNotFound', message: `PersistentVolumeClaim ${name} does not exist` }
}

/** No vLLM has ever loaded within the budget of a liveness probe that nobody tuned. */
const hopelessSeconds = 30

const ofProbes: Check = (runtime, { container }) => {
  if (runtime.spec.engine !== 'VLLM' || !isContainer(container)) return undefined
  const { livenessProbe: probe, startupProbe } = container
  if (!probe || startupProbe) return undefined
  const seconds =
    (probe.initialDelaySeconds ?? 0) + (probe.failureThreshold ?? 3) * (probe.periodSeconds ?? 10)
  if (seconds > hopelessSeconds) return undefined
  return {
    reason: 'ProbeWillKill',
    message: `the livenessProbe ends the engine ${seconds} s after it started`,
  }
}

const ofAdopted: readonly Check[] = [
  ofShared,
  ofController,
  ofContainer,
  ofReplicas,
  ofAutoscaler,
  ofConfigMap,
  ofService,
  ofClaim,
  ofProbes,
]
