// Five hundred changes of a spec, good and bad, and their way back: it settles and says why, a bad one disturbs nothing, each can be taken back.
import { describe, expect, it } from 'vitest'
import type { Model } from '../../src/domain/object.ts'
import { letLeave, podsOf } from '../../src/platform/memory/memory-pods.ts'
import type { World } from '../../src/platform/memory/memory-world.ts'
import { replayOf, seedsOf } from './random.ts'
import { type Transition, tell, transitionOf } from './spec-transitions.ts'
import { fields, nameOf } from './transition-fields.ts'
import { playTransition } from './transition-play.ts'
import { namedFields } from './transition-values.ts'
import { casts } from './transition-worlds.ts'

const count = 500
const isStored = ({ refusal }: Transition): boolean => refusal === undefined
const all = Array.from({ length: count }, (_, seed) => transitionOf(seed))
const drawn = seedsOf(count).map(seed => ({ seed, transition: transitionOf(seed) }))
const file = 'transitions.simulation.test.ts'

describe.each(casts)('$name', cast => {
  const own = drawn.filter(({ transition }) => transition.cast === cast && isStored(transition))

  it(`bears each change of a spec, and its way back (${own.length} changes)`, {
    timeout: 120_000,
  }, async () => {
    for (const { seed, transition } of own) {
      const told = { replay: replayOf(seed, file), change: tell(transition) }
      const { faults, violations, before, after } = await playTransition(transition)
      expect
        .soft({ ...told, faults, violations, ...after })
        .toEqual({ ...told, faults: [], violations: [], ...before })
    }
  })
})

describe('The changes of a run', () => {
  it('leave no field of either spec out', () => {
    const names = new Set(all.filter(isStored).map(({ fields: [first] }) => first))
    expect(fields.map(nameOf).filter(name => !names.has(name))).toEqual([])
    expect(namedFields.filter(name => !fields.map(nameOf).includes(name))).toEqual([])
  })

  it('are refused in a sentence that names the field, where they may never be made', () => {
    const sentences = new Set(all.flatMap(({ refusal = [] }) => refusal))
    for (const sentence of sentences) expect(sentence).toMatch(/^spec\.[a-zA-Z.]+: .*immutable/)
    expect(sentences.size).toBeGreaterThan(2)
  })

  it('are the same each time', async () => {
    expect(transitionOf(7)).toEqual(transitionOf(7))
    expect(await playTransition(transitionOf(7))).toEqual(await playTransition(transitionOf(7)))
  })
})

describe('It would be seen', () => {
  /** Among the first changes that are stored. */
  const findBad = async (weaken: (world: World) => void, isMeant: (one: Transition) => boolean) => {
    for (const transition of all.filter(isStored).filter(isMeant).slice(0, 40)) {
      const { faults, violations, before, after } = await playTransition(transition, weaken)
      const isSame = JSON.stringify(before) === JSON.stringify(after)
      if (faults.length + violations.length > 0) return faults[0] ?? violations[0]
      if (!isSame) return 'another end'
    }
    return undefined
  }
  const isBad = ({ invalid }: Transition): boolean => invalid !== undefined

  it('if what is left of a bad spec were taken for the wish', async () => {
    const forgets = ({ models }: World): void =>
      void models.subscribe(({ name }) => {
        const { invalid, ...model } = models.get(name) ?? {}
        if (invalid !== undefined) models.put(name, () => model as Model)
      })
    const launches = ({ key, fields: [, second] }: Transition): boolean =>
      key === 'Model/a' && second === 'Model.engineArgs'
    expect(await findBad(forgets, one => isBad(one) && launches(one))).toMatch(/not told|isReady/)
  })

  it('if a Runtime that is rejected lost its pod', async () => {
    const loses = (world: World): void => {
      const stop = world.runtimes.subscribe(({ name }) => {
        if (world.runtimes.get(name)?.status.phase !== 'Rejected') return
        stop()
        for (const pod of podsOf(world, name)) letLeave(world, pod.name)
      })
    }
    expect(await findBad(loses, one => isBad(one) && one.key.startsWith('Runtime'))).toContain('isReady')
  })

  it('if a way back left an argument out', async () => {
    const forgets = (world: World): void => {
      const known = world.deployments.get('default/gpu')?.template
      let isAway = false
      world.deployments.subscribe(({ name }) => {
        const { template } = world.deployments.get(name) ?? {}
        if (name !== 'default/gpu' || !template) return
        const isBack = isAway && template.recipe === known?.recipe
        isAway = template.recipe !== known?.recipe
        const args = template.args.slice(0, -1)
        if (isBack) world.edit(world.deployments, name, one => ({ ...one, template: { ...template, args } }))
      })
    }
    const launches = ({ cast, fields: [, second] }: Transition): boolean =>
      cast.name === 'adopted vLLM' && second === 'Runtime.engineArgs'
    expect(await findBad(forgets, launches)).toBeDefined()
  })
})
