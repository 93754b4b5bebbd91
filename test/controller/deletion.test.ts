// Deletion ends, whatever is gone already: a table on the memory platform. What is left behind is told.
import { describe, expect, it } from 'vitest'
import { findCondition } from '../../src/domain/conditions.ts'
import { finalizer } from '../../src/domain/object.ts'
import { deleteObject, patchSpec, putObject, tableOf } from '../../src/platform/memory/memory-people.ts'
import type { World } from '../../src/platform/memory/memory-world.ts'
import { writeMadeRuntime, writeModel, writeRuntime } from '../builders/memory-cast.ts'
import { onGpu } from '../builders/memory-scenes.ts'
import { addClaim, createWorld, modelIn, runtimeIn, startController } from '../builders/memory-stage.ts'

const open = (scene: (world: World) => void) => {
  const world = createWorld()
  onGpu(world)
  scene(world)
  Object.assign(world.script, { downloadSeconds: 4, loadSeconds: 4 })
  const onError = (line: string): void => void world.violations.push(line)
  const start = () => startController(world, { onError })
  let controller = start()
  return {
    world,
    stop: () => controller.stop(),
    start: () => {
      controller = start()
    },
  }
}

const isGone = (world: World) => (): boolean => !modelIn(world, 'a') && !runtimeIn(world, 'gpu')
const isReady = (world: World) => (): boolean => modelIn(world, 'a')?.status.phase === 'Ready'
const storedIn = (world: World): number => world.claims.get('default/models')?.copies.length ?? 0
const named = (world: World): void => {
  writeRuntime(world, 'gpu', 'VLLM')
  writeModel(world, 'a', { runtimes: [{ name: 'gpu' }] })
}
const deletesModel = (world: World): void => deleteObject(world, 'Model', 'a')
const deletesBoth = (world: World): void => {
  deleteObject(world, 'Runtime', 'gpu')
  deletesModel(world)
}
const letRuntimeGo = (world: World): void => {
  deleteObject(world, 'Runtime', 'gpu')
}

interface Row {
  readonly name: string
  readonly scene?: (world: World) => void
  /** before the deletion, and how long it takes effect */
  readonly before?: (world: World) => void
  readonly deletes?: (world: World) => void
  readonly seconds?: number
  /** how many copies stay on the claim, and whether that is told */
  readonly left?: number
  readonly isTold?: boolean
}

const dropDeployment = (world: World): void => {
  world.deployments.drop('default/gpu')
}
const dropClaim = (world: World): void => {
  world.claims.drop('default/models')
}
const endNamespace = (world: World): void => {
  world.script.terminating.add('default')
}
const loseNode = (world: World): void => {
  const message = 'Unschedulable: 0/1 nodes are available: 1 node(s) had untolerated taint'
  world.script.workProblem = { reason: 'PodNotStarted', message }
}

const rows: readonly Row[] = [
  { name: 'a Model whose Runtime stays' },
  { name: 'a Model with its Runtime at once', deletes: deletesBoth, left: 1, isTold: true },
  { name: 'a Model whose Runtime is gone', before: letRuntimeGo, left: 1, isTold: true },
  { name: 'a Model whose Deployment is gone', before: dropDeployment, left: 1, isTold: true },
  { name: 'a Model whose claim is gone', before: dropClaim, left: 0, isTold: true },
  { name: 'a Model on a node that is lost', before: loseNode, seconds: 700, left: 1, isTold: true },
  {
    name: 'a Model in a namespace that is being deleted',
    before: endNamespace,
    deletes: deletesBoth,
    left: 1,
  },
  {
    name: 'an active Model and its Runtime in a namespace that is being deleted',
    scene: world => {
      writeRuntime(world, 'gpu', 'VLLM', { activeModel: 'a' })
      writeModel(world, 'a')
    },
    before: endNamespace,
    deletes: deletesBoth,
    left: 1,
  },
  {
    name: 'a Model that is being fetched while its claim goes',
    scene: world => {
      named(world)
      world.script.downloadSeconds = 60
    },
    before: dropClaim,
    isTold: true,
  },
  {
    name: 'a made Runtime whose Deployment somebody deleted',
    scene: world => {
      dropDeployment(world)
      writeMadeRuntime(world, 'gpu', { activeModel: 'a' })
      writeModel(world, 'a')
    },
    before: dropDeployment,
    deletes: world => {
      deleteObject(world, 'Runtime', 'gpu')
    },
  },
]

describe('Deleted', () => {
  it.each(rows)('$name: it ends', async row => {
    const { scene = named, before = () => {}, deletes = deletesModel, seconds = 60 } = row
    const { world, stop } = open(scene)
    const isSettled = (): boolean => isReady(world)() || row.name.includes('being fetched')
    expect(await world.clock.until(isSettled, 120_000)).toBe(true)
    await world.clock.run(10_000)
    before(world)
    await world.clock.run(10_000)
    deletes(world)
    const going = (): boolean =>
      [modelIn(world, 'a'), runtimeIn(world, 'gpu')].every(object => !object?.metadata.deletionTimestamp)
    const isOver = await world.clock.until(going, seconds * 1000)
    stop()
    expect({ isOver, violations: world.violations }).toEqual({ isOver: true, violations: [] })
    const told = world.diary.filter(({ note }) => note.reason === 'BytesLeft')
    expect(told.map(({ about, note }) => [about, note.type])).toEqual(
      row.isTold ? [['Model/default/a', 'Warning']] : [],
    )
    if (deletes !== deletesModel || row.left !== undefined)
      expect(storedIn(world)).toBe(row.left ?? storedIn(world))
  })

  it('a Model on a node that is lost says what it waits for, and its bytes go when the node comes back in time', async () => {
    const { world, stop } = open(named)
    expect(await world.clock.until(isReady(world), 120_000)).toBe(true)
    loseNode(world)
    deletesModel(world)
    await world.clock.run(60_000)
    const ready = findCondition(modelIn(world, 'a')?.status.conditions as never, 'Ready')
    expect(ready?.message).toContain('removing from claim models: Unschedulable')
    world.script.workProblem = undefined
    expect(await world.clock.until(() => !modelIn(world, 'a'), 30_000)).toBe(true)
    stop()
    expect([storedIn(world), world.diary.filter(({ note }) => note.reason === 'BytesLeft')]).toEqual([0, []])
  })
})

describe('A claim that is made anew under its old name', () => {
  it.each([
    ['empty', false],
    ['with the bytes of before', true],
  ])('%s is verified before the Model is Ready again, and filled when it must be', async (_, hasBytes) => {
    const { world, stop } = open(named)
    expect(await world.clock.until(isReady(world), 120_000)).toBe(true)
    const old = world.claims.get('default/models')
    dropClaim(world)
    await world.clock.run(20_000)
    expect(modelIn(world, 'a')?.status.phase).toBe('Waiting')
    addClaim(world)
    if (hasBytes)
      world.edit(world.claims, 'default/models', claim => ({ ...claim, copies: old?.copies ?? [] }))
    const uid = world.claims.get('default/models')?.uid
    expect(await world.clock.until(isReady(world), 60_000)).toBe(true)
    stop()
    const works = world.done.map(({ command }) => command)
    expect(works).toEqual(['resolve', 'download', 'verify', ...(hasBytes ? [] : ['download'])])
    expect([modelIn(world, 'a')?.status.copies?.[0]?.claimUID, storedIn(world)]).toEqual([uid, 1])
    expect([uid !== old?.uid, world.violations]).toEqual([true, []])
  })

  it('is not switched to before it was verified', async () => {
    const { world, stop } = open(world => {
      writeRuntime(world, 'gpu', 'VLLM', { activeModel: 'a' })
      writeModel(world, 'a')
    })
    const serves = (model: string) => () =>
      runtimeIn(world, 'gpu')?.status.active?.model === model && !runtimeIn(world, 'gpu')?.status.switch
    expect(await world.clock.until(serves('a'), 120_000)).toBe(true)
    writeModel(world, 'b', { runtimes: [{ name: 'gpu' }] })
    expect(await world.clock.until(() => modelIn(world, 'b')?.status.phase === 'Ready', 60_000)).toBe(true)
    dropClaim(world)
    addClaim(world)
    patchSpec(world, 'Runtime', 'gpu', { activeModel: 'b' })
    expect(await world.clock.until(serves('b'), 300_000)).toBe(true)
    stop()
    const works = world.done.filter(({ owner }) => owner === 'b').map(({ command }) => command)
    expect([works.slice(-2), world.violations]).toEqual([['verify', 'download'], []])
  })
})

describe('Objects whose operator was uninstalled first', () => {
  it('go when a person takes our finalizer away, and a later operator finds nothing to mend', async () => {
    const { world, stop, start } = open(named)
    expect(await world.clock.until(isReady(world), 120_000)).toBe(true)
    stop()
    deletesBoth(world)
    await world.clock.run(600_000)
    expect(isGone(world)()).toBe(false)
    for (const [kind, name] of [
      ['Model', 'a'],
      ['Runtime', 'gpu'],
    ] as const) {
      const object = tableOf(world, kind).get(`default/${name}`)
      if (!object) throw new Error(`${name} is gone already`)
      expect(object.metadata.finalizers).toEqual([finalizer])
      putObject(tableOf(world, kind), { ...object, metadata: { ...object.metadata, finalizers: [] } })
      tableOf(world, kind).drop(`default/${name}`)
    }
    start()
    await world.clock.run(60_000)
    stop()
    expect([isGone(world)(), world.works.list(), world.violations]).toEqual([true, [], []])
    expect(world.deployments.get('default/gpu')?.template.recipe).toBeUndefined()
  })

  it('are seen to as before when the operator comes back in time', async () => {
    const { world, stop, start } = open(named)
    expect(await world.clock.until(isReady(world), 120_000)).toBe(true)
    stop()
    deletesModel(world)
    await world.clock.run(60_000)
    start()
    expect(await world.clock.until(() => !modelIn(world, 'a'), 60_000)).toBe(true)
    stop()
    expect([storedIn(world), world.violations]).toEqual([0, []])
  })
})
