// One look at one key: observe → decide → act → report. The only place of the loop that catches.
import type { ModelDecision, RuntimeDecision } from '../domain/decision.ts'
import { NotSupported, Rejected, Transient, Waiting } from '../domain/failure.ts'
import { decideModel } from '../domain/model-rules.ts'
import { settleModel } from '../domain/model-settle.ts'
import { finalizer, type Key, type Model, parseKey, type Runtime } from '../domain/object.ts'
import type { RuntimeObservation } from '../domain/observation.ts'
import { failSwitch } from '../domain/runtime-outcome.ts'
import { decideRuntime } from '../domain/runtime-rules.ts'
import { nextModelStatus, nextRuntimeStatus } from '../domain/status.ts'
import { type Actor, actOnModel, actOnRuntime } from './act.ts'
import { observeModel } from './observe-model.ts'
import { observeRuntime } from './observe-runtime.ts'
import type { Reporter } from './report.ts'

/** Look again after that many milliseconds; undefined waits for a change. */
export type Again = number | undefined

export interface Reconciler {
  readonly actor: Actor
  readonly reporter: Reporter
}

/** Throws only what is worth a backoff. */
export const reconcile = async (reconciler: Reconciler, key: Key): Promise<Again> => {
  const { kind, ...ref } = parseKey(key)
  const { store } = reconciler.actor.models.platform
  if (store.isBehind(key)) return 50
  if (kind === 'Model') {
    const model = store.getModel(ref)
    return model && reconcileModel(reconciler, model)
  }
  const runtime = store.getRuntime(ref)
  return runtime && reconcileRuntime(reconciler, runtime)
}

const needsFinalizer = ({ metadata }: Model | Runtime): boolean =>
  !metadata.deletionTimestamp && !metadata.finalizers.includes(finalizer)

const hasLeft = ({ metadata }: Model | Runtime): boolean =>
  metadata.deletionTimestamp !== undefined && !metadata.finalizers.includes(finalizer)

const reconcileModel = async ({ actor, reporter }: Reconciler, model: Model): Promise<Again> => {
  if (hasLeft(model)) return undefined
  if (needsFinalizer(model)) return void (await actor.models.platform.store.setFinalizer(model, true))
  const seen = observeModel(actor.models, model, actor.clock.now())
  const facts = settleModel(seen)
  const decision = decideModel(facts)
  await forgetSettled(actor, model)
  const outcome = await outcomeOf(() => actOnModel(actor, model, decision.actions))
  if (decision.actions.some(action => action.do === 'releaseFinalizer') && !outcome) return undefined
  const said = outcome
    ? { ...decision, ...saying(outcome), phase: phaseOf(outcome) ?? decision.phase }
    : decision
  await reporter.model(model, nextModelStatus(facts, said as ModelDecision), seen.now)
  return said.again
}

/** A work goes after its result stands in the stored status, never before. */
const forgetSettled = async (actor: Actor, model: Model): Promise<void> => {
  const { work } = actor.models.platform
  const settled = model.status.settledWorks ?? []
  for (const view of work.list(model.metadata)) {
    if (settled.includes(view.id)) await work.forget(view.id, model.metadata.namespace)
  }
}

type Outcome = Rejected | Waiting | NotSupported

/** Undefined when all went well; a failure that status must tell; others are thrown on. */
const outcomeOf = async (act: () => Promise<void>): Promise<Outcome | undefined> => {
  try {
    await act()
    return undefined
  } catch (error) {
    if (error instanceof Rejected || error instanceof Waiting || error instanceof NotSupported) return error
    throw error
  }
}

const saying = (outcome: Outcome) => ({
  reason: outcome.reason,
  message: outcome.message,
  isStalled: !(outcome instanceof Waiting),
  again: outcome instanceof Waiting ? outcome.afterMs : 60_000,
})

const phaseOf = (outcome: Outcome): 'Waiting' | 'Rejected' =>
  outcome instanceof Waiting ? 'Waiting' : 'Rejected'

const reconcileRuntime = async ({ actor, reporter }: Reconciler, runtime: Runtime): Promise<Again> => {
  if (hasLeft(runtime)) return undefined
  if (needsFinalizer(runtime)) return void (await actor.runtimes.platform.store.setFinalizer(runtime, true))
  const seen = await observeRuntime(actor.runtimes, runtime, () => actor.clock.now())
  const decision = decideRuntime(seen)
  if (decision.phase === 'SwitchDue') actor.runtimes.watch.forgetLoad(runtime.metadata.uid)
  const outcome = await outcomeOf(() => actOnRuntime(actor, runtime, decision.actions))
  if (decision.actions.some(action => action.do === 'releaseFinalizer') && !outcome) return undefined
  if (decision.hold && !outcome) return decision.again
  const said = outcome ? afterTrouble(seen, decision, outcome) : decision
  const left = await reporter.runtime(runtime, nextRuntimeStatus(seen, said), seen.now)
  return left === undefined ? said.again : Math.min(left, said.again ?? left)
}

/** What a person must mend ends an open switch; what passes is said and waited for. */
const afterTrouble = (
  seen: RuntimeObservation,
  decision: RuntimeDecision,
  outcome: Outcome,
): RuntimeDecision => {
  const open = seen.runtime.status.switch
  if (open && !(outcome instanceof Waiting) && open.step !== 'RollingBack') {
    return failSwitch({ seen, open }, outcome.reason, outcome.message)
  }
  return { ...decision, ...saying(outcome), ...(open ? {} : { phase: phaseOf(outcome) }) }
}

/** Whether the error says by itself that trying again may help. */
export const isTransient = (error: unknown): boolean => error instanceof Transient
