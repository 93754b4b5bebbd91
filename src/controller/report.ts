// Writes what was decided into status: once per pass, only when different, progress not oftener than people can read.
import type { Condition } from '../domain/conditions.ts'
import type { ModelStatus } from '../domain/model.ts'
import type { Model, Runtime } from '../domain/object.ts'
import type { Platform } from '../domain/platform.ts'
import type { RuntimeStatus } from '../domain/runtime.ts'

export interface Reporter {
  model(model: Model, status: ModelStatus, now: Date): Promise<void>
  /** Milliseconds after which to look again, when what changed was small enough to wait. */
  runtime(runtime: Runtime, status: RuntimeStatus, now: Date): Promise<number | undefined>
}

const progressEvery = 5_000

/** Fields that move all the time while bytes come; all else is written at once. */
const withoutProgress = (status: ModelStatus) => {
  const { progress: _, display: __, copies, conditions, ...rest } = status
  const still = copies?.map(({ bytesDone: _b, message: _m, ...copy }) => copy)
  const facts = conditions?.map(({ type, status: value, reason }) => ({ type, value, reason }))
  return { ...rest, copies: still, facts }
}

/** What a person reads and no program waits for: words, marks of loading, bytes reserved, and the pod that a switch replaces. */
const withoutDetail = (status: RuntimeStatus) => {
  const { switch: open, display: _, storage: __, conditions, ...rest } = status
  const facts = conditions
    ?.filter(({ type }) => !open || type !== 'DeploymentAvailable')
    .map(({ type, status: value, reason }) => ({ type, value, reason }))
  if (!open) return { ...rest, facts }
  const { message: _m, lastProgressAt: _l, progressMark: _p, percent: _n, ...step } = open
  return { ...rest, step, facts }
}

type Members = Readonly<Record<string, unknown>>

/** A member that is undefined counts as absent. */
const isAlike = (a: unknown, b: unknown): boolean => {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const names = new Set([...Object.keys(a), ...Object.keys(b)])
  return [...names].every(name => isAlike((a as Members)[name], (b as Members)[name]))
}

export const createReporter = (platform: Platform): Reporter => {
  /** uid → when status was written last */
  const written = new Map<string, number>()
  return {
    model: async (model, status, now) => {
      const { uid } = model.metadata
      if (isAlike(model.status, status)) return
      const isProgress = isAlike(withoutProgress(model.status), withoutProgress(status))
      if (isProgress && !isWorthIt(model.status, status, now.getTime() - (written.get(uid) ?? 0))) return
      written.set(uid, now.getTime())
      await platform.store.writeModelStatus(model, status)
      if (!isProgress) note(platform, model, status)
    },
    runtime: async (runtime, status, now) => {
      const { uid } = runtime.metadata
      if (isAlike(runtime.status, status)) return undefined
      const left = (written.get(uid) ?? 0) + progressEvery - now.getTime()
      if (left > 0 && isAlike(withoutDetail(runtime.status), withoutDetail(status))) return left
      written.set(uid, now.getTime())
      await platform.store.writeRuntimeStatus(runtime, status)
      note(platform, runtime, status)
      return undefined
    },
  }
}

const isWorthIt = (old: ModelStatus, next: ModelStatus, sinceMs: number): boolean =>
  sinceMs >= progressEvery && (next.progress?.percent ?? 0) !== (old.progress?.percent ?? 0)

/** An event only when the story goes on: another phase or another reason. */
const note = (platform: Platform, object: Model | Runtime, status: ModelStatus | RuntimeStatus): void => {
  const before = readyOf(object.status)
  const after = readyOf(status)
  if (!after || (object.status.phase === status.phase && before?.reason === after.reason)) return
  const isBad = (status.conditions ?? []).some(condition => condition.type === 'Stalled')
  platform.journal.write(object, {
    type: isBad ? 'Warning' : 'Normal',
    reason: after.reason,
    message: `${status.phase}: ${after.message}`,
  })
}

const readyOf = (status: ModelStatus | RuntimeStatus): Condition | undefined =>
  (status.conditions as Condition[] | undefined)?.find(condition => condition.type === 'Ready')
