// A Model of a folder that is on the volume already: resolved where it lies, and never removed.
import { describe, expect, it } from 'vitest'
import type { StartWork } from '../../src/domain/decision.ts'
import { decideModel } from '../../src/domain/model-rules.ts'
import { settleModel } from '../../src/domain/model-settle.ts'
import type { ModelObservation } from '../../src/domain/observation.ts'
import { aCopy, aModel, at, resolved, seenModel, volume, wanting } from '../builders/seen.ts'

const spec = { source: { local: { path: 'in-house/llama' } } }
const decide = (more: Partial<ModelObservation> = {}) =>
  decideModel(settleModel(seenModel({ model: aModel({ spec }), ...more })))

describe('A Model of a local folder', () => {
  it('is resolved on the volume of a Runtime that wants it', () => {
    const [start] = decide().actions as readonly StartWork[]
    expect(start).toMatchObject({
      do: 'startWork',
      volume: { key: volume.key },
      task: { command: 'resolve', source: { local: { path: 'in-house/llama' } }, layout: volume.layout },
    })
    expect(start?.task).not.toHaveProperty('source.ollama')
  })

  it('waits for a Runtime while none wants it', () => {
    expect(decide({ runtimes: [] })).toMatchObject({
      phase: 'Resolving',
      reason: 'NothingWanted',
      actions: [],
    })
  })

  it('waits for the volume, and says what is wrong with it', () => {
    const missing = { reason: 'ClaimNotFound', message: 'claim models does not exist' } as const
    expect(decide({ runtimes: [{ ...wanting, volume: missing }] })).toMatchObject({
      phase: 'Resolving',
      reason: 'ClaimNotFound',
      message: 'runtime gpu: claim models does not exist',
      actions: [],
    })
  })

  it('is rejected for Ollama', () => {
    const runtimes = [{ ...wanting, why: 'Named', engine: 'Ollama' }] as const
    expect(decide({ runtimes })).toMatchObject({ phase: 'Rejected', reason: 'EngineCannotServe' })
  })

  it('goes without a work that removes anything', () => {
    const status = { resolved, copies: [aCopy({ origin: 'Adopted' })] }
    const model = aModel({ spec, status, metadata: { deletionTimestamp: at(-1) } })
    expect(decide({ model, runtimes: [] }).actions).toEqual([{ do: 'releaseFinalizer' }])
  })
})
