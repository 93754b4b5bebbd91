// An object as it came over the wire → what a list shows of it.
import type { Kind } from '../domain/object.ts'
import type { Row, Seen } from './client.ts'

interface Wire {
  readonly kind: Kind
  readonly metadata: { readonly name: string; readonly namespace?: string }
}

export const toRow = (wire: Wire): Row => ({
  kind: wire.kind,
  namespace: wire.metadata.namespace ?? 'default',
  name: wire.metadata.name,
  raw: wire as unknown as Row['raw'],
})

export const rowOf = ({ object: { kind, metadata }, raw }: Seen): Row => ({
  kind,
  namespace: metadata.namespace,
  name: metadata.name,
  raw,
})

/** As every command takes it. */
export const rowName = ({ kind, name }: Row): string => `${kind.toLowerCase()}/${name}`
