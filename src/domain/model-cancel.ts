// A fetch that a person cancelled: noted once as the Model's failure, so that nothing is tried again until retry or another spec forgets it.
import type { ModelStatus } from './model.ts'
import { type Model, pendingRequest } from './object.ts'

export const isCancelled = ({ failure }: ModelStatus): boolean => failure?.reason === 'Cancelled'

const still = ['Deleting', 'Paused', 'Cancelled', 'Rejected', 'Verifying', 'Ready']

/** A fetch, or a look at the source for one, is under way or is to be tried again. */
export const canCancel = ({ phase }: ModelStatus): boolean => phase !== undefined && !still.includes(phase)

/** Of two requests that nobody handled yet the later one counts. The new round lets no work that is still ending count. */
export const withCancel = (model: Model, status: ModelStatus, now: Date): ModelStatus => {
  const asked = pendingRequest(model, 'cancel')
  if (asked === undefined) return status
  const handled = { ...status, lastHandled: { ...status.lastHandled, cancel: asked } }
  const retry = pendingRequest(model, 'retry')
  if (!canCancel(model.status) || (retry !== undefined && retry > asked)) return handled
  const failure = { reason: 'Cancelled', message: 'cancelled on request', attempts: 0, at: now.toISOString() }
  return { ...withoutRefresh(model, handled), failure, round: (status.round ?? 0) + 1 }
}

/** What was resolved before stays what is meant. */
const withoutRefresh = (model: Model, status: ModelStatus): ModelStatus => {
  const refresh = pendingRequest(model, 'refresh')
  return refresh === undefined ? status : { ...status, lastHandled: { ...status.lastHandled, refresh } }
}
