// An object as it came over the wire → one that every command can look at, whoever wrote it.
import type { Kind, Metadata } from '../domain/object.ts'
import { parseObject } from '../domain/stored.ts'
import type { Seen } from './client.ts'

interface Wire {
  readonly kind: Kind
  readonly metadata: Partial<Metadata> & Pick<Metadata, 'name'>
  readonly spec?: unknown
  readonly status?: unknown
}

const bare: Omit<Metadata, 'name'> = {
  namespace: 'default',
  uid: '',
  generation: 0,
  resourceVersion: '',
  creationTimestamp: '',
  finalizers: [],
  annotations: {},
  labels: {},
}

export const toSeen = (wire: Wire): Seen => ({
  object: {
    kind: wire.kind,
    metadata: { ...bare, ...wire.metadata },
    ...parseObject(wire.kind, wire.spec, wire.status),
  } as Seen['object'],
  raw: wire as unknown as Seen['raw'],
})
