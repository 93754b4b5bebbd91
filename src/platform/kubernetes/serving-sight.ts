// The Deployment of a Runtime, its pods and what is named around it → the view that the domain decides on. Pure.
import type { Runtime } from '../../domain/object.ts'
import type { PodSight, ServingView } from '../../domain/platform.ts'
import { findDrift, isRecreate, isSame } from './deployment-drift.ts'
import {
  readApplied,
  readMarked,
  readOriginals,
  readOwner,
  readPrevious,
  recipeNote,
} from './deployment-notes.ts'
import {
  findContainer,
  findTemplate,
  isContainer,
  portOf,
  type RawContainer,
  sightContainer,
} from './engine-container.ts'
import { findOurTime } from './field-managers.ts'
import type {
  RawAutoscaler,
  RawClaim,
  RawConfigMap,
  RawDeployment,
  RawNode,
  RawPod,
  RawService,
} from './kubernetes-objects.ts'
import { hasEnded, sightPod } from './pod-sight.ts'
import { findProblems } from './serving-problems.ts'

/** What the caches show around one Runtime. Pods are those that the Deployment's ReplicaSets control. */
export interface ServingWorld {
  readonly deployment: RawDeployment | undefined
  readonly pods: readonly RawPod[]
  readonly configMap: RawConfigMap | undefined
  readonly service: RawService | undefined
  readonly claim: RawClaim | undefined
  readonly nodes: readonly RawNode[] | undefined
  readonly autoscalers: readonly RawAutoscaler[]
  readonly others: readonly Runtime[]
}

export const sightOf = (runtime: Runtime, world: ServingWorld): ServingView => {
  const { deployment, configMap } = world
  const isMade = runtime.spec.kubernetes?.podTemplate !== undefined
  const template = findTemplate(runtime, deployment)
  const wanted = findContainer(runtime, template)
  const standing = findContainer(runtime, deployment?.spec?.template)
  const container = isContainer(standing) ? standing : undefined
  const recipe = recipeOf(runtime, world, container)
  const previous = readPrevious(deployment)?.hash
  const drift = deployment && findDrift(runtime, { deployment, container, configMap })
  const endpoint = endpointOf(runtime, world.service)
  return {
    origin: isMade ? 'Made' : 'Adopted',
    exists: deployment !== undefined,
    problems: findProblems(runtime, { ...world, container: wanted }),
    // A made one from its podTemplate also when it stands: a launch starts from what the person wrote, not from the last launch.
    ...(isContainer(wanted)
      ? { container: sightContainer(runtime, { template, container: wanted, configMap }) }
      : {}),
    replicas: deployment ? (deployment.spec?.replicas ?? 1) : 0,
    isExclusive: deployment ? isRecreate(deployment) : isMade,
    isPrepared: isMade || isPreparedFor(runtime, deployment),
    isSettled: (deployment?.status?.observedGeneration ?? 0) >= (deployment?.metadata.generation ?? 0),
    ...(recipe === undefined ? {} : { recipe }),
    ...(previous === undefined ? {} : { previousRecipe: previous }),
    pods: podsOf(runtime, world, container),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(drift ? { drift } : {}),
  }
}

const isPreparedFor = (runtime: Runtime, deployment: RawDeployment | undefined): boolean =>
  readOriginals(deployment) !== undefined && readOwner(deployment)?.uid === runtime.metadata.uid

/** The template's own word; else what we wrote, when it still stands there; else what the config file says of itself. */
const recipeOf = (
  runtime: Runtime,
  { deployment, configMap }: ServingWorld,
  container: RawContainer | undefined,
): string | undefined => {
  const told = deployment?.spec?.template.metadata?.annotations?.[recipeNote]
  if (told !== undefined) return told
  const applied = readApplied(deployment)
  const marked = markedHash(runtime, configMap)
  if (!applied) return readOriginals(deployment) ? undefined : marked
  if (runtime.spec.kubernetes?.configMap) return marked === applied.hash ? marked : undefined
  return hasLaunch(container, applied) ? applied.hash : undefined
}

const markedHash = (runtime: Runtime, configMap: RawConfigMap | undefined): string | undefined => {
  const ref = runtime.spec.kubernetes?.configMap
  return ref && readMarked(configMap?.data?.[ref.key] ?? '').hash
}

type Command = Pick<NonNullable<ReturnType<typeof readApplied>>, 'command' | 'args'>

const hasLaunch = (container: RawContainer | undefined, { command, args }: Command): boolean =>
  (command !== undefined || args !== undefined) &&
  isSame(command, container?.command) &&
  isSame(args, container?.args)

const podsOf = (
  runtime: Runtime,
  world: ServingWorld,
  container: RawContainer | undefined,
): readonly PodSight[] => {
  const { service, nodes } = world
  const recipeOfPod = (pod: RawPod) => unmarkedRecipe(runtime, world, pod)
  const name = container?.name ?? ''
  return world.pods
    .filter(pod => !hasEnded(pod))
    .map(pod =>
      sightPod(pod, {
        container: name,
        port: portOf(runtime, container),
        service,
        nodes,
        recipeOf: recipeOfPod,
      }),
    )
    .sort((a, b) => b.createdAt.localeCompare(a.createdAt) || a.name.localeCompare(b.name))
}

/** A pod whose template lost our annotation: told by its own arguments, or by having begun after the file was written. */
const unmarkedRecipe = (runtime: Runtime, world: ServingWorld, pod: RawPod): string | undefined => {
  const ref = runtime.spec.kubernetes?.configMap
  const applied = readApplied(world.deployment)
  if (!ref) {
    const container = findContainer(runtime, { spec: pod.spec as NonNullable<RawPod['spec']> })
    return applied && isContainer(container) && hasLaunch(container, applied) ? applied.hash : undefined
  }
  const hash = markedHash(runtime, world.configMap)
  if (!hash || !world.configMap || (applied && applied.hash !== hash)) return undefined
  const written = findOurTime(world.configMap, ['f:data', `f:${ref.key}`])
  return written !== undefined && (pod.metadata.creationTimestamp ?? '') > written ? hash : undefined
}

const endpointOf = (runtime: Runtime, service: RawService | undefined): string | undefined => {
  const [first] = service?.spec?.ports ?? []
  const port = service?.spec?.ports?.find(one => one.name === 'http') ?? first
  if (!service || !port) return undefined
  return `http://${service.metadata.name}.${runtime.metadata.namespace}.svc:${port.port}`
}
