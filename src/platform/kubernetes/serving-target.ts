// The address of what is written for a Runtime, with the key that then waits until the cache shows it.
import { keyOf, type Runtime } from '../../domain/object.ts'
import type { Target, WrittenKind } from './cluster-port.ts'

export const toTarget = <K extends WrittenKind>(
  runtime: Runtime,
  kind: K,
  name: string,
): Target & { readonly kind: K } => ({
  kind,
  namespace: runtime.metadata.namespace,
  name,
  for: keyOf(runtime),
})
