// The Model life cycle: ordered rules, the first that speaks decides, and its name is the phase.

import { canServe, formatOf } from './artifact.ts'
import { laneState, retryWords, untilRetry } from './attempts.ts'
import type { Reason } from './conditions.ts'
import { decideBy, type ModelAction, type ModelDecision, type ModelPhase, type Rule } from './decision.ts'
import { isCancelled } from './model-cancel.ts'
import { type CopyPlan, ownerOf, planCopy, taskBase, tokenOf, wantedCopies } from './model-copies.ts'
import { leavingCopies, removeCopies } from './model-removal.ts'
import { hasEnded, isPresentResolve, type ModelFacts, resolveSubject, unsettled } from './model-settle.ts'
import { isProblem } from './observation.ts'

type Speak = (facts: ModelFacts) => ModelDecision | undefined

const deleting: Speak = facts => {
  const { metadata, spec } = facts.seen.model
  if (!metadata.deletionTimestamp) return undefined
  const said = { phase: 'Deleting' as const, reason: 'Deleting' as const }
  const cancels = cancelAll(facts, work => work.command !== 'remove')
  const { usedBy, isTerminating } = facts.seen
  if (usedBy.length > 0 && !isTerminating) {
    const message = `used by ${usedBy.join(', ')}; make another model active there`
    return { ...said, reason: 'ModelInUse', message, actions: cancels, again: 30_000 }
  }
  const goes = {
    ...said,
    message: 'every copy is gone',
    actions: [...cancelAll(facts), { do: 'releaseFinalizer' as const }],
  }
  if (spec.deletionPolicy === 'Retain' || isTerminating) return { ...goes, message: 'the bytes stay' }
  const removal = removeCopies(facts, facts.status.copies ?? [])
  if (removal.isDone && facts.status.passedOn) {
    const message = 'every copy is gone; what other Models keep of them is being counted there'
    return { ...said, message, actions: cancels, again: 1_000 }
  }
  if (removal.isDone && removal.message)
    return { ...goes, reason: 'BytesLeft', message: removal.message, isStalled: true }
  if (removal.isDone) return goes
  return { ...said, message: removal.message, actions: [...cancels, ...removal.actions], again: 10_000 }
}

const paused: Speak = facts =>
  facts.seen.model.spec.paused
    ? {
        phase: 'Paused',
        reason: 'Paused',
        message: 'spec.paused is set; what was fetched stays',
        actions: cancelAll(facts),
      }
    : undefined

const rejected: Speak = facts => {
  const { model } = facts.seen
  const no = (reason: Reason, message: string): ModelDecision => ({
    phase: 'Rejected',
    reason,
    message,
    actions: cancelAll(facts),
    isStalled: true,
  })
  if (model.invalid) return no('InvalidSpec', model.invalid)
  const source = formatOf(model.spec.source, facts.resolved?.format)
  const misfit = facts.seen.runtimes.find(
    r => r.why === 'Named' && r.engine && source && !canServe(r.engine, source),
  )
  if (!misfit) return undefined
  return no(
    'EngineCannotServe',
    `spec.runtimes: ${misfit.name} runs ${misfit.engine}, which cannot serve ${source}; name a runtime of another engine`,
  )
}

/** Verified copies stay in use; what is half there stays for the next try. */
const cancelled: Speak = facts =>
  isCancelled(facts.status) && !(facts.resolved && planAll(facts).every(plan => plan.phase === 'Ready'))
    ? {
        phase: 'Cancelled',
        reason: 'Cancelled',
        message: 'cancelled; what was fetched stays: switchyard retry, or a change of spec, goes on',
        actions: cancelAll(facts),
        isStalled: true,
      }
    : undefined

const runningResolve = ({ seen, status }: ModelFacts) =>
  seen.works.find(work => !hasEnded(work) && isPresentResolve(seen.sourceHash, status, work))

const resolving: Speak = facts => {
  if (facts.resolved) return undefined
  const said = { phase: 'Resolving' as const, reason: 'Resolving' as const }
  const work = runningResolve(facts)
  if (work?.notStarted) return undefined
  if (work) return { ...said, message: 'asking the source for commit and files', actions: cancelStale(facts) }
  const note = facts.status.failure
  const state = laneState(note, facts.seen.now)
  if (state === 'Fresh' || state === 'Due') {
    return (
      waitForVolume(facts) ??
      waitForPlace(facts) ?? {
        ...said,
        message: 'asking the source for commit and files',
        actions: [...cancelStale(facts), startResolve(facts)],
      }
    )
  }
  if (!note || state !== 'Backoff') return undefined
  return {
    ...said,
    reason: note.reason as Reason,
    message: note.message + retryWords(note),
    actions: [],
    again: untilRetry(note, facts.seen.now),
  }
}

/** A folder is looked for on the volume of the first Runtime that wants it and has one. */
const volumeOfFolder = ({ seen }: ModelFacts) =>
  seen.model.spec.source.local
    ? seen.runtimes.map(one => one.volume).find(volume => !isProblem(volume))
    : undefined

const waitForVolume = (facts: ModelFacts): ModelDecision | undefined => {
  const { seen } = facts
  if (!seen.model.spec.source.local || volumeOfFolder(facts)) return undefined
  const [first] = seen.runtimes
  const trouble =
    first && isProblem(first.volume)
      ? { reason: first.volume.reason, message: `runtime ${first.name}: ${first.volume.message}` }
      : {
          reason: 'NothingWanted' as const,
          message: 'a folder is looked for where a Runtime wants it: name one',
        }
  return { phase: 'Resolving', ...trouble, actions: cancelStale(facts), again: 15_000 }
}

/** Who is first is called when a place is free; looking by itself is for what was missed, and the rarer the longer the line. */
const waitForPlace = (facts: ModelFacts): ModelDecision | undefined => {
  const { running, limit, ahead } = facts.seen.resolves
  if (running + ahead < limit) return undefined
  return {
    phase: 'Resolving',
    reason: 'Queued',
    message: `${running} of ${limit} resolves run, ${ahead} wait before this one`,
    actions: [...cancelStale(facts), { do: 'standInLine' }],
    again: Math.min(600, 15 + ahead) * 1000,
  }
}

const startResolve = (facts: ModelFacts): ModelAction => {
  const volume = volumeOfFolder(facts)
  const where = volume && !isProblem(volume) ? { volume, layout: volume.layout } : undefined
  return {
    do: 'startWork',
    identity: unsettled(
      facts,
      { owner: ownerOf(facts), command: 'resolve', attempt: (facts.status.failure?.attempts ?? 0) + 1 },
      round => resolveSubject(facts.seen.sourceHash, round),
    ),
    task: { command: 'resolve', ...taskBase(facts), ...(where ? { layout: where.layout } : {}) },
    ...(where ? { volume: where.volume } : {}),
    ...tokenOf(facts),
  }
}

/** Works of a source that is not wanted any more. */
const cancelStale = (facts: ModelFacts): ModelAction[] =>
  cancelAll(facts, work => work.command === 'resolve' && work !== runningResolve(facts))

const cancelAll = (
  { seen }: ModelFacts,
  which: (work: ModelFacts['seen']['works'][number]) => boolean = () => true,
): ModelAction[] =>
  seen.works
    .filter(work => !hasEnded(work) && which(work))
    .map(work => ({ do: 'cancelWork' as const, id: work.id }))

/** A rule about the resolve work's failure, then about every copy's plan. */
const failed: Speak = facts => {
  const note = facts.resolved ? undefined : facts.status.failure
  const state = laneState(note, facts.seen.now)
  if (note && (state === 'Over' || state === 'Access')) {
    const again = state === 'Access' ? { again: untilRetry(note, facts.seen.now) } : {}
    const message = note.message + retryWords(note)
    return { phase: 'Failed', reason: note.reason as Reason, message, actions: [], isStalled: true, ...again }
  }
  return captioned(facts, 'Failed', true)
}

const waiting: Speak = facts => {
  const work = facts.resolved ? undefined : runningResolve(facts)
  if (work?.notStarted) {
    return { phase: 'Waiting', ...work.notStarted, actions: cancelStale(facts), again: 10_000 }
  }
  const note = facts.resolved ? undefined : facts.status.failure
  if (note && laneState(note, facts.seen.now) === 'Waiting') {
    const message = note.message + retryWords(note)
    return {
      phase: 'Waiting',
      reason: note.reason as Reason,
      message,
      actions: [],
      again: untilRetry(note, facts.seen.now),
    }
  }
  return captioned(facts, 'Waiting')
}

/** Every plan's actions, under the caption of the first plan that stands in this phase. */
const captioned = (facts: ModelFacts, phase: ModelPhase, isStalled = false): ModelDecision | undefined => {
  if (!facts.resolved) return undefined
  const plans = planAll(facts)
  const first = plans.find(plan => plan.phase === phase)
  if (!first) return undefined
  const { reason, message } = first
  return { phase, reason, message, ...(isStalled ? { isStalled } : {}), ...together(facts, plans) }
}

export const planAll = (facts: ModelFacts): CopyPlan[] =>
  wantedCopies(facts).map(wanted => planCopy(facts, wanted))

/** At most one new download per pass and free place, so that the limit holds. */
const together = (facts: ModelFacts, plans: readonly CopyPlan[]) => {
  const { running, limit } = facts.seen.downloads
  const starts = plans.flatMap(plan => plan.actions).slice(0, Math.max(0, limit - running))
  const waits = plans.flatMap(plan => (plan.again === undefined ? [] : [plan.again]))
  const leaving = removeCopies(facts, leavingCopies(facts))
  return {
    actions: [...starts, ...cancelStale(facts), ...leaving.actions],
    ...(waits.length > 0 ? { again: Math.min(...waits) } : {}),
  }
}

const ready: Speak = facts => {
  const plans = planAll(facts)
  const copies = plans.length
  const done = { phase: 'Ready' as const, ...together(facts, plans) }
  if (copies === 0) return { ...done, reason: 'NothingWanted', message: 'no Runtime wants a copy' }
  return {
    ...done,
    reason: 'Downloaded',
    message: copies === 1 ? 'the copy is verified' : `all ${copies} copies are verified`,
  }
}

export const modelRules: readonly Rule<ModelFacts, ModelDecision>[] = [
  ['Deleting', deleting],
  ['Paused', paused],
  ['Rejected', rejected],
  ['Cancelled', cancelled],
  ['Resolving', resolving],
  ['Failed', failed],
  ['Blocked', facts => captioned(facts, 'Blocked')],
  ['Waiting', waiting],
  ['Queued', facts => captioned(facts, 'Queued')],
  ['Downloading', facts => captioned(facts, 'Downloading')],
  ['Verifying', facts => captioned(facts, 'Verifying')],
  ['Ready', ready],
]

export const decideModel = (facts: ModelFacts): ModelDecision => decideBy(modelRules, facts)
