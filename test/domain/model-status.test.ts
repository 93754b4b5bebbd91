// The status that a Model has in each situation, as golden text: a line for each copy, entry of the history and condition.
import { describe, it } from 'vitest'
import type { ModelStatus } from '../../src/domain/model.ts'
import { decideModel } from '../../src/domain/model-rules.ts'
import { settleModel } from '../../src/domain/model-settle.ts'
import type { ModelObservation } from '../../src/domain/observation.ts'
import { nextModelStatus } from '../../src/domain/status.ts'
import { expectGolden, tellStatus } from './golden.ts'
import { situations } from './model-situations.ts'

const statusOf = (seen: ModelObservation): ModelStatus => {
  const facts = settleModel(seen)
  return nextModelStatus(facts, decideModel(facts))
}

describe('The status of a Model', () => {
  it('is in each situation what its golden text has', () => {
    const told = situations.map(([phase, reason, situation, seen]) =>
      [`${phase} (${reason}): ${situation}`, ...tellStatus(statusOf(seen))].join('\n  '),
    )
    expectGolden('model-status.txt', `${told.join('\n\n')}\n`)
  })
})
