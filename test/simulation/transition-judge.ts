// What holds of every change of a spec: it settles, says why it is not Ready, leaves what serves alone when it is bad, and can be taken back.
import { type Condition, findCondition, shortMessage } from '../../src/domain/conditions.ts'
import type { Model, Runtime } from '../../src/domain/object.ts'
import { podsOf } from '../../src/platform/memory/memory-pods.ts'
import type { Pod, World } from '../../src/platform/memory/memory-world.ts'
import { commit } from '../builders/memory-cast.ts'
import { modelIn, runtimeIn } from '../builders/memory-stage.ts'
import { picture } from './picture.ts'
import type { Transition } from './spec-transitions.ts'
import { spare } from './transition-worlds.ts'

const quietMs = 20_000

const restful: readonly (string | undefined)[] = [
  ...['Active', 'Idle', 'Observing', 'RolledBack', 'WaitingForModel'],
  ...['Ready', 'Blocked', 'Cancelled', 'Paused', 'Rejected', 'Waiting', 'Failed'],
]

const objectsIn = (world: World): readonly (Model | Runtime)[] => [
  ...world.runtimes.list(),
  ...world.models.list(),
]

/** An engine's key is waited for as long as it takes, also where a switch has touched nothing yet. */
const waitsForKey = ({ status }: Model | Runtime): boolean => {
  const open = 'switch' in status ? status.switch : undefined
  const isTold = (status.conditions ?? []).some(
    ({ type, reason }) => type === 'Ready' && reason === 'EngineKeyNeeded',
  )
  return isTold && (open ? open.step === 'Preflight' : status.phase === 'Degraded')
}

const isAtRest = (object: Model | Runtime): boolean => {
  const { metadata, status } = object
  const isOpen = 'switch' in status && status.switch !== undefined
  const rests = restful.includes(status.phase) && !isOpen
  return status.observedGeneration === metadata.generation && (rests || waitsForKey(object))
}

export interface Rest {
  /** nothing changed for a while, and nothing is under way */
  readonly isThere: () => boolean
  /** a key was looked at */
  readonly noteLook: (name: string) => void
  /** keys that are looked at again and again although nothing changes */
  readonly restless: () => readonly string[]
}

/** In the quiet time; an engine whose key is waited for is asked each second. */
const mostLooks = 25

export const watchRest = (world: World): Rest => {
  let changedAt = 0
  const looks = new Map<string, number>()
  const note = (): void => {
    looks.clear()
    changedAt = world.clock.now().getTime()
    // A world at rest has no moment of its own at which it could be looked at.
    world.clock.after(quietMs, () => undefined)
  }
  for (const table of [world.models, world.runtimes, world.pods, world.deployments]) table.subscribe(note)
  note()
  const isQuiet = (): boolean => world.clock.now().getTime() - changedAt >= quietMs
  return {
    isThere: () =>
      isQuiet() &&
      world.works.list().every(({ order }) => order.command === 'ask') &&
      objectsIn(world).every(isAtRest),
    noteLook: name => void looks.set(name, (looks.get(name) ?? 0) + 1),
    restless: () =>
      [...looks].filter(([, count]) => count > mostLooks).map(one => `looked at ${one.join(': ')}`),
  }
}

/** What clients of the Runtime meet. */
const servedBy = (world: World, deployment: string): readonly string[] => podsOf(world, deployment).map(shown)

const shown = ({ name, template, isReady, isInService, loaded }: Pod): string =>
  JSON.stringify({ name, recipe: template.recipe, args: template.args, isReady, isInService, loaded })

export interface Serving {
  readonly served: readonly string[]
  /** every moment at which something else was met */
  readonly disturbances: readonly string[]
  readonly stop: () => void
}

/** Looks at each change of a pod. */
export const watchServing = (world: World, runtime: string): Serving => {
  const deployment = `default/${runtime}`
  const served = servedBy(world, deployment)
  const disturbances: string[] = []
  const stop = world.pods.subscribe(() => {
    const now = servedBy(world, deployment)
    if (String(now) !== String(served)) disturbances.push(`${world.now()} ${now.join() || 'nothing'}`)
  })
  return { served, disturbances, stop }
}

/** These say that the wish was not followed: nothing may have been touched for it. */
const untouched: readonly (string | undefined)[] = [
  'Rejected',
  'Waiting',
  'WaitingForModel',
  'Observing',
  'Paused',
  'Degraded',
]

const condition = ({ status }: Model | Runtime, type: 'Ready' | 'Stalled'): Condition | undefined =>
  findCondition(status.conditions as readonly Condition[] | undefined, type)

const objectOf = (world: World, key: string): Model | Runtime => {
  const [kind, name = ''] = key.split('/')
  const found = kind === 'Model' ? modelIn(world, name) : runtimeIn(world, name)
  if (!found) throw new Error(`there is no ${key}`)
  return found
}

/** Not Ready, and no word why. */
const unexplained = (object: Model | Runtime): readonly string[] => {
  const ready = condition(object, 'Ready')
  const isSaid =
    ready && (ready.status === 'True' || (ready.reason !== 'Progressing' && ready.message !== ''))
  const isDefect = condition(object, 'Stalled')?.reason === 'Unexpected'
  return isSaid && !isDefect ? [] : [`${object.kind} ${object.metadata.name} says ${JSON.stringify(ready)}`]
}

/** A spec that the schema refuses: Stalled, with the field. Who paused it is told that first: the rules' order says so. */
const unnamed = (world: World, { key, invalid, after, fields }: Transition): readonly string[] => {
  const object = objectOf(world, key)
  if (invalid === undefined || object.status.phase === 'Paused') return []
  const stalled = condition(object, 'Stalled')
  const names = [
    ...(JSON.stringify(after).match(/\w+(?=":)/g) ?? []),
    ...fields.flatMap(field => field.split('.')),
  ]
  const isNamed = names.some(name => stalled?.message.includes(name))
  const isWhole = stalled?.message === shortMessage(invalid)
  return stalled?.reason === 'InvalidSpec' && isNamed && isWhole ? [] : [`not told: ${invalid}`]
}

/** A Model that is paused, or waits for a Runtime beside, is served as before: its arguments may be edited. */
const isBadModel = ({ kind, status: { phase } }: Model | Runtime, fields: readonly string[]): boolean => {
  if (kind !== 'Model' || phase === 'Ready') return false
  const isEdited = fields.some(field => field.startsWith('Model.engineArgs'))
  return phase === 'Rejected' || phase === 'Failed' || !isEdited
}

const disturbed = (
  world: World,
  { cast, key, invalid, fields }: Transition,
  serving: Serving,
): readonly string[] => {
  const [runtime, object] = [objectOf(world, `Runtime/${cast.runtime}`), objectOf(world, key)]
  const { phase } = runtime.status
  const isBad = invalid !== undefined || untouched.includes(phase) || isBadModel(object, fields)
  return isBad ? serving.disturbances.slice(0, 2) : []
}

/** A rollback recovers what served; only who asked for Stop is left without. */
const unrecovered = (world: World, { cast }: Transition, { served }: Serving): readonly string[] => {
  const { spec, status } = objectOf(world, `Runtime/${cast.runtime}`) as Runtime
  if (status.phase === 'Failed' && spec.switch.onFailure !== 'Stop')
    return ['nothing serves after a failed switch']
  const now = servedBy(world, `default/${cast.runtime}`)
  const isBack = String(now.map(withoutName)) === String(served.map(withoutName))
  return status.phase === 'RolledBack' && !isBack ? [`rolled back to ${now}`] : []
}

const withoutName = (pod: string): string => pod.replace(/"name":"[^"]*",/, '')

export const judge = (world: World, transition: Transition, serving: Serving): readonly string[] => [
  ...objectsIn(world).flatMap(unexplained),
  ...unnamed(world, transition),
  ...disturbed(world, transition, serving),
  ...unrecovered(world, transition, serving),
]

const conditionsOf = (object: Model | Runtime) =>
  (object.status.conditions as readonly Condition[]).map(({ type, status, reason }) => ({
    type,
    status,
    reason,
  }))

/**
 * All that people and clients can tell a world by. Not the other Deployment: an adopted one that a Runtime names no more is let go as
 * it is. Works are those on bytes: a key is shown whenever somebody wants to know.
 */
export const endOf = (world: World) => {
  const { models, runtimes, deployments, stored } = picture(world)
  const pods = world.pods.list().filter(pod => pod.deployment !== `default/${spare}`)
  return {
    // History grows.
    models: models.map(({ history: _, ...kept }) => kept),
    runtimes: runtimes.map(({ history: _, last: __, ...kept }) => kept),
    conditions: objectsIn(world).map(one => [one.metadata.name, conditionsOf(one)]),
    pods: pods.map(({ template, isReady, isInService, loaded }) => ({
      template,
      isReady,
      isInService,
      loaded,
    })),
    deployments: deployments.filter(({ name }) => name !== spare),
    // A copy is removed as a whole: what another revision left goes with its Model.
    stored: stored.map(copies => copies.filter(path => !path.endsWith(commit('f')))),
    works: world.works.list().filter(({ order }) => order.command !== 'ask').length,
  }
}

export type End = ReturnType<typeof endOf>
