// The words by which a Job of ours is found again: its name, its labels, and the annotation that carries the work's identity.
import { createHash } from 'node:crypto'
import type { WorkIdentity, WorkOrder } from '../../domain/platform.ts'
import type { WorkCommand } from '../../domain/worker-task.ts'

export const managedByLabel = 'app.kubernetes.io/managed-by'
export const managedBy = 'switchyard'
export const modelUidLabel = 'switchyard.dev/model-uid'
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
  [modelUidLabel]: order.owner.uid,
  'switchyard.dev/subject': hash(order.subject, 16),
})

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

const commands: readonly WorkCommand[] = ['resolve', 'download', 'verify', 'remove']

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
