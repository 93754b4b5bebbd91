// Which Deployment is a Runtime's: the one that it adopts, or the one that is made under its own name.
import type { Runtime } from '../../domain/object.ts'

export const deploymentNameOf = (runtime: Runtime): string =>
  runtime.spec.kubernetes?.deploymentName ?? runtime.metadata.name
