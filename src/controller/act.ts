// Carries out each action that a rule asked for, in order; what it throws says when to look again.
import { type Condition, findCondition } from '../domain/conditions.ts'
import type { ModelAction, RuntimeAction, StartWork } from '../domain/decision.ts'
import type { Recipe } from '../domain/engine.ts'
import { NotSupported, Rejected, Transient, Waiting } from '../domain/failure.ts'
import { workId } from '../domain/model-settle.ts'
import type { Key } from '../domain/object.ts'
import { keyOf, type Model, type Runtime } from '../domain/object.ts'
import type { Clock, PodSight, WorkOrder, WorkView } from '../domain/platform.ts'
import { newestPodOf } from '../domain/runtime-facts.ts'
import type { ModelSources } from './observe-model.ts'
import type { RuntimeSources } from './observe-runtime.ts'

export interface Actor {
  readonly clock: Clock
  readonly models: ModelSources
  readonly runtimes: RuntimeSources
  /** asks for another look at a key, from outside its own pass */
  readonly wake: (key: Key) => void
  /** whether we lead for sure at this moment; absent where nobody else could */
  readonly mayChange?: () => boolean
}

export const actOnModel = async (
  actor: Actor,
  model: Model,
  actions: readonly ModelAction[],
): Promise<void> => {
  const { started, turns } = actor.models
  const orders = actions.map(action => (action.do === 'startWork' ? toOrder(actor, action) : undefined))
  // At once, before anybody waits: passes that run beside this one must count them, so that limits hold.
  for (const order of orders) if (order) started.add(toView(actor, order))
  if (actions.some(action => action.do === 'standInLine')) turns.stand(keyOf(model))
  else turns.leave(keyOf(model))
  for (const [at, action] of actions.entries()) {
    await actOnce(actor, model, action, orders[at]).catch(error => {
      // What was sent and not answered may run.
      for (const order of orders.slice(error instanceof Transient ? at + 1 : at))
        if (order) started.drop(order.id)
      throw error
    })
  }
}

const actOnce = async (
  actor: Actor,
  model: Model,
  action: ModelAction,
  order: WorkOrder | undefined,
): Promise<void> => {
  const { store, work } = actor.models.platform
  const { namespace } = model.metadata
  switch (action.do) {
    case 'startWork':
      return order && work.start(order)
    case 'cancelWork':
      return work.cancel(action.id, namespace)
    case 'forgetWork':
      return work.forget(action.id, namespace)
    case 'releaseFinalizer':
      return store.setFinalizer(model, false)
    case 'standInLine':
      return
  }
}

const toOrder = (
  { models }: Actor,
  { identity, task, volume, tokenSecret, mirrorSecrets }: StartWork,
): WorkOrder => {
  const { namespace } = identity.owner
  const name = volume ? [...volume.runtimes].sort()[0] : undefined
  const runtime = name === undefined ? undefined : models.platform.store.getRuntime({ namespace, name })
  return {
    ...identity,
    id: workId(models.digest, identity),
    task,
    ...(volume ? { volume } : {}),
    ...(tokenSecret ? { tokenSecret } : {}),
    ...(mirrorSecrets ? { mirrorSecrets } : {}),
    ...(runtime ? { runtime } : {}),
  }
}

const toView = ({ clock }: Actor, order: WorkOrder): WorkView => {
  const { owner, command, subject, attempt, id, volume } = order
  const startedAt = clock.now().toISOString()
  const where = volume ? { volume: volume.key } : {}
  return { owner, command, subject, attempt, id, phase: 'Starting', startedAt, ...where }
}

export const actOnRuntime = async (
  actor: Actor,
  runtime: Runtime,
  actions: readonly RuntimeAction[],
): Promise<void> => {
  for (const action of actions)
    await (actOnServing(actor, runtime, action) ?? actOnEngine(actor, runtime, action))
}

/** Actions on the process and beside it; undefined for an action on the engine inside it. */
const actOnServing = (actor: Actor, runtime: Runtime, action: RuntimeAction): Promise<void> | undefined => {
  const { servings, store } = actor.runtimes.platform
  switch (action.do) {
    case 'prepare':
      return servings.prepare(runtime)
    case 'apply':
      return servings.apply(runtime, action.launch)
    case 'revert':
      return servings.revert(runtime, action.hash)
    case 'scale':
      return servings.scale(runtime, action.replicas)
    case 'setInService':
      return servings.setInService(runtime, action.pod, action.isInService).catch(ignoreNotSupported)
    case 'restore':
      return servings.restore(runtime)
    case 'checkKey':
      return askWithKey(actor, runtime, undefined)
    case 'release':
      return servings.release(runtime)
    case 'releaseFinalizer':
      return store.setFinalizer(runtime, false)
    default:
      return undefined
  }
}

/** Where the Service cannot tell pods apart, the engine's grace period is the drain. */
const ignoreNotSupported = (error: unknown): void => {
  if (!(error instanceof NotSupported)) throw error
}

/** What is still loaded afterwards, the engine's list tells at the next look. */
const ignoreTransient = (error: unknown): void => {
  if (!(error instanceof Transient)) throw error
}

const unloadTimeout = 5_000

/** An API server refuses what a deposed leader sends, an engine does not: it is asked as the call goes out, as for a write. */
const assertLeading = ({ mayChange }: Actor): void => {
  if (mayChange && !mayChange())
    throw new Transient('ApiUnavailable', 'the lease is in doubt: the engine is left as it is')
}

/** Whoever reads status believes that it answers. */
const isSaidToServe = ({ status }: Runtime): boolean =>
  findCondition(status.conditions as Condition[] | undefined, 'Serving')?.status === 'True'

const actOnEngine = (actor: Actor, runtime: Runtime, action: RuntimeAction): Promise<void> =>
  action.do === 'prove' ? prove(actor, runtime, action.recipe) : changeEngine(actor, runtime, action)

const podOf = ({ runtimes }: Actor, runtime: Runtime): PodSight | undefined =>
  newestPodOf(runtimes.platform.servings.observe(runtime).pods)

const prove = async (actor: Actor, runtime: Runtime, recipe: Recipe): Promise<void> => {
  const { engines, watch } = actor.runtimes
  const result = await watch.prove(runtime, engines[runtime.spec.engine], recipe)
  if (!result && runtime.spec.apiKeySecretRef) await askWithKey(actor, runtime, recipe)
  // An open switch has waited for this: the second until the next look would be downtime.
  const isAwaited = result?.isProved && podOf(actor, runtime)?.isReady && runtime.status.switch
  if (isAwaited || (result?.isProved === false && isSaidToServe(runtime))) actor.wake(keyOf(runtime))
}

const changeEngine = async (actor: Actor, runtime: Runtime, action: RuntimeAction): Promise<void> => {
  const { engines, watch } = actor.runtimes
  const engine = engines[runtime.spec.engine]
  const address = podOf(actor, runtime)?.address
  assertLeading(actor)
  if (action.do === 'load') watch.load(runtime, engine, action.recipe, () => actor.wake(keyOf(runtime)))
  else if (action.do === 'unload' && address)
    await engine
      .unload(address, action.keep, unloadTimeout)
      .then(() => watch.noteUnload(runtime.metadata.uid), ignoreTransient)
  else if (action.do === 'commit' && address) await engine.commit(address, action.recipe)
  if (action.do === 'unload') watch.expire(runtime.metadata.uid)
}

/** The operator has no key: a worker that mounts it asks. What hinders that worker never ends a switch. */
const askWithKey = async (actor: Actor, runtime: Runtime, recipe: Recipe | undefined): Promise<void> => {
  const { platform, watch, digest } = actor.runtimes
  const pod = podOf(actor, runtime)
  const works = platform.work.list(runtime.metadata)
  const order = pod && watch.asks.next({ runtime, pod, recipe, works, digest })
  if (!order) return
  const { uid } = runtime.metadata
  try {
    await platform.work.start(order)
    watch.asks.noteStart(uid, order.attempt)
  } catch (error) {
    if (!(error instanceof Rejected || error instanceof Waiting)) throw error
    watch.asks.noteRefusal(uid, { reason: error.reason, message: error.message })
  }
}
