// Which Deployment and Service are a Runtime's: those that it names, or those that are made under its own name.
import type { Runtime } from '../../domain/object.ts'
import { runtimeLabel } from './deployment-notes.ts'
import type { RawService } from './kubernetes-objects.ts'

/** Of a Runtime that is for a host only: no Deployment has the empty name. */
export const deploymentNameOf = ({ metadata, spec }: Runtime): string =>
  spec.kubernetes ? (spec.kubernetes.deploymentName ?? metadata.name) : ''

export const whyNoDeployment = ({ spec }: Runtime): string =>
  spec.kubernetes
    ? `Deployment ${spec.kubernetes.deploymentName ?? '?'} does not exist`
    : 'spec.kubernetes is not set: this Runtime is for a host'

/** Undefined for an adopted one that names none: whose clients come which way is not known then. */
export const serviceNameOf = ({ metadata, spec }: Runtime): string | undefined => {
  const { serviceName, podTemplate } = spec.kubernetes ?? {}
  if (serviceName !== undefined || podTemplate === undefined) return serviceName
  // Names of Services begin with a letter, names of Runtimes need not.
  return /^[a-z]/.test(metadata.name)
    ? metadata.name
    : `runtime-${metadata.name}`.slice(0, 63).replace(/-+$/, '')
}

/** A Service that is named is the Runtime's whatever it selects; one that only has the default name must select its pods. */
export const isServiceOf = ({ metadata, spec }: Runtime, service: RawService): boolean =>
  spec.kubernetes?.serviceName !== undefined || service.spec?.selector?.[runtimeLabel] === metadata.name
