// The engine's container in a pod template: which one it is, how it starts, where its config file and volumes are.

import type { V1Container, V1PodTemplateSpec } from '@kubernetes/client-node'
import type { ContainerSight } from '../../domain/engine.ts'
import type { Runtime } from '../../domain/object.ts'
import type { Problem } from '../../domain/platform.ts'
import { readMarked } from './deployment-notes.ts'
import type { Raw, RawConfigMap, RawDeployment } from './kubernetes-objects.ts'

export type RawTemplate = Raw<V1PodTemplateSpec>
export type RawContainer = Raw<V1Container>

/** LlamaCpp never comes here: no API server takes it. */
const engineNames = { VLLM: 'vllm', Ollama: 'ollama', LlamaCpp: 'llama-cpp' } as const
const defaultPorts = { VLLM: 8000, Ollama: 11_434, LlamaCpp: 8080 } as const

/** As the Deployment is now; for a Runtime that makes its own: as its podTemplate says. */
export const findTemplate = (
  runtime: Runtime,
  deployment: RawDeployment | undefined,
): RawTemplate | undefined =>
  runtime.spec.kubernetes?.podTemplate === undefined
    ? deployment?.spec?.template
    : (runtime.spec.kubernetes.podTemplate as RawTemplate)

/** The one that is named, the only one, or the one named like the engine. */
export const findContainer = (
  runtime: Runtime,
  template: RawTemplate | undefined,
): RawContainer | Problem => {
  const containers = template?.spec?.containers ?? []
  const wanted = runtime.spec.kubernetes?.container
  const [only] = containers
  if (wanted === undefined && only && containers.length === 1) return only
  const name = wanted ?? engineNames[runtime.spec.engine]
  const found = containers.find(container => container.name === name)
  if (found) return found
  const names = containers.map(container => container.name).join(', ') || 'none'
  return {
    reason: 'UnknownContainer',
    message: `spec.kubernetes.container: ${name} is not in the pod template, which has ${names}`,
  }
}

export const isContainer = (value: RawContainer | Problem): value is RawContainer => 'name' in value

export const portOf = (runtime: Runtime, container: RawContainer | undefined): number => {
  const named = container?.ports?.find(port => port.name === 'http') ?? container?.ports?.[0]
  return runtime.spec.kubernetes?.port ?? named?.containerPort ?? defaultPorts[runtime.spec.engine]
}

/** Values that come from a Secret or a field of the pod are not known here and left out. */
export const envOf = (container: RawContainer): Record<string, string> =>
  Object.fromEntries(
    (container.env ?? []).filter(one => !one.valueFrom).map(one => [one.name, one.value ?? '']),
  )

export const sightContainer = (
  runtime: Runtime,
  {
    template,
    container,
    configMap,
  }: {
    readonly template: RawTemplate | undefined
    readonly container: RawContainer
    readonly configMap: RawConfigMap | undefined
  },
): ContainerSight => {
  const ref = runtime.spec.kubernetes?.configMap
  const configPath = ref && findConfigPath(ref, template, container)
  return {
    command: container.command ?? [],
    args: container.args ?? [],
    env: envOf(container),
    ...(ref && configMap ? { config: readMarked(configMap.data?.[ref.key] ?? '').config } : {}),
    ...(configPath === undefined ? {} : { configPath }),
    port: portOf(runtime, container),
  }
}

interface KeyRef {
  readonly name: string
  readonly key: string
}

const findConfigPath = (
  ref: KeyRef,
  template: RawTemplate | undefined,
  container: RawContainer,
): string | undefined => {
  for (const mount of container.volumeMounts ?? []) {
    const volume = template?.spec?.volumes?.find(one => one.name === mount.name)
    const sources = [volume?.configMap, ...(volume?.projected?.sources ?? []).map(one => one.configMap)]
    const source = sources.find(one => one?.name === ref.name)
    if (!source) continue
    const file = source.items ? source.items.find(item => item.key === ref.key)?.path : ref.key
    if (file === undefined) continue
    if (mount.subPath === undefined) return `${mount.mountPath.replace(/\/$/, '')}/${file}`
    if (mount.subPath === file) return mount.mountPath
  }
  return undefined
}
