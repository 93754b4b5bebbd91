// How a launch is put back, and how much sooner than it must a proof is renewed.
import { describe, expect, it } from 'vitest'
import type { Candidate, RuntimeObservation } from '../../src/domain/observation.ts'
import { proofLeeway, writeBack } from '../../src/domain/runtime-facts.ts'
import { decideRuntime } from '../../src/domain/runtime-rules.ts'
import { aRuntime, seenRuntime } from '../builders/seen.ts'

const from = { launch: { hash: 'old', config: 'model: old\n' } } as Candidate
const seen = (previousRecipe: string | undefined, before?: Candidate) =>
  ({
    serving: { previousRecipe },
    ...(before ? { from: before } : {}),
  }) as unknown as RuntimeObservation

describe('the way back', () => {
  it.each([
    ['the launch before stands on the serving', seen('old', from), 'old', 'revert'],
    ['a replaced target left another launch there', seen('between', from), 'old', 'apply'],
    ['nothing stands there', seen(undefined, from), 'old', 'apply'],
    ['its Model is gone', seen('between'), 'old', 'revert'],
    ['it goes back to what was found', seen('between', from), 'AsFound', 'revert'],
  ])('when %s', (_situation, observation, hash, action) => {
    expect(writeBack(observation, hash).do).toBe(action)
  })
})

describe('a proof', () => {
  it.each([
    [1, 100],
    [5, 500],
    [60, 6_000],
    [3_600, 6_000],
  ])(
    'of an interval of %d s is renewed up to %d ms sooner, with those of others',
    (intervalSeconds, leeway) => {
      const runtime = aRuntime({ spec: { proof: { mode: 'Task', intervalSeconds, timeoutSeconds: 20 } } })
      expect(proofLeeway(runtime)).toBe(leeway)
    },
  )

  it('of one that is active asks for the next look with that leeway', () => {
    expect(decideRuntime(seenRuntime())).toMatchObject({ phase: 'Active', leeway: 6_000 })
  })
})
