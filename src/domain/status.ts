// Observation + decision + outcome → the status to write. The only place where conditions are put together.
import { type Condition, mergeConditions, type Reason, reasons, shortMessage } from './conditions.ts'
import { displayModel, displayRuntime } from './crd-display.ts'
import type { ModelDecision, RuntimeDecision } from './decision.ts'
import type { Copy, ModelStatus } from './model.ts'
import { type CopyPlan, isVerified } from './model-copies.ts'
import { nextOperations } from './model-history.ts'
import { planAll } from './model-rules.ts'
import { copyKey, type ModelFacts } from './model-settle.ts'
import { isProblem, type RuntimeObservation } from './observation.ts'
import type { WorkView } from './platform.ts'
import { toPercent } from './progress.ts'
import type { RuntimeStatus } from './runtime.ts'
import { activeOf, goneReason, isSame, newestPod, proofOf, toServed, wantedOf } from './runtime-facts.ts'

type Fact = Omit<Condition, 'lastTransitionTime' | 'observedGeneration'>

const fact = (type: Condition['type'], status: Condition['status'], reason: Reason, message = ''): Fact => ({
  type,
  status,
  reason,
  message: shortMessage(message || reasons[reason].means),
})

const withoutAbsent = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T

/** The status of a Model after this pass. */
export const nextModelStatus = (facts: ModelFacts, decision: ModelDecision): ModelStatus => {
  const { seen, status } = facts
  const plans = facts.resolved ? planAll(facts) : []
  const copies = nextCopies(facts, decision, plans)
  const progress = sumProgress(facts, copies)
  const draft = withoutAbsent({
    ...status,
    ...decision.change,
    observedGeneration: seen.model.metadata.generation,
    phase: decision.phase,
    copies,
    progress,
    inUseBy: [...seen.usedBy],
  }) as ModelStatus
  const generation = seen.model.metadata.generation
  const conditions = modelConditions(facts, decision, plans).map(c => ({
    ...c,
    observedGeneration: generation,
  }))
  return {
    ...draft,
    display: displayModel(seen.model.spec, draft),
    operations: nextOperations(facts, decision, draft),
    conditions: mergeConditions((status.conditions ?? []) as Condition[], conditions, seen.now),
  }
}

const copyPhase = (plan: CopyPlan): Copy['phase'] =>
  plan.phase === 'Resolving' ||
  plan.phase === 'Rejected' ||
  plan.phase === 'Paused' ||
  plan.phase === 'Deleting'
    ? 'Pending'
    : plan.phase

const nextCopies = (facts: ModelFacts, decision: ModelDecision, plans: readonly CopyPlan[]): Copy[] => {
  const { namespace } = facts.seen.model.metadata
  const wanted = plans.flatMap(plan => toCopy(facts, plan))
  const keys = wanted.map(copy => copyKey(namespace, copy))
  const others = (facts.status.copies ?? []).filter(copy => !keys.includes(copyKey(namespace, copy)))
  return [...wanted, ...others.map(copy => markLeaving(namespace, copy, decision))]
}

const markLeaving = (namespace: string, copy: Copy, decision: ModelDecision): Copy => {
  const key = copyKey(namespace, copy)
  const leaves = decision.actions.some(
    a => a.do === 'startWork' && a.identity.command === 'remove' && a.volume?.key === key,
  )
  return leaves ? { ...copy, phase: 'Removing' } : copy
}

const toCopy = (facts: ModelFacts, plan: CopyPlan): Copy[] => {
  const { volume, copy, runtimes, work } = plan.wanted
  if (!volume) return []
  const isReady = plan.phase === 'Ready'
  const isNamed = copy?.isNamed || runtimes.some(runtime => runtime.why === 'Named')
  const { reason: _, message: __, ...kept } = copy ?? { origin: 'Fetched' as const }
  const bytesDone = isReady ? facts.resolved?.bytes : (doneBytes(work) ?? copy?.bytesDone)
  return [
    {
      ...kept,
      claim: volume.claim,
      subPath: volume.subPath,
      runtimes: runtimes.map(runtime => runtime.name).sort(),
      isNamed,
      phase: copyPhase(plan),
      ...(bytesDone === undefined ? {} : { bytesDone }),
      ...(isReady ? {} : { reason: plan.reason, message: shortMessage(plan.message) }),
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
  return [...list, ...downloadedCondition(facts, plans), ...detectedCondition(facts)]
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

/** The status of a Runtime after this pass. */
export const nextRuntimeStatus = (seen: RuntimeObservation, decision: RuntimeDecision): RuntimeStatus => {
  const { runtime, ledger } = seen
  const draft = withoutAbsent({
    ...runtime.status,
    ...decision.change,
    observedGeneration: runtime.metadata.generation,
    phase: decision.phase,
    strategy: seen.strategy,
    ...(ledger ? { storage: storageOf(ledger) } : {}),
  }) as RuntimeStatus
  const display = displayRuntime(draft)
  const { display: _, ...rest } = draft
  const generation = runtime.metadata.generation
  const conditions = runtimeConditions(seen, decision, draft).map(c => ({
    ...c,
    observedGeneration: generation,
  }))
  return {
    ...rest,
    ...(display ? { display } : {}),
    conditions: mergeConditions((runtime.status.conditions ?? []) as Condition[], conditions, seen.now),
  }
}

const storageOf = (ledger: NonNullable<RuntimeObservation['ledger']>) => ({
  ...(ledger.quotaBytes === undefined ? {} : { quotaBytes: ledger.quotaBytes }),
  usedBytes: ledger.usedBytes,
  reservedBytes: ledger.reservedBytes,
})

const movingPhases: readonly string[] = [
  'Switching',
  'RollingBack',
  'SwitchDue',
  'WaitingForModel',
  'Waiting',
  'Degraded',
  'Deleting',
]

const runtimeConditions = (
  seen: RuntimeObservation,
  decision: RuntimeDecision,
  next: RuntimeStatus,
): Fact[] => {
  const { phase, reason, message } = decision
  const isCommitted = phase === 'Active' && decision.change?.active !== undefined
  const serving = isCommitted ? fact('Serving', 'True', 'Active', message) : servingFact(seen, next)
  const isFirst = !seen.runtime.status.conditions?.length && !decision.isStalled
  const list = [readyFact(seen, decision, serving, isFirst)]
  if (movingPhases.includes(phase)) list.push(fact('Reconciling', 'True', reason, message))
  if (decision.isStalled) list.push(fact('Stalled', 'True', reason, message))
  return [...list, serving, activeFact(seen, decision, next), deploymentFact(seen), storageFact(seen)]
}

const readyFact = (
  seen: RuntimeObservation,
  decision: RuntimeDecision,
  serving: Fact,
  isFirst: boolean,
): Fact => {
  const { phase, reason, message } = decision
  if (phase === 'Active' || phase === 'Idle') return fact('Ready', 'True', reason, message)
  if (phase === 'Observing')
    return fact('Ready', serving.status === 'True' ? 'True' : 'False', reason, message)
  if (phase === 'Paused') return fact('Ready', pausedReady(seen) ? 'True' : 'False', reason, message)
  return isFirst ? fact('Ready', 'Unknown', 'Progressing', message) : fact('Ready', 'False', reason, message)
}

const pausedReady = (seen: RuntimeObservation): boolean =>
  Boolean(seen.committed && !goneReason(seen, seen.committed) && seen.runtime.status.active)

/** Something proved, or at least answering as found, is there for clients. */
const servingFact = (seen: RuntimeObservation, next: RuntimeStatus): Fact => {
  const pod = newestPod(seen)
  const isUp = Boolean(
    pod?.isReady && seen.engine?.answer.state === 'Answers' && !seen.engine.answer.isAsleep,
  )
  const isHalfway =
    next.switch !== undefined && next.switch.step !== 'Preflight' && next.switch.step !== 'Draining'
  if (!isUp || isHalfway)
    return fact('Serving', 'False', next.switch ? 'Switching' : 'ModelGone', 'no model answers')
  const { committed } = seen
  if (!committed) return fact('Serving', 'True', next.active ? 'Active' : 'Observing', 'the engine answers')
  const gone = goneReason(seen, committed)
  const proof = proofOf(seen, committed)
  if (gone ?? (proof && !proof.isProved))
    return fact('Serving', 'False', gone?.reason ?? 'ProofFailed', gone?.message ?? proof?.message)
  return fact('Serving', 'True', 'Active', `${committed.model} answers`)
}

const activeFact = (seen: RuntimeObservation, decision: RuntimeDecision, next: RuntimeStatus): Fact => {
  const wanted = wantedOf(seen)
  const active = next.active
    ? { model: next.active.model, revision: next.active.revision, recipe: next.active.recipe }
    : activeOf(seen)
  if (decision.phase === 'Active') return fact('ModelActive', 'True', 'Active', decision.message)
  const isIt = wanted && isSame(active, toServed(wanted)) && decision.phase !== 'Degraded' && !next.switch
  return isIt
    ? fact('ModelActive', 'True', 'Active', `${wanted.model} is active`)
    : fact('ModelActive', 'False', decision.reason, decision.message)
}

const deploymentFact = ({ serving }: RuntimeObservation): Fact => {
  const pod = serving.pods.find(one => one.isReady && !one.isLeaving)
  if (!serving.exists)
    return fact('DeploymentAvailable', 'False', 'DeploymentNotFound', serving.problems[0]?.message)
  if (pod) return fact('DeploymentAvailable', 'True', 'Available', `pod ${pod.name} is ready`)
  const trouble = serving.pods[0]?.problem
  return fact(
    'DeploymentAvailable',
    'False',
    trouble?.reason ?? 'Progressing',
    trouble?.message ?? 'no pod is ready',
  )
}

const storageFact = ({ volume }: RuntimeObservation): Fact =>
  isProblem(volume)
    ? fact('StorageHealthy', 'False', volume.reason, volume.message)
    : fact('StorageHealthy', 'True', 'Healthy', `claim ${volume.claim} at ${volume.mountPath}`)
