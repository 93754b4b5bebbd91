import { describe, expect, it } from 'vitest'
import { failBack, failSwitch } from '../../src/domain/runtime-outcome.ts'
import { aCandidate, active, aRuntime, at, revision, seenRuntime } from '../builders/seen.ts'

const target = aCandidate('llama', 'recipe-b')
const switchIn = (
  step: 'Preflight' | 'Loading' | 'RollingBack',
  failure?: { reason: string; message: string },
) => {
  const open = {
    id: 'switch',
    from: { model: 'qwen', revision, recipe: 'recipe-a' },
    to: { model: 'llama', revision, recipe: 'recipe-b' },
    step,
    startedAt: at(-20),
    stepSince: at(-10),
    lastProgressAt: at(-5),
    attempt: 1,
    ...(failure ? { failure } : {}),
  }
  const runtime = aRuntime({ status: { active: active(), switch: open } })
  return { seen: seenRuntime({ runtime, wanted: target }), open }
}

describe('A switch that meets a FieldConflict', () => {
  it('before anything was touched is Rejected: what serves, serves on', () => {
    const said = failSwitch(switchIn('Preflight'), 'FieldConflict', 'argo owns spec.strategy')
    expect(said).toMatchObject({ phase: 'Rejected', reason: 'FieldConflict' })
    expect(said.change?.lastSwitch).toMatchObject({ result: 'Cancelled', reason: 'FieldConflict' })
    expect(said.change && 'active' in said.change).toBe(false)
  })

  it('while it loads goes back', () => {
    const said = failSwitch(switchIn('Loading'), 'FieldConflict', 'argo owns args')
    expect(said.change?.switch).toMatchObject({ step: 'RollingBack', failure: { reason: 'FieldConflict' } })
  })

  it('on its way back ends Failed at once, and tells why it went back', () => {
    const failure = { reason: 'LoadFailed', message: 'no' }
    const said = failBack(switchIn('RollingBack', failure), 'FieldConflict', 'argo owns args')
    expect(said).toMatchObject({ phase: 'Failed', reason: 'FieldConflict', isStalled: true })
    expect(said.message).toBe('cannot go back after LoadFailed: argo owns args')
    expect(said.change?.lastSwitch).toMatchObject({ result: 'Failed', reason: 'FieldConflict' })
  })
})
