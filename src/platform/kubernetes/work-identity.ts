// The words by which a Job of ours is found again: its name, its labels, and the annotation that carries the work's identity.
import { createHash } from 'node:crypto'
import { type Key, toKey } from '../../domain/object.ts'
import type { WorkIdentity, WorkOrder } from '../../domain/platform.ts'
import { ownerKind, type WorkCommand } from '../../domain/worker-task.ts'

export const managedByLabel = 'app.kubernetes.io/managed-by'
export const managedBy = 'switchyard'
const uidLabels = { Model: 'switchyard.dev/model-uid', Runtime: 'switchyard.dev/runtime-uid' } as const
/** Selects Jobs and pods of workers, of any controller of ours. */
export const workerSelector = `${managedByLabel}=switchyard,app.kubernetes.io/component=worker`
export const workAnnotation = 'switchyard.dev/work'
export const workerContainer = 'worker'

const hash = (text: string, digits: number): string =>
  createHash('sha256').update(text).digest('hex').slice(0, digits)

/** A hash, because names of models and revisions are no legal names of objects. */
export const toJobName = (id: string): string => `sy-${hash(id, 32)}`

export const toWorkLabels = (order: WorkOrder): Record<string, string> => ({
  'app.kubernetes.io/component': 'worker',
  [managedByLabel]: managedBy,
  'app.kubernetes.io/name': 'switchyard-worker',
  'switchyard.dev/command': order.command,
  [uidLabels[ownerKind(order.command)]]: order.owner.uid,
  'switchyard.dev/subject': hash(order.subject, 16),
})

/** uid of the Model or Runtime that a Job is for; empty when its labels name none. */
export const ownerUid = (labels: Readonly<Record<string, string>> = {}): string =>
  labels[uidLabels.Model] ?? labels[uidLabels.Runtime] ?? ''

export const ownerKey = ({ command, owner }: Pick<WorkIdentity, 'command' | 'owner'>): Key =>
  toKey(ownerKind(command), owner)

export interface KnownWork extends WorkIdentity {
  readonly id: string
  readonly volume?: string
}

export const printIdentity = (order: WorkOrder): string =>
  JSON.stringify({
    id: order.id,
    owner: { namespace: order.owner.namespace, name: order.owner.name, uid: order.owner.uid },
    command: order.command,
    subject: order.subject,
    attempt: order.attempt,
    ...(order.volume ? { volume: order.volume.key } : {}),
  })

const commands: readonly WorkCommand[] = ['resolve', 'download', 'verify', 'remove', 'ask']

/** Undefined for a Job that is not ours, or whose annotation somebody spoiled. */
export const parseIdentity = (annotations: Readonly<Record<string, string>> = {}): KnownWork | undefined => {
  const seen = parseJson(annotations[workAnnotation])
  const owner = seen?.owner
  const texts = [seen?.id, seen?.subject, owner?.uid, owner?.name, owner?.namespace]
  const isWhole = texts.every(text => typeof text === 'string') && commands.includes(seen?.command as never)
  return isWhole && Number.isInteger(seen?.attempt) ? (seen as KnownWork) : undefined
}

const parseJson = (text = ''): Partial<KnownWork> | undefined => {
  try {
    return JSON.parse(text) as Partial<KnownWork>
  } catch {
    return undefined
  }
}
