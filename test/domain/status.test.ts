import { describe, expect, it } from 'vitest'
import { type Condition, findCondition, mergeConditions, shortMessage } from '../../src/domain/conditions.ts'
import type { ModelStatus } from '../../src/domain/model.ts'
import { decideModel } from '../../src/domain/model-rules.ts'
import { settleModel } from '../../src/domain/model-settle.ts'
import type { ModelObservation, RuntimeObservation } from '../../src/domain/observation.ts'
import { decideRuntime } from '../../src/domain/runtime-rules.ts'
import { nextModelStatus, nextRuntimeStatus } from '../../src/domain/status.ts'
import {
  aCandidate,
  aCopy,
  active,
  aModel,
  answering,
  aRuntime,
  aServing,
  at,
  now,
  resolved,
  revision,
  seenModel,
  seenRuntime,
  volume,
} from '../builders/seen.ts'

const modelStatus = (seen: ModelObservation): ModelStatus => {
  const facts = settleModel(seen)
  return nextModelStatus(facts, decideModel(facts))
}
const runtimeStatus = (seen: RuntimeObservation) => nextRuntimeStatus(seen, decideRuntime(seen))

const conditionsOf = (status: { readonly conditions?: unknown }) =>
  Object.fromEntries(
    ((status.conditions ?? []) as Condition[]).map(({ type, status: value, reason }) => [
      type,
      `${value} ${reason}`,
    ]),
  )

const left = (quotaBytes: number | undefined, copies: ModelStatus['copies'] = []) =>
  seenModel({
    model: aModel({ status: { resolved, copies } }),
    ledgers: new Map([
      [
        volume.key,
        {
          ...(quotaBytes === undefined ? {} : { quotaBytes }),
          usedBytes: 1e9,
          reservedBytes: 0,
          holders: [],
        },
      ],
    ]),
  })
const overBudget = { reason: 'OverBudget', message: '10 are needed, 5 are left', attempts: 1, at: at(-5) }

describe('Whether the bytes of a Model fit', () => {
  it.each([
    ['the quota has room', left(11e9), 'True', 'within the quota of claim models'],
    [
      'the quota has less room than the whole Model',
      left(10e9),
      'Unknown',
      '10000000000 bytes, and the quota',
    ],
    ['nobody knows a quota', left(undefined), 'Unknown', 'no quota of claim models is known'],
    ['they are there', left(0, [aCopy()]), 'True', 'the bytes are on claim models'],
    [
      'the worker measured that they do not',
      left(5e9, [
        {
          ...aCopy({ failure: { ...overBudget, needBytes: 10e9, haveBytes: 5e9 } }),
          receipt: undefined,
        } as never,
      ]),
      'False',
      '10 are needed, 5 are left',
    ],
  ])('when %s is told', (_, seen, status, message) => {
    const fits = findCondition(modelStatus(seen).conditions as Condition[], 'ResourcesFit')
    expect([fits?.status, fits?.message]).toEqual([status, expect.stringContaining(message)])
  })

  it('is not asked while nothing is resolved or wanted', () => {
    expect(conditionsOf(modelStatus(seenModel()))).not.toHaveProperty('ResourcesFit')
    const unwanted = seenModel({ model: aModel({ status: { resolved } }), runtimes: [] })
    expect(conditionsOf(modelStatus(unwanted))).not.toHaveProperty('ResourcesFit')
  })
})

describe('Whether the running engine agrees with the Model', () => {
  const seen = (said: number | undefined, known: number | undefined) => {
    const engine = answering()
    const listed = engine.answer.listed.map(one => ({ ...one, ...(said ? { contextLength: said } : {}) }))
    const status = {
      resolved,
      copies: [aCopy()],
      ...(known ? { capabilities: { contextLength: known } } : {}),
    }
    return seenRuntime({
      engine: { ...engine, answer: { ...engine.answer, listed } },
      wantedModel: aModel({ status }),
    })
  }

  it.each([
    [4096, 8192, 'True CapabilitiesAgree'],
    [8192, 8192, 'True CapabilitiesAgree'],
    [16384, 8192, 'False CapabilitiesDiffer'],
    [undefined, 8192, 'Unknown CapabilitiesNotTold'],
    [4096, undefined, 'Unknown CapabilitiesNotTold'],
  ])('with a context of %s, and %s in the Model, is %s', (said, known, wanted) => {
    expect(conditionsOf(runtimeStatus(seen(said, known)))).toMatchObject({ CapabilitiesVerified: wanted })
  })

  it('is not told of a model that does not answer', () => {
    const gone = { ...seen(4096, 8192), serving: aServing({ pods: [] }) }
    expect(conditionsOf(runtimeStatus(gone))).not.toHaveProperty('CapabilitiesVerified')
  })
})

describe('The conditions of a Model', () => {
  it('begin with Ready=Unknown, so that nobody takes a new object for a finished one', () => {
    expect(conditionsOf(modelStatus(seenModel()))).toMatchObject({
      Ready: 'Unknown Progressing',
      Reconciling: 'True Resolving',
    })
  })

  it('say Ready alone when everything is done', () => {
    const seen = seenModel({ model: aModel({ status: { resolved, copies: [aCopy()] } }) })
    expect(conditionsOf(modelStatus(seen))).toEqual({
      Ready: 'True Downloaded',
      Resolved: 'True Resolved',
      Downloaded: 'True Downloaded',
      CapabilitiesDetected: 'False NotDetected',
      ResourcesFit: 'True Fits',
    })
  })

  it('tell that capabilities were read, and that nobody knows whether it fits', () => {
    const known = { resolved, copies: [], capabilities: { contextLength: 4096 } }
    const ledgers = new Map([[volume.key, { usedBytes: 0, reservedBytes: 0, holders: [] }]])
    expect(conditionsOf(modelStatus(seenModel({ model: aModel({ status: known }), ledgers })))).toMatchObject(
      {
        CapabilitiesDetected: 'True Detected',
        ResourcesFit: 'Unknown FitUnknown',
      },
    )
  })

  it('say Stalled, and not Reconciling, where a person must act', () => {
    const failure = { reason: 'NotFound', message: 'no such repository', attempts: 1, at: at(-5) }
    const said = conditionsOf(modelStatus(seenModel({ model: aModel({ status: { failure } }) })))
    expect(said).toMatchObject({ Ready: 'False NotFound', Stalled: 'True NotFound' })
    expect(said).not.toHaveProperty('Reconciling')
  })

  it('keep Downloaded=True while it is paused', () => {
    const model = aModel({ spec: { paused: true }, status: { resolved, copies: [aCopy()] } })
    expect(conditionsOf(modelStatus(seenModel({ model })))).toMatchObject({
      Ready: expect.stringMatching(/Paused|Progressing/),
      Downloaded: 'True Downloaded',
    })
  })

  it('carry the generation that was looked at', () => {
    const status = modelStatus(seenModel({ model: aModel({ metadata: { generation: 7 } }) }))
    expect(status.observedGeneration).toBe(7)
    expect((status.conditions as Condition[]).map(one => one.observedGeneration)).toEqual(
      (status.conditions ?? []).map(() => 7),
    )
  })

  it('show 100 % only when every copy is verified', () => {
    const fetching = aModel({
      status: {
        resolved,
        copies: [{ ...aCopy({ phase: 'Downloading', bytesDone: 10e9 }), receipt: undefined } as never],
      },
    })
    expect(modelStatus(seenModel({ model: fetching })).progress?.percent).toBe(99)
  })
})

describe('The conditions of a Runtime', () => {
  it('say Ready, Serving and ModelActive when the wanted model is proved', () => {
    expect(conditionsOf(runtimeStatus(seenRuntime()))).toMatchObject({
      Ready: 'True Active',
      Serving: 'True Active',
      ModelActive: 'True Active',
      DeploymentAvailable: 'True Available',
      StorageHealthy: 'True Healthy',
    })
  })

  it('begin with Ready=Unknown', () => {
    const seen = seenRuntime({
      runtime: aRuntime(),
      wanted: { reason: 'WaitingForModel', message: 'Model qwen is new' },
    })
    expect(conditionsOf(runtimeStatus(seen))).toMatchObject({ Ready: 'Unknown Progressing' })
  })

  const failure = { reason: 'OutOfMemory', message: 'CUDA out of memory' }
  const ended = {
    id: 'switch',
    from: { model: 'qwen', revision, recipe: 'recipe-a' },
    to: { model: 'llama', revision, recipe: 'recipe-b' },
    startedAt: at(-60),
    stepSince: at(-9),
    lastProgressAt: at(-9),
    step: 'RollingBack',
    attempt: 1,
    failure,
  } as const
  const goingBack = (more: Partial<RuntimeObservation> = {}) =>
    seenRuntime({
      runtime: aRuntime({ spec: { activeModel: 'llama' }, status: { active: active(), switch: ended } }),
      wanted: aCandidate('llama', 'recipe-b'),
      wantedModel: aModel({ metadata: { name: 'llama' } }),
      from: aCandidate(),
      ...more,
    })
  const wordsOf = (seen: RuntimeObservation): string[] =>
    ((runtimeStatus(seen).conditions ?? []) as Condition[]).map(
      ({ type, status, reason, message }) => `${type}=${status} ${reason}: ${message}`,
    )

  it('tell of a switch that was rolled back what failed, and what serves', () => {
    const back = 'OutOfMemory: rolled back to qwen: CUDA out of memory'
    expect(wordsOf(goingBack())).toEqual([
      `Ready=False ${back}`,
      `Stalled=True ${back}`,
      'Serving=True Active: qwen answers',
      `ModelActive=False ${back}`,
      'DeploymentAvailable=True Available: pod vllm-1 is ready',
      'StorageHealthy=True Healthy: claim models at /models',
    ])
  })

  it('tell of a switch that could not be rolled back that nothing serves', () => {
    const runtime = aRuntime({
      spec: { activeModel: 'llama' },
      status: { active: active(), switch: { ...ended, lastProgressAt: at(-4000) } },
    })
    expect(wordsOf(goingBack({ runtime, serving: aServing({ pods: [] }) }))).toEqual([
      'Ready=False OutOfMemory: CUDA out of memory',
      'Stalled=True OutOfMemory: CUDA out of memory',
      'Serving=False ModelGone: no model answers',
      'ModelActive=False OutOfMemory: CUDA out of memory',
      'DeploymentAvailable=False Progressing: no pod is ready',
      'StorageHealthy=True Healthy: claim models at /models',
    ])
  })

  it('say Serving=False when no pod is there', () => {
    const seen = seenRuntime({ serving: aServing({ pods: [] }) })
    expect(conditionsOf(runtimeStatus(seen))).toMatchObject({
      Serving: expect.stringMatching(/^False/),
      Reconciling: 'True ModelGone',
      ModelActive: expect.stringMatching(/^False/),
    })
  })
})

describe('A list of conditions', () => {
  const fact = { type: 'Ready', reason: 'Active', message: 'm', observedGeneration: 1 } as const
  const old = { ...fact, status: 'True', lastTransitionTime: at(-100) } as const

  it('keeps the transition time while the status stays, whatever the reason', () => {
    const [merged] = mergeConditions([old], [{ ...fact, status: 'True', reason: 'Idle' }], now)
    expect(merged).toMatchObject({ reason: 'Idle', lastTransitionTime: at(-100) })
  })

  it('moves the transition time when the status flips', () => {
    const [merged] = mergeConditions([old], [{ ...fact, status: 'False' }], now)
    expect(merged?.lastTransitionTime).toBe(now.toISOString())
  })

  it('drops what is not said any more', () => {
    expect(findCondition(mergeConditions([{ ...old, type: 'Stalled' }], [], now), 'Stalled')).toBeUndefined()
  })

  it('cuts a message by bytes, not by characters', () => {
    expect(Buffer.byteLength(shortMessage('ü'.repeat(300)))).toBeLessThanOrEqual(256)
    expect(shortMessage('two\n  lines')).toBe('two lines')
  })
})
