// What must hold at every moment of every run; a breach is noted in `world.violations`.
// The world itself notes: two pods or two models on one device, two workers on one volume, bytes taken from under an engine,
// a running work forgotten, a switch before the Deployment was exclusive, a status that breaks its schema.
import { type Condition, findCondition } from '../../src/domain/conditions.ts'
import type { Model, Runtime } from '../../src/domain/object.ts'
import type { World } from '../../src/platform/memory/memory-world.ts'

/** Looks at each status when it is written. */
export const watchInvariants = (world: World): void => {
  world.models.subscribe(({ name }) => checkModel(world, world.models.get(name)))
  world.runtimes.subscribe(({ name }) => checkRuntime(world, world.runtimes.get(name)))
}

const isReady = ({ status }: Model | Runtime): boolean =>
  findCondition(status.conditions as readonly Condition[] | undefined, 'Ready')?.status === 'True'

/** Ready=True says of each copy that its bytes were verified where they must be. */
const checkModel = (world: World, model: Model | undefined): void => {
  if (!model || !isReady(model)) return
  const { namespace, name, uid } = model.metadata
  for (const copy of model.status.copies ?? []) {
    const claim = world.claims.get(`${namespace}/${copy.claim}`)
    if (copy.phase !== 'Ready' || !claim || claim.uid !== copy.claimUID) continue
    const isThere = claim.copies.some(one => one.owner === uid && one.revision === copy.revision)
    if (!isThere) world.violations.push(`Model ${name} is Ready without its bytes on ${copy.claim}`)
  }
}

/** Ready=True with an active model says that a proof went well on a pod that was there. */
export const checkRuntime = (world: World, runtime: Runtime | undefined): void => {
  if (!runtime || !isReady(runtime) || runtime.status.phase !== 'Active') return
  const { namespace, name: own, generation } = runtime.metadata
  // An edit that nobody has seen yet, perhaps of the Deployment's name.
  if (runtime.status.observedGeneration !== generation) return
  const name = runtime.spec.kubernetes?.deploymentName ?? own
  const model = world.models.get(`${namespace}/${runtime.status.active?.model}`)
  const revision = runtime.status.active?.revision ?? '?'
  const proofs = [...world.proved].filter(one => one.startsWith(`${namespace}/${name}-`))
  if (model && !proofs.some(one => one.endsWith(revision)))
    world.violations.push(`Runtime ${own} is Ready with ${model.metadata.name}, which nobody proved`)
}
