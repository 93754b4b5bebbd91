// Two good Models and a good Runtime among hostile objects, on the real loop: what becomes of the good ones, and what the bad ones say.
import { type Condition, findCondition, shortMessage } from '../../src/domain/conditions.ts'
import type { Kind, Model, Runtime } from '../../src/domain/object.ts'
import { deleteObject, tableOf } from '../../src/platform/memory/memory-people.ts'
import type { World } from '../../src/platform/memory/memory-world.ts'
import { publish, writeModel, writeRuntime } from '../builders/memory-cast.ts'
import { onGpu } from '../builders/memory-scenes.ts'
import {
  addClaim,
  addDeployment,
  type Controller,
  createWorld,
  modelIn,
  runtimeIn,
  startController,
} from '../builders/memory-stage.ts'
import { randomOf } from '../simulation/random.ts'
import { meddle, putHostile } from './hostile-objects.ts'
import type { Random } from './hostile-values.ts'

export const perWorld = 100
const good = ['Model/default/a', 'Model/default/b', 'Runtime/default/gpu']

const setTheScene = (world: World): void => {
  onGpu(world)
  addClaim(world, 'poison')
  writeRuntime(world, 'gpu', 'VLLM', { activeModel: 'a' })
  writeModel(world, 'a')
  writeModel(world, 'b', { runtimes: [{ name: 'gpu' }] })
}

interface Poison {
  readonly kind: Kind
  readonly name: string
}

const addPoison = (world: World, random: Random): readonly Poison[] =>
  Array.from({ length: perWorld }, (_, n): Poison => {
    const kind = random() < 0.5 ? 'Model' : 'Runtime'
    const name = kind === 'Model' ? `p${n}` : `r-p${n}`
    if (random() < 0.3) publish(world, `org/${name}`, 'p', 1e9)
    if (kind === 'Runtime' && random() < 0.3) addDeployment(world, name, 'VLLM', { claim: 'poison' })
    putHostile(world, random, kind, name)
    return { kind, name }
  })

/** Every look at a key asks first whether its view is new enough. */
const countLooks = ({ process }: Controller): (() => number) => {
  let looks = 0
  const isBehind = process.isBehind.bind(process)
  process.isBehind = key => {
    if (good.includes(key)) looks++
    return isBehind(key)
  }
  return () => looks
}

const isAllGood = (world: World): boolean =>
  modelIn(world, 'a')?.status.phase === 'Ready' &&
  modelIn(world, 'b')?.status.phase === 'Ready' &&
  runtimeIn(world, 'gpu')?.status.phase === 'Active'

const objectOf = (world: World, { kind, name }: Poison): Model | Runtime | undefined =>
  tableOf(world, kind).get(`default/${name}`)

/** What may be said before the spec is judged: a switch that was open ends first, and a pause is a wish that can be read. */
const before = ['Paused', 'Switching', 'RollingBack']

/** Invalid ones must name the field in Ready; all others must say something that is in the table of reasons. */
const silent = (world: World, poison: Poison): readonly string[] => {
  const object = objectOf(world, poison)
  if (!object) return []
  const ready = findCondition(object.status.conditions as Condition[] | undefined, 'Ready')
  const about = `${poison.kind} ${poison.name} (${object.status.phase}, ${ready?.reason}: ${ready?.message})`
  if (!ready || ready.reason === 'Unexpected') return [`says nothing: ${about}`]
  if (object.invalid === undefined || before.includes(object.status.phase ?? '')) return []
  const isNamed = ready.reason === 'InvalidSpec' && ready.message === shortMessage(object.invalid)
  return isNamed && object.invalid.startsWith('spec') ? [] : [`does not name ${object.invalid}: ${about}`]
}

export const play = async (seed: number, isPoisoned: boolean) => {
  const random = randomOf(seed)
  const world = createWorld()
  setTheScene(world)
  Object.assign(world.script, { downloadSeconds: 4, loadSeconds: 4 })
  const poisons = isPoisoned ? addPoison(world, random) : []
  const controller = startController(world, {
    ...{ workers: 4, maxDownloads: 1000, maxResolves: 1000, random },
    onError: line => void world.violations.push(line.slice(0, 1_500)),
  })
  const looks = countLooks(controller)
  const isReady = await world.clock.until(() => isAllGood(world), 60_000)
  const readyAfter = world.clock.now().getTime()
  for (const { kind, name } of poisons) meddle(world, random, kind, name)
  await world.clock.run(30_000)
  const mute = poisons.flatMap(poison => silent(world, poison))
  const going = poisons.filter(() => random() < 0.5)
  for (const { kind, name } of going) deleteObject(world, kind, name)
  await world.clock.until(() => going.every(poison => stuck(world, poison).length === 0), 60_000)
  const left = going.flatMap(poison => stuck(world, poison))
  const isReadyStill = isAllGood(world)
  controller.stop()
  return { seed, isReady, isReadyStill, readyAfter, looks: looks(), violations: world.violations, mute, left }
}

/** Deleted a minute ago: gone, or it says what it waits for. Another's finalizer is another's to take away. */
const stuck = (world: World, poison: Poison): readonly string[] => {
  const object = objectOf(world, poison)
  if (!object || object.metadata.finalizers.every(one => one.startsWith('example.com/'))) return []
  const { phase, conditions } = object.status
  const ready = findCondition(conditions as Condition[] | undefined, 'Ready')
  return phase === 'Deleting' && ready?.message
    ? []
    : [`${poison.kind} ${poison.name}: ${phase} ${ready?.message}`]
}
