// The Deployment and Service of a Runtime that makes its own. Pure: Runtime and launch → manifests for server-side apply.
import type { Runtime } from '../../domain/object.ts'
import { notes, recipeNote, runtimeLabel, servingLabel, type Written } from './deployment-notes.ts'
import {
  findContainer,
  isContainer,
  portOf,
  type RawContainer,
  type RawTemplate,
} from './engine-container.ts'
import { serviceNameOf } from './serving-name.ts'
import { storeFolder } from './volume-layout.ts'

type Json = Readonly<Record<string, unknown>>

export interface MadeState {
  /** absent: as the podTemplate says; what a dry run asks */
  readonly written?: Written
  readonly previous?: Written
  readonly replicas: number
  /** of the Deployment that stands there: an apply must not bring back one that was just deleted */
  readonly uid?: string
}

const managedBy = { 'app.kubernetes.io/managed-by': 'switchyard' }

export const renderDeployment = (runtime: Runtime, state: MadeState): Json => {
  const { namespace, name } = runtime.metadata
  const { written, previous } = state
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      name,
      namespace,
      ...(state.uid === undefined ? {} : { uid: state.uid }),
      labels: { ...managedBy, [runtimeLabel]: name },
      annotations: {
        ...(written ? { [notes.applied]: JSON.stringify(written) } : {}),
        ...(previous ? { [notes.previous]: JSON.stringify(previous) } : {}),
      },
      ownerReferences: [ownerOf(runtime)],
    },
    spec: {
      replicas: state.replicas,
      strategy: { type: 'Recreate' },
      selector: { matchLabels: { [runtimeLabel]: name } },
      template: renderTemplate(runtime, written),
    },
  }
}

const ownerOf = ({ metadata }: Runtime): Json => ({
  apiVersion: 'switchyard.dev/v1alpha1',
  kind: 'Runtime',
  name: metadata.name,
  uid: metadata.uid,
  controller: true,
  blockOwnerDeletion: false,
})

const renderTemplate = (runtime: Runtime, written: Written | undefined): Json => {
  const template = (runtime.spec.kubernetes?.podTemplate ?? {}) as RawTemplate
  const { labels, annotations } = template.metadata ?? {}
  const spec = template.spec
  const isNamed = written !== undefined && (written.args !== undefined || written.command !== undefined)
  return {
    ...template,
    metadata: {
      ...template.metadata,
      labels: { ...labels, ...managedBy, [runtimeLabel]: runtime.metadata.name, [servingLabel]: 'true' },
      annotations: { ...annotations, ...(isNamed ? { [recipeNote]: written.hash } : {}) },
    },
    spec: {
      ...spec,
      terminationGracePeriodSeconds: Math.max(
        spec?.terminationGracePeriodSeconds ?? 30,
        runtime.spec.switch.drainSeconds,
      ),
      containers: (spec?.containers ?? []).map(container => renderContainer(runtime, container, written)),
    },
  }
}

const renderContainer = (runtime: Runtime, container: RawContainer, written: Written | undefined): Json => {
  const engine = findContainer(runtime, runtime.spec.kubernetes?.podTemplate as RawTemplate)
  if (!isContainer(engine) || engine.name !== container.name) return { ...container }
  const env = [...(container.env ?? []), ...storeEnv(runtime, container)]
  return {
    ...container,
    ...(env.length > 0 ? { env } : {}),
    ...(written?.command ? { command: written.command } : {}),
    ...(written?.args ? { args: written.args } : {}),
  }
}

/** Ollama's store must lie on the claim; a template that places it itself is left alone. */
const storeEnv = (runtime: Runtime, container: RawContainer): Json[] => {
  if (runtime.spec.engine !== 'Ollama' || container.env?.some(one => one.name === 'OLLAMA_MODELS')) return []
  const folder = storeFolder(runtime, container)
  return folder === undefined ? [] : [{ name: 'OLLAMA_MODELS', value: folder }]
}

/** Selects a label that only the pod template has, so that a live pod can be taken out without orphaning it. */
export const renderService = (runtime: Runtime): Json => {
  const { namespace, name } = runtime.metadata
  const engine = findContainer(runtime, runtime.spec.kubernetes?.podTemplate as RawTemplate)
  const port = portOf(runtime, isContainer(engine) ? engine : undefined)
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: serviceNameOf(runtime) ?? name,
      namespace,
      labels: { ...managedBy, [runtimeLabel]: name },
      ownerReferences: [ownerOf(runtime)],
    },
    spec: {
      selector: { [runtimeLabel]: name, [servingLabel]: 'true' },
      ports: [{ name: 'http', port, targetPort: port, protocol: 'TCP' }],
    },
  }
}
