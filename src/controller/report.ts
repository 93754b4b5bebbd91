// Writes what was decided into status: once per pass, only when different, progress not oftener than people can read.
import type { Condition } from '../domain/conditions.ts'
import type { ModelStatus } from '../domain/model.ts'
import { type Key, keyOf, type Model, type Runtime } from '../domain/object.ts'
import type { Note, Platform } from '../domain/platform.ts'
import type { RuntimeStatus } from '../domain/runtime.ts'
import { createWriteTimes, type WriteTimes } from './write-times.ts'

/** Both answer milliseconds after which to look again, when what changed was small enough to wait. */
export interface Reporter {
  model(model: Model, status: ModelStatus, now: Date): Promise<number | undefined>
  runtime(runtime: Runtime, status: RuntimeStatus, now: Date): Promise<number | undefined>
  /** The last word about an object that goes with this pass and leaves something to a person. */
  farewell(object: Model | Runtime, said: Pick<Note, 'reason' | 'message'>): void
  /** the object is gone */
  forget(key: Key): void
}

const detailEvery = 5_000
/** At most 34 writes for one download. */
const percentStep = 3
/** A position in a line, a number in a sentence: nobody acts on it. */
const wordsEvery = 60_000

/** Fields that move all the time while bytes come; all else is written at once, the words that a person must act on too. */
const withoutProgress = (status: ModelStatus) => {
  const { progress: _, display: __, copies, conditions, ...rest } = status
  const still = copies?.map(({ bytesDone: _b, message: _m, ...copy }) => copy)
  const isStalled = conditions?.some(({ type }) => type === 'Stalled')
  const facts = conditions?.map(({ type, status: value, reason, message }) => ({
    ...{ type, value, reason },
    ...(isStalled ? { message } : {}),
  }))
  return { ...rest, copies: still, facts }
}

/** What a person reads, without the percent of a download: that has its own measure. */
const wordsOf = ({ conditions, copies }: ModelStatus): readonly string[] =>
  [...(conditions ?? []), ...(copies ?? [])].map(({ message = '' }) =>
    message.replace(/fetching: \d+%/, 'fetching'),
  )

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
  const times = createWriteTimes()
  return {
    model: async (model, status, now) => {
      if (isAlike(model.status, status)) return undefined
      const key = keyOf(model)
      const isSmall = isAlike(withoutProgress(model.status), withoutProgress(status))
      const left = isSmall
        ? untilSmallChange(times, model, { status, now })
        : isStillResolving(model.status, status)
          ? times.untilDue(key, detailEvery, now.getTime())
          : 0
      if (left === undefined) return undefined
      if (left > 0) return left
      times.written(key, now.getTime())
      await platform.store.writeModelStatus(model, status)
      if (!isSmall) note(platform, model, status)
      return undefined
    },
    runtime: async (runtime, status, now) => {
      if (isAlike(runtime.status, status)) return undefined
      const key = keyOf(runtime)
      const left = times.untilDue(key, detailEvery, now.getTime())
      if (left > 0 && isAlike(withoutDetail(runtime.status), withoutDetail(status))) return left
      times.written(key, now.getTime())
      await platform.store.writeRuntimeStatus(runtime, status)
      note(platform, runtime, status)
      return undefined
    },
    farewell: (object, { reason, message }) =>
      platform.journal.write(object, { type: 'Warning', reason, message }),
    forget: key => times.forget(key),
  }
}

interface Change {
  readonly status: ModelStatus
  readonly now: Date
}

/** Milliseconds; undefined = not worth a write. */
const untilSmallChange = (times: WriteTimes, model: Model, { status, now }: Change): number | undefined => {
  const every = spacingOf(model.status, status)
  return every === undefined ? undefined : times.untilTurn(keyOf(model), every, now.getTime())
}

/** Ready=Unknown stands while the first resolve runs: nobody could do more with the next word, and most end before it is due. */
const isStillResolving = (old: ModelStatus, next: ModelStatus): boolean =>
  old.phase === 'Resolving' &&
  next.phase === 'Resolving' &&
  readyOf(old)?.reason === 'Progressing' &&
  readyOf(next)?.reason === 'Resolving' &&
  isAlike(withoutReady(old), withoutReady(next))

const withoutReady = (status: ModelStatus) => {
  const { facts, ...rest } = withoutProgress(status)
  return { ...rest, facts: facts?.filter(({ type }) => type !== 'Ready' && type !== 'Reconciling') }
}

/** Undefined: not worth a write. */
const spacingOf = (old: ModelStatus, next: ModelStatus): number | undefined => {
  const moved = Math.abs((next.progress?.percent ?? 0) - (old.progress?.percent ?? 0))
  if (moved >= percentStep) return detailEvery
  return isAlike(wordsOf(old), wordsOf(next)) ? undefined : wordsEvery
}

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
