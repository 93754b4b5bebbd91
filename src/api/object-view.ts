// The shape of an object on the wire: as kubectl shows one, so that `get -o yaml` can be applied on either platform.
import { group, version } from '../domain/kinds.ts'
import type { Kind, Metadata, Model, Runtime } from '../domain/object.ts'

export interface ObjectView {
  readonly apiVersion: string
  readonly kind: Kind
  readonly metadata: Partial<Metadata> & Pick<Metadata, 'name' | 'namespace'>
  readonly spec: unknown
  readonly status: unknown
}

export const toView = ({ kind, metadata, status }: Model | Runtime, spec: unknown): ObjectView => {
  const { finalizers, annotations, labels, specManager: _, ...rest } = metadata
  return {
    apiVersion: `${group}/${version}`,
    kind,
    metadata: {
      ...rest,
      ...(finalizers.length > 0 ? { finalizers } : {}),
      ...(Object.keys(annotations).length > 0 ? { annotations } : {}),
      ...(Object.keys(labels).length > 0 ? { labels } : {}),
    },
    spec,
    status,
  }
}
