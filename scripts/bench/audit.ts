// What the API server's audit log tells about the operator: its writes by name, and the moments of single requests.
import type { AttachedCluster, AuditEvent } from '../../test/cluster/attached.ts'

const operator = 'system:serviceaccount:switchyard-system:switchyard'
const writes = new Set(['create', 'update', 'patch', 'delete', 'deletecollection'])

/** How often each write was made; a write that was refused has its code behind its name. */
export type Counts = Readonly<Record<string, number>>

/** Milliseconds since 1970, half open. */
export type Span = { readonly from: number; readonly to: number }

export const received = (event: AuditEvent): number => Date.parse(event.requestReceivedTimestamp)
export const answered = (event: AuditEvent): number => Date.parse(event.stageTimestamp)
export const isByOperator = (event: AuditEvent): boolean => event.user.username === operator
export const isWrite = (event: AuditEvent): boolean => writes.has(event.verb)

/** Every write of the operator but those of its Lease, oldest first; of one namespace, or of all. */
export function operatorWrites(cluster: AttachedCluster, span: Span, namespace?: string): AuditEvent[] {
  const { from, to } = span
  return cluster
    .auditEvents()
    .filter(event => isByOperator(event) && isWrite(event) && event.objectRef?.resource !== 'leases')
    .filter(event => namespace === undefined || event.objectRef?.namespace === namespace)
    .filter(event => received(event) >= from && received(event) < to)
    .sort((a, b) => received(a) - received(b))
}

export const nameOf = ({ verb, objectRef, responseStatus }: AuditEvent): string => {
  const part = objectRef?.subresource ? `/${objectRef.subresource}` : ''
  const code = responseStatus?.code ?? 0
  return `${verb} ${objectRef?.resource}${part}${code < 300 ? '' : ` (${code})`}`
}

export function countByName(events: readonly AuditEvent[]): Counts {
  const counts = new Map<string, number>()
  for (const event of events) counts.set(nameOf(event), (counts.get(nameOf(event)) ?? 0) + 1)
  return Object.fromEntries([...counts].sort(([a], [b]) => a.localeCompare(b)))
}

export type Spread = {
  readonly n: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** Nearest rank, whole milliseconds. */
export function spread(milliseconds: readonly number[]): Spread {
  const sorted = milliseconds.map(Math.round).sort((a, b) => a - b)
  const rank = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0
  return { n: sorted.length, p50: rank(0.5), p99: rank(0.99), max: rank(1) }
}
