// Bytes that one Model counted and another one keeps when a copy goes: told in the status of the one, counted in that of the other,
// once. Who tells stays until they are counted, or for a while.
import type { Copy, ModelStatus, PassedOn } from './model.ts'
import type { Model } from './object.ts'
import type { WorkView } from './platform.ts'

/** Whoever has not counted them by then does not. */
const patienceMs = 600_000

export interface Accounts {
  /** what other Models tell this one to count, and it has not counted yet */
  readonly inherited: readonly PassedOn[]
  /** what this one tells, and somebody who is still there has not counted yet */
  readonly untaken: readonly PassedOn[]
}

const isOpen = (one: PassedOn, heir: Model, now: Date): boolean =>
  one.uid === heir.metadata.uid &&
  now.getTime() - Date.parse(one.at) < patienceMs &&
  !heir.status.settledWorks?.includes(one.work)

export const toAccounts = (model: Model, models: readonly Model[], now: Date): Accounts => ({
  inherited: models.flatMap(({ status }) => status.passedOn?.filter(one => isOpen(one, model, now)) ?? []),
  untaken: model.status.passedOn?.filter(one => models.some(heir => isOpen(one, heir, now))) ?? [],
})

/** Only what is still to be counted is told on. */
export const withUntaken = (status: ModelStatus, untaken: readonly PassedOn[]): ModelStatus => {
  const { passedOn: _, ...rest } = status
  return untaken.length > 0 ? { ...rest, passedOn: [...untaken] } : rest
}

/** As many as the schema of the status takes. */
const mostTold = 32

/** A copy has gone: what of it others keep. */
export const tellFallen = (
  status: ModelStatus,
  { claim, subPath }: Copy,
  { id, result, endedAt, startedAt }: WorkView,
): ModelStatus => {
  const at = endedAt ?? startedAt
  const told = (result?.removed?.fallen ?? []).map(({ owner, ...sum }) => ({
    ...{ work: id, uid: owner, claim, subPath },
    ...sum,
    at,
  }))
  return withUntaken(status, [...(status.passedOn ?? []), ...told].slice(-mostTold))
}

/** Counts them where the copy stands. */
export const takeInherited = (status: ModelStatus, inherited: readonly PassedOn[]): ModelStatus => {
  if (inherited.length === 0) return status
  const copies = status.copies?.map(copy =>
    inherited
      .filter(({ claim, subPath }) => claim === copy.claim && subPath === copy.subPath)
      .reduce(withMore, copy),
  )
  return { ...status, ...(copies ? { copies } : {}) }
}

const withMore = (copy: Copy, { bytes, receipt }: PassedOn): Copy => ({
  ...copy,
  bytesStored: (copy.bytesStored ?? 0) + bytes,
  ...(receipt && copy.receipt ? { receipt } : {}),
})
