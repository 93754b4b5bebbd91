// What a Model's status says after a pass: its copies, its progress, and the facts behind its conditions.

import { shortMessage } from './conditions.ts'
import type { ModelDecision } from './decision.ts'
import { type Fact, fact, withoutAbsent } from './fact.ts'
import { budgetOf } from './ledger.ts'
import type { Copy, ModelStatus } from './model.ts'
import { isCancelled } from './model-cancel.ts'
import { type CopyPlan, isVerified } from './model-copies.ts'
import { planAll } from './model-rules.ts'
import { copyKey, hasEnded, type ModelFacts } from './model-settle.ts'
import type { WorkView } from './platform.ts'
import { wordsOf } from './platform-words.ts'
import { toPercent } from './progress.ts'

/** As many as the schema of the status takes; the server would refuse the whole status for one more. */
const mostRuntimes = 32

export interface ModelSaid {
  /** without history, display and conditions */
  readonly draft: ModelStatus
  readonly conditions: readonly Fact[]
}

export const sayModel = (facts: ModelFacts, decision: ModelDecision): ModelSaid => {
  const { seen, status } = facts
  const plans = facts.resolved ? planAll(facts).map(plan => asItStands(plan, decision)) : []
  const copies = nextCopies(facts, decision, plans)
  const draft = withoutAbsent({
    ...status,
    ...decision.change,
    observedGeneration: seen.model.metadata.generation,
    phase: decision.phase,
    copies,
    progress: sumProgress(facts, copies),
    ...(decision.phase === 'Ready' && isCancelled(status) ? { failure: undefined } : {}),
    inUseBy: seen.usedBy.slice(0, mostRuntimes),
  }) as ModelStatus
  return { draft, conditions: modelConditions(facts, decision, plans) }
}

/** Of what a person has stopped nothing is on its way, whatever was planned. */
const asItStands = (plan: CopyPlan, { phase, reason, message }: ModelDecision): CopyPlan =>
  (phase === 'Paused' || phase === 'Cancelled') && plan.phase !== 'Ready'
    ? { ...plan, phase, reason, message }
    : plan

const copyPhase = (plan: CopyPlan): Copy['phase'] =>
  plan.phase === 'Resolving' ||
  plan.phase === 'Rejected' ||
  plan.phase === 'Paused' ||
  plan.phase === 'Cancelled' ||
  plan.phase === 'Deleting'
    ? 'Pending'
    : plan.phase

const nextCopies = (facts: ModelFacts, decision: ModelDecision, plans: readonly CopyPlan[]): Copy[] => {
  const { namespace } = facts.seen.model.metadata
  const wanted = plans.flatMap(plan => toCopy(facts, plan))
  const keys = wanted.map(copy => copyKey(namespace, copy))
  const others = (facts.status.copies ?? []).filter(copy => !keys.includes(copyKey(namespace, copy)))
  return [...wanted, ...others.map(copy => markLeaving(facts, copy, decision))]
}

const markLeaving = ({ seen }: ModelFacts, copy: Copy, decision: ModelDecision): Copy => {
  const key = copyKey(seen.model.metadata.namespace, copy)
  const begins = decision.actions.some(
    a => a.do === 'startWork' && a.identity.command === 'remove' && a.volume?.key === key,
  )
  const runs = seen.works.some(work => work.command === 'remove' && work.volume === key && !hasEnded(work))
  return begins || runs ? { ...copy, phase: 'Removing' } : copy
}

const toCopy = (facts: ModelFacts, plan: CopyPlan): Copy[] => {
  const { volume, copy, runtimes, work } = plan.wanted
  if (!volume) return []
  const isReady = plan.phase === 'Ready'
  const isNamed = copy?.isNamed || runtimes.some(runtime => runtime.why === 'Named')
  const { reason, message, ...kept } = copy ?? { origin: 'Fetched' as const }
  const note = message && !reason ? { message } : {}
  const bytesDone = isReady ? facts.resolved?.bytes : (doneBytes(work) ?? copy?.bytesDone)
  return [
    {
      ...kept,
      claim: volume.claim,
      subPath: volume.subPath,
      runtimes: runtimes
        .map(runtime => runtime.name)
        .sort()
        .slice(0, mostRuntimes),
      isNamed,
      phase: copyPhase(plan),
      ...(bytesDone === undefined ? {} : { bytesDone }),
      ...(isReady ? note : { reason: plan.reason, message: shortMessage(plan.message) }),
    },
  ]
}

const doneBytes = (work: WorkView | undefined): number | undefined =>
  work?.command === 'download' ? work.progress?.bytesDone : undefined

/** Bytes of all wanted copies together; 100 % only when every one is verified. */
const sumProgress = (facts: ModelFacts, copies: readonly Copy[]): ModelStatus['progress'] => {
  const { resolved, seen } = facts
  const wanted = copies.filter(copy => copy.phase !== 'Removing' && copy.runtimes.length > 0)
  if (!resolved || wanted.length === 0) return undefined
  const before = seen.model.status.progress
  const bytesTotal = resolved.bytes * wanted.length
  const sum = wanted.reduce((total, copy) => total + Math.min(copy.bytesDone ?? 0, resolved.bytes), 0)
  const isAll = wanted.every(copy => copy.phase === 'Ready')
  const isSameSum =
    before?.bytesTotal === bytesTotal && seen.model.status.resolved?.revision === resolved.revision
  const bytesDone = isSameSum && !isAll ? Math.max(sum, Math.min(before.bytesDone, bytesTotal)) : sum
  const percent = isAll ? 100 : Math.min(99, toPercent(bytesDone, bytesTotal))
  const running = seen.works.find(work => work.command === 'download' && work.phase === 'Running')?.progress
  return withoutAbsent({
    percent,
    bytesDone: isAll ? bytesTotal : bytesDone,
    bytesTotal,
    bytesPerSecond: running?.bytesPerSecond === undefined ? undefined : Math.round(running.bytesPerSecond),
    etaSeconds: running?.etaSeconds === undefined ? undefined : Math.round(running.etaSeconds),
  }) as NonNullable<ModelStatus['progress']>
}

const stillFor: readonly string[] = [
  'Resolving',
  'Queued',
  'Downloading',
  'Verifying',
  'Waiting',
  'Blocked',
  'Deleting',
]

const modelConditions = (facts: ModelFacts, decision: ModelDecision, plans: readonly CopyPlan[]): Fact[] => {
  const { phase, reason, message } = decision
  const isReady = phase === 'Ready'
  const isFirst = !facts.seen.model.status.conditions?.length && !decision.isStalled
  const ready = isReady ? 'True' : isFirst ? 'Unknown' : 'False'
  const list = [fact('Ready', ready, isFirst && !isReady ? 'Progressing' : reason, message)]
  if (stillFor.includes(phase)) list.push(fact('Reconciling', 'True', reason, message))
  if (decision.isStalled) list.push(fact('Stalled', 'True', reason, message))
  if (facts.resolved) list.push(fact('Resolved', 'True', 'Resolved', `revision ${facts.resolved.revision}`))
  else
    list.push(
      fact(
        'Resolved',
        facts.status.failure ? 'False' : 'Unknown',
        phase === 'Resolving' ? 'Resolving' : reason,
        message,
      ),
    )
  return [
    ...list,
    ...downloadedCondition(facts, plans),
    ...detectedCondition(facts),
    ...fitCondition(facts, plans),
  ]
}

const downloadedCondition = (facts: ModelFacts, plans: readonly CopyPlan[]): Fact[] => {
  const wanted = plans.filter(plan => plan.wanted.volume)
  const { resolved } = facts
  if (!resolved || wanted.length === 0) return []
  const missing = wanted.find(
    p => p.wanted.volume && !isVerified(p.wanted.copy, resolved.revision, p.wanted.volume),
  )
  return missing
    ? [fact('Downloaded', 'False', missing.reason, missing.message)]
    : [fact('Downloaded', 'True', 'Downloaded', 'every byte of every wanted copy is verified')]
}

const detectedCondition = ({ resolved, status }: ModelFacts): Fact[] => {
  if (!resolved) return []
  return status.capabilities
    ? [fact('CapabilitiesDetected', 'True', 'Detected')]
    : [fact('CapabilitiesDetected', 'False', 'NotDetected')]
}

/** About bytes; memory is not known here. The first volume that does not fit speaks, then the first of which nothing is known. */
const fitCondition = (facts: ModelFacts, plans: readonly CopyPlan[]): Fact[] => {
  const fits = plans.flatMap(plan => fitOf(facts, plan) ?? [])
  const worst = fits.find(one => one.status === 'False') ?? fits.find(one => one.status === 'Unknown')
  return worst ? [worst] : fits.slice(0, 1)
}

/** Exact where the worker measured; else what the quota tells: shared bytes may be there already, so too little of it proves nothing. */
const fitOf = (
  { seen, resolved }: ModelFacts,
  { wanted, phase, reason, message }: CopyPlan,
): Fact | undefined => {
  const { volume, copy } = wanted
  if (!volume || !resolved) return undefined
  const place = wordsOf(seen).placeOf(volume)
  if (phase === 'Blocked') return fact('ResourcesFit', 'False', reason, message)
  if (isVerified(copy, resolved.revision, volume))
    return fact('ResourcesFit', 'True', 'Fits', `the bytes are on ${place}`)
  const ledger = seen.ledgers.get(volume.key)
  const left = ledger && budgetOf(ledger)
  if (left === undefined)
    return fact('ResourcesFit', 'Unknown', 'FitUnknown', `no quota of ${place} is known`)
  return resolved.bytes <= left
    ? fact('ResourcesFit', 'True', 'Fits', `within the quota of ${place}`)
    : fact(
        'ResourcesFit',
        'Unknown',
        'FitUnknown',
        `${resolved.bytes} bytes, and the quota of ${place} has less left: the worker tells what is there already`,
      )
}
