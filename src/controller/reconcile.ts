// One look at one key: observe → decide → act → report. The only place of the loop that catches.
import type { ModelDecision, RuntimeDecision } from '../domain/decision.ts'
import type { Recipe } from '../domain/engine.ts'
import { Failure, NotSupported, Rejected, Waiting } from '../domain/failure.ts'
import { decideModel } from '../domain/model-rules.ts'
import { hasEnded, settleModel } from '../domain/model-settle.ts'
import { finalizer, type Key, type Model, parseKey, type Runtime } from '../domain/object.ts'
import type { RuntimeObservation } from '../domain/observation.ts'
import { newestPodOf, proofLeeway } from '../domain/runtime-facts.ts'
import { failBack, failSwitch } from '../domain/runtime-outcome.ts'
import { conclude, decideRuntime } from '../domain/runtime-rules.ts'
import { nextDefectStatus, nextModelStatus, nextRuntimeStatus } from '../domain/status.ts'
import { type Actor, actOnModel, actOnRuntime } from './act.ts'
import { clearAsks, type ToClear } from './ask-works.ts'
import { observeModel } from './observe-model.ts'
import { observeRuntime } from './observe-runtime.ts'
import type { Reporter } from './report.ts'

/** Look again after that many milliseconds; undefined waits for a change. */
type Again = number | undefined

export interface Passed {
  readonly again: Again
  /** milliseconds that it may be sooner; absent = none */
  readonly leeway?: number
  /** nothing but this is to be proved next, as long as nothing happens; absent = everything is looked at */
  readonly proves?: Recipe
  /** what was asked for was refused, and a person must act */
  readonly isRefused: boolean
}

export interface Reconciler {
  readonly actor: Actor
  readonly reporter: Reporter
}

/** Throws only what is worth a backoff. */
export const reconcile = async (reconciler: Reconciler, key: Key): Promise<Passed> => {
  const { kind, ...ref } = parseKey(key)
  const { platform, turns } = reconciler.actor.models
  const { store } = platform
  if (store.isBehind(key)) return passed(50)
  if (kind === 'Model') {
    const model = store.getModel(ref)
    if (model && !hasLeft(model)) return guarded(reconciler, model, () => reconcileModel(reconciler, model))
    turns.leave(key)
  } else {
    const runtime = store.getRuntime(ref)
    if (runtime && !hasLeft(runtime))
      return guarded(reconciler, runtime, () => reconcileRuntime(reconciler, runtime))
  }
  reconciler.reporter.forget(key)
  return passed(undefined)
}

/** Instead of a look at a Runtime that rests; undefined when it must be looked at after all. */
export const renewProof = async (
  { actor }: Reconciler,
  key: Key,
  recipe: Recipe,
): Promise<Passed | undefined> => {
  const { platform, engines, watch } = actor.runtimes
  const runtime = platform.store.getRuntime(parseKey(key))
  if (!runtime || !(await watch.renew(runtime, engines[runtime.spec.engine], recipe))) return undefined
  const again = runtime.spec.proof.intervalSeconds * 1000
  return { again, leeway: proofLeeway(runtime), proves: recipe, isRefused: false }
}

/** A defect is somebody's who reads the log; whoever reads only the object must not take it for ready. */
const guarded = async (
  { actor, reporter }: Reconciler,
  object: Model | Runtime,
  look: () => Promise<Passed>,
): Promise<Passed> => {
  try {
    return await look()
  } catch (error) {
    const now = actor.clock.now()
    if (!(error instanceof Failure)) await tellDefect(reporter, object, { error, now }).catch(() => undefined)
    throw error
  }
}

const tellDefect = async (
  reporter: Reporter,
  object: Model | Runtime,
  { error, now }: { readonly error: unknown; readonly now: Date },
): Promise<void> => {
  if (object.kind === 'Model') await reporter.model(object, nextDefectStatus(object, error, now), now)
  else await reporter.runtime(object, nextDefectStatus(object, error, now), now)
}

const sooner = (one: Again, other: Again): Again => (one === undefined ? other : Math.min(one, other ?? one))

const passed = (again: Again, outcome?: Outcome): Passed => ({
  again,
  isRefused: outcome !== undefined && !(outcome instanceof Waiting),
})

const needsFinalizer = ({ metadata }: Model | Runtime): boolean =>
  !metadata.deletionTimestamp && !metadata.finalizers.includes(finalizer)

const hasLeft = ({ metadata }: Model | Runtime): boolean =>
  metadata.deletionTimestamp !== undefined && !metadata.finalizers.includes(finalizer)

const reconcileModel = async ({ actor, reporter }: Reconciler, model: Model): Promise<Passed> => {
  const { platform, turns } = actor.models
  if (needsFinalizer(model)) {
    await platform.store.setFinalizer(model, true)
    return passed(undefined)
  }
  const seen = observeModel(actor.models, model, actor.clock.now())
  const facts = settleModel(seen)
  const decision = decideModel(facts)
  const outcome = await outcomeOf(() => actOnModel(actor, model, decision.actions))
  if (seen.works.some(work => work.command === 'resolve' && hasEnded(work))) turns.callFirst()
  if (decision.actions.some(action => action.do === 'releaseFinalizer') && !outcome) {
    if (decision.isStalled) reporter.farewell(model, decision)
    await forgetSettled(actor, model)
    return passed(undefined)
  }
  const said = outcome
    ? { ...decision, ...saying(outcome), phase: phaseOf(outcome) ?? decision.phase }
    : decision
  const left = await reporter.model(model, nextModelStatus(facts, said as ModelDecision), seen.now)
  // Last: status never waits for what is only cleared away.
  await forgetSettled(actor, model)
  return passed(sooner(left, said.again), outcome)
}

/** A work goes after its result stands in the stored status, never before; one that a leader of before began once more is ended. */
const forgetSettled = async (actor: Actor, model: Model): Promise<void> => {
  const { work } = actor.models.platform
  const { namespace } = model.metadata
  const settled = model.status.settledWorks ?? []
  for (const view of work.list(model.metadata)) {
    if (!settled.includes(view.id)) continue
    await (hasEnded(view) ? work.forget(view.id, namespace) : work.cancel(view.id, namespace))
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

const reconcileRuntime = async ({ actor, reporter }: Reconciler, runtime: Runtime): Promise<Passed> => {
  if (needsFinalizer(runtime)) {
    await actor.runtimes.platform.store.setFinalizer(runtime, true)
    return passed(undefined)
  }
  const { platform } = actor.runtimes
  const { seen, decision } = await decideFreshly(actor, runtime)
  const asks = platform.work.list(runtime.metadata)
  if (asks.length > 0) await clearAsks(platform.work, asks, toClear(actor, seen))
  const outcome = await outcomeOf(() => actOnRuntime(actor, runtime, decision.actions))
  if (decision.actions.some(action => action.do === 'releaseFinalizer') && !outcome) return passed(undefined)
  if (decision.hold && !outcome) return passed(decision.again)
  const said = outcome ? afterTrouble(seen, decision, outcome) : decision
  const left = await reporter.runtime(runtime, nextRuntimeStatus(seen, said), seen.now)
  const { leeway } = said
  const isQuiet = leeway && !outcome && !left
  return { ...passed(sooner(left, said.again), outcome), ...(isQuiet ? { leeway, ...resting(seen) } : {}) }
}

const resting = ({ committed, engine }: RuntimeObservation): Pick<Passed, 'proves'> =>
  committed && engine?.proof?.isProved ? { proves: committed.recipe } : {}

interface Decided {
  readonly seen: RuntimeObservation
  readonly decision: RuntimeDecision
}

/** A switch begins on what the engine says now, not on what it said a while ago. */
const decideFreshly = async ({ clock, runtimes }: Actor, runtime: Runtime): Promise<Decided> => {
  const { uid } = runtime.metadata
  const look = async (): Promise<Decided> => {
    const seen = await observeRuntime(runtimes, runtime, () => clock.now())
    return { seen, decision: decideRuntime(seen) }
  }
  const first = await look()
  if (runtime.status.switch || !first.decision.change?.switch) return first
  runtimes.watch.expire(uid)
  runtimes.watch.forgetLoad(uid)
  return look()
}

const toClear = ({ runtimes }: Actor, { runtime, serving }: RuntimeObservation): ToClear => {
  const heard = runtime.spec.apiKeySecretRef ? runtimes.watch.asks.heard(runtime.metadata.uid) : undefined
  return { namespace: runtime.metadata.namespace, pod: newestPodOf(serving.pods), heard }
}

/** What a person must mend ends an open switch; what passes is said and waited for. */
const afterTrouble = (
  seen: RuntimeObservation,
  decision: RuntimeDecision,
  outcome: Outcome,
): RuntimeDecision => {
  const open = seen.runtime.status.switch
  if (open && !(outcome instanceof Waiting)) {
    const turn = open.step === 'RollingBack' ? failBack : failSwitch
    return conclude(seen, turn({ seen, open }, outcome.reason, outcome.message))
  }
  return { ...decision, ...saying(outcome), ...(open ? {} : { phase: phaseOf(outcome) }) }
}
