// Carries out each action that a rule asked for, in order; what it throws says when to look again.
import type { ModelAction, RuntimeAction, StartWork } from '../domain/decision.ts'
import { NotSupported, Transient } from '../domain/failure.ts'
import { workId } from '../domain/model-settle.ts'
import type { Key } from '../domain/object.ts'
import { keyOf, type Model, type Runtime } from '../domain/object.ts'
import type { Clock, WorkOrder } from '../domain/platform.ts'
import { newestPodOf } from '../domain/runtime-facts.ts'
import type { ModelSources } from './observe-model.ts'
import type { RuntimeSources } from './observe-runtime.ts'

export interface Actor {
  readonly clock: Clock
  readonly models: ModelSources
  readonly runtimes: RuntimeSources
  /** asks for another look at a key, from outside its own pass */
  readonly wake: (key: Key) => void
}

export const actOnModel = async (
  actor: Actor,
  model: Model,
  actions: readonly ModelAction[],
): Promise<void> => {
  for (const action of actions) await actOnce(actor, model, action)
}

const actOnce = (actor: Actor, model: Model, action: ModelAction): Promise<void> => {
  const { platform } = actor.models
  const { namespace } = model.metadata
  switch (action.do) {
    case 'startWork':
      return startWork(actor, action)
    case 'cancelWork':
      return platform.work.cancel(action.id, namespace)
    case 'forgetWork':
      return platform.work.forget(action.id, namespace)
    case 'releaseFinalizer':
      return platform.store.setFinalizer(model, false)
  }
}

const startWork = async (
  { clock, models }: Actor,
  { identity, task, volume, tokenSecret }: StartWork,
): Promise<void> => {
  const { platform, started, digest } = models
  const id = workId(digest, identity)
  const { namespace } = identity.owner
  const name = volume ? [...volume.runtimes].sort()[0] : undefined
  const runtime = name === undefined ? undefined : platform.store.getRuntime({ namespace, name })
  const order: WorkOrder = {
    ...identity,
    id,
    task,
    ...(volume ? { volume } : {}),
    ...(tokenSecret ? { tokenSecret } : {}),
    ...(runtime ? { runtime } : {}),
  }
  const startedAt = clock.now().toISOString()
  started.add({ ...identity, id, phase: 'Starting', startedAt, ...(volume ? { volume: volume.key } : {}) })
  await platform.work.start(order).catch(error => {
    if (!(error instanceof Transient)) started.drop(id)
    throw error
  })
}

export const actOnRuntime = async (
  actor: Actor,
  runtime: Runtime,
  actions: readonly RuntimeAction[],
): Promise<void> => {
  for (const action of actions)
    await (actOnServing(actor, runtime, action) ?? actOnEngine(actor, runtime, action))
}

/** Actions on the process; undefined for an action on the engine inside it. */
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

const callTimeout = 60_000

const actOnEngine = async (actor: Actor, runtime: Runtime, action: RuntimeAction): Promise<void> => {
  const { platform, engines, watch } = actor.runtimes
  const engine = engines[runtime.spec.engine]
  const pod = newestPodOf(platform.servings.observe(runtime).pods)
  const address = pod?.address
  if (action.do === 'prove') {
    const result = await watch.prove(runtime, engine, action.recipe)
    // An open switch has waited for this: the second until the next look would be downtime.
    if (result?.isProved && pod?.isReady && runtime.status.switch) actor.wake(keyOf(runtime))
  } else if (action.do === 'load')
    watch.load(runtime, engine, action.recipe, () => actor.wake(keyOf(runtime)))
  else if (action.do === 'unload' && address) await engine.unload(address, action.keep, callTimeout)
  else if (action.do === 'commit' && address) await engine.commit(address, action.recipe)
  if (action.do === 'unload') watch.expire(runtime.metadata.uid)
}
