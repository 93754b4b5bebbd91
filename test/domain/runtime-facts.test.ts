// How a launch is put back: by what the serving remembers, or by writing it once more.
import { describe, expect, it } from 'vitest'
import type { Candidate, RuntimeObservation } from '../../src/domain/observation.ts'
import { writeBack } from '../../src/domain/runtime-facts.ts'

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
