// Observation + decision + outcome → the status to write. The only place where conditions are put together.

import { type Condition, mergeConditions } from './conditions.ts'
import { displayModel, displayRuntime } from './crd-display.ts'
import type { ModelDecision, RuntimeDecision } from './decision.ts'
import { type Fact, fact, withoutAbsent } from './fact.ts'
import { budgetOf } from './ledger.ts'
import type { ModelStatus } from './model.ts'
import { nextOperations } from './model-history.ts'
import type { ModelFacts } from './model-settle.ts'
import { sayModel } from './model-status.ts'
import type { Model, Runtime } from './object.ts'
import { type Candidate, isProblem, type RuntimeObservation } from './observation.ts'
import { wordsOf } from './platform-words.ts'
import type { RuntimeStatus } from './runtime.ts'
import { goneReason, isSame, newestPod, proofOf, toServed, wantedOf } from './runtime-facts.ts'

/** The facts, joined into the conditions that stand. */
const joined = ({ metadata, status }: Model | Runtime, facts: readonly Fact[], now: Date): Condition[] => {
  const next = facts.map(one => ({ ...one, observedGeneration: metadata.generation }))
  return mergeConditions((status.conditions ?? []) as Condition[], next, now)
}

/** The status of a Model after this pass. */
export const nextModelStatus = (facts: ModelFacts, decision: ModelDecision): ModelStatus => {
  const { seen } = facts
  const { draft, conditions } = sayModel(facts, decision)
  return {
    ...draft,
    display: displayModel(seen.model.spec, draft),
    operations: nextOperations(facts, decision, draft),
    conditions: joined(seen.model, conditions, seen.now),
  }
}

/** After a pass that broke: what was true may be so still, but nobody has looked. */
export const nextDefectStatus = <T extends ModelStatus | RuntimeStatus>(
  object: (Model | Runtime) & { readonly status: T },
  error: unknown,
  now: Date,
): T => {
  const message = `a defect: ${error instanceof Error ? error.message : String(error)}`
  const replaced: readonly string[] = ['Ready', 'Reconciling', 'Stalled']
  const others = ((object.status.conditions ?? []) as Condition[]).filter(one => !replaced.includes(one.type))
  const facts = [
    fact('Ready', 'Unknown', 'Unexpected', message),
    fact('Stalled', 'True', 'Unexpected', message),
  ]
  return { ...object.status, conditions: [...joined(object, facts, now), ...others] }
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
  return {
    ...rest,
    ...(display ? { display } : {}),
    conditions: joined(runtime, runtimeConditions(seen, decision, draft), seen.now),
  }
}

/** By the ledger alone: what the disk has free moves with every byte that anybody writes. */
const storageOf = (ledger: NonNullable<RuntimeObservation['ledger']>) => {
  const { quotaBytes, usedBytes, reservedBytes } = ledger
  const freeBytes = budgetOf(ledger)
  return withoutAbsent({ quotaBytes, usedBytes, reservedBytes, freeBytes })
}

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
  const active = activeFact(seen, decision, next)
  const served = isCommitted ? wantedOf(seen) : seen.committed
  const capable = capableFact(seen, serving.status === 'True' ? served : undefined)
  return [...list, serving, active, deploymentFact(seen), storageFact(seen), ...capable]
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

const pausedReady = (seen: RuntimeObservation): boolean => {
  const { committed } = seen
  if (!committed || !seen.runtime.status.active || goneReason(seen, committed)) return false
  return proofOf(seen, committed)?.isProved !== false
}

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
  const committed = next.active && seen.committed
  if (!committed) return fact('Serving', 'True', next.active ? 'Active' : 'Observing', 'the engine answers')
  const gone = goneReason(seen, committed)
  const proof = proofOf(seen, committed)
  if (gone ?? (proof && !proof.isProved))
    return fact('Serving', 'False', gone?.reason ?? 'ProofFailed', gone?.message ?? proof?.message)
  return fact('Serving', 'True', 'Active', `${committed.model} answers`)
}

const activeFact = (seen: RuntimeObservation, decision: RuntimeDecision, next: RuntimeStatus): Fact => {
  const wanted = wantedOf(seen)
  if (decision.phase === 'Active') return fact('ModelActive', 'True', 'Active', decision.message)
  const isIt =
    wanted && isSame(next.active, toServed(wanted)) && decision.phase !== 'Degraded' && !next.switch
  return isIt
    ? fact('ModelActive', 'True', 'Active', `${wanted.model} is active`)
    : fact('ModelActive', 'False', decision.reason, decision.message)
}

const deploymentFact = (seen: RuntimeObservation): Fact => {
  const { serving } = seen
  const { pod: word, noWorkload } = wordsOf(seen)
  const pod = serving.pods.find(one => one.isReady && !one.isLeaving)
  if (!serving.exists)
    return fact(
      'DeploymentAvailable',
      'False',
      'DeploymentNotFound',
      serving.problems[0]?.message ?? noWorkload,
    )
  if (pod) return fact('DeploymentAvailable', 'True', 'Available', `${word} ${pod.name} is ready`)
  const trouble = serving.pods[0]?.problem
  return fact(
    'DeploymentAvailable',
    'False',
    trouble?.reason ?? 'Progressing',
    trouble?.message ?? `no ${word} is ready`,
  )
}

const storageFact = (seen: RuntimeObservation): Fact => {
  const { volume } = seen
  if (isProblem(volume)) return fact('StorageHealthy', 'False', volume.reason, volume.message)
  const place = wordsOf(seen).placeOf(volume)
  const at = place.endsWith(volume.mountPath) ? '' : ` at ${volume.mountPath}`
  return fact('StorageHealthy', 'True', 'Healthy', `${place}${at}`)
}

const isCapable = ({ type }: Condition): boolean => type === 'CapabilitiesVerified'

/** Only of a model that is known to be the one that serves; a shorter context is somebody's choice. */
const capableFact = (seen: RuntimeObservation, served: Candidate | undefined): Fact[] => {
  const { engine, wantedModel, runtime } = seen
  if (!served || wantedModel?.metadata.name !== served.model) return []
  const before = (runtime.status.conditions as Condition[] | undefined)?.find(isCapable)
  // Too busy to list: what it said is so still.
  if (engine?.answer.state === 'Silent' && before) return [before]
  const told = engine?.answer.listed.find(one => one.isLoaded && one.identity === served.recipe.identity)
  const [said, known] = [told?.contextLength, wantedModel.status.capabilities?.contextLength]
  if (said === undefined || known === undefined)
    return [fact('CapabilitiesVerified', 'Unknown', 'CapabilitiesNotTold')]
  const both = `the engine takes ${said} tokens, the model ${known}`
  return said <= known
    ? [fact('CapabilitiesVerified', 'True', 'CapabilitiesAgree', both)]
    : [fact('CapabilitiesVerified', 'False', 'CapabilitiesDiffer', both)]
}
