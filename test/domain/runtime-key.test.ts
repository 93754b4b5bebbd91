import { describe, expect, it } from 'vitest'
import type { EngineSight, RuntimeObservation } from '../../src/domain/observation.ts'
import type { SwitchState, SwitchStep } from '../../src/domain/runtime.ts'
import { decideRuntime } from '../../src/domain/runtime-rules.ts'
import { nextRuntimeStatus } from '../../src/domain/status.ts'
import { aCandidate, active, answering, aPod, aRuntime, aServing, at, seenRuntime } from '../builders/seen.ts'

const a = aCandidate()
const b = aCandidate('other', 'recipe-b')
const apiKeySecretRef = { name: 'engine', key: 'api-key' }
const missing = { reason: 'EngineKeyNeeded' as const, message: 'no Secret' }
const pending = { reason: 'PodNotStarted' as const, message: 'no node has room' }

/** What the operator sees of an engine whose list it cannot ask for. */
const behindKey = (more: Partial<EngineSight> = {}, candidate = a): EngineSight => {
  const { proof, pod } = answering(candidate)
  const answer = { state: 'Answers', listed: [], isAsleep: false, isBehindKey: true, tokens: 7 } as const
  return { pod, answer, ...(proof ? { proof } : {}), ...more }
}
const unproved = ({ proof: _, ...sight }: EngineSight): EngineSight => sight
const closed: EngineSight = {
  pod: 'vllm-1',
  answer: { state: 'KeyNeeded', listed: [], isAsleep: false },
}

const keyed = (more: Partial<RuntimeObservation> = {}, status: object = {}) =>
  seenRuntime({
    runtime: aRuntime({ spec: { apiKeySecretRef }, status: { active: active(), ...status } }),
    engine: behindKey(),
    ...more,
  })

const opened = (step: SwitchStep, more: Partial<SwitchState> = {}): SwitchState => ({
  id: 's1',
  from: { model: a.model, revision: a.revision, recipe: a.recipe.hash },
  to: { model: b.model, revision: b.revision, recipe: b.recipe.hash },
  step,
  startedAt: at(-7200),
  stepSince: at(-7200),
  lastProgressAt: at(-7200),
  attempt: 1,
  ...more,
})

const switching = (step: SwitchStep, engine: EngineSight, more: Partial<RuntimeObservation> = {}) =>
  keyed(
    {
      wanted: b,
      from: a,
      engine,
      serving: aServing({ recipe: 'recipe-b', pods: [aPod({ recipe: 'recipe-b' })] }),
      ...more,
    },
    { switch: opened(step) },
  )

const wasReady = {
  type: 'Ready',
  status: 'True',
  reason: 'Active',
  message: '',
  lastTransitionTime: at(-600),
} as const

/** What becomes of a Ready that was true. */
const readyOf = (found: RuntimeObservation) => {
  const before = { ...found.runtime.status, conditions: [wasReady] }
  const seen = { ...found, runtime: { ...found.runtime, status: before } }
  const decision = decideRuntime(seen)
  const status = nextRuntimeStatus(seen, decision)
  return status.conditions?.find(one => one.type === 'Ready')
}

describe('a Runtime whose engine is behind a key', () => {
  it('is Active by the proof of a worker, and is not asked again within sixty intervals', () => {
    const decision = decideRuntime(keyed())
    expect(decision).toMatchObject({ phase: 'Active', actions: [] })
    const proof = { ...behindKey().proof, at: at(-3_593) } as NonNullable<EngineSight['proof']>
    expect(decideRuntime(keyed({ engine: behindKey({ proof }) }))).toMatchObject({ actions: [] })
    const old = { ...proof, at: at(-3_594) }
    expect(decideRuntime(keyed({ engine: behindKey({ proof: old }) })).actions).toMatchObject([
      { do: 'prove' },
    ])
  })

  it('writes nothing while the first answer is awaited', () => {
    expect(decideRuntime(keyed({ engine: unproved(behindKey()) }))).toMatchObject({
      phase: 'Active',
      hold: true,
      actions: [{ do: 'prove' }],
    })
  })

  it('is Degraded with EngineKeyNeeded when the key is gone, and asks again', () => {
    const seen = keyed({ engine: { ...unproved(behindKey()), askTrouble: missing } })
    expect(decideRuntime(seen)).toMatchObject({
      phase: 'Degraded',
      reason: 'EngineKeyNeeded',
      actions: [{ do: 'prove' }],
    })
    expect(readyOf(seen)).toMatchObject({ status: 'False', reason: 'EngineKeyNeeded' })
  })

  it('stays Active when only the worker had trouble and the proof stands', () => {
    expect(decideRuntime(keyed({ engine: behindKey({ askTrouble: pending }) })).phase).toBe('Active')
  })

  it('is Degraded as any other when health is dead or it sleeps', () => {
    const { answer } = behindKey()
    const dead = { ...answer, state: 'Unhealthy' as const, message: '/health answered 503' }
    expect(decideRuntime(keyed({ engine: behindKey({ answer: dead }) })).phase).toBe('Degraded')
    const asleep = { ...answer, isAsleep: true }
    expect(decideRuntime(keyed({ engine: behindKey({ answer: asleep }) })).phase).toBe('Degraded')
  })

  it('without a Secret named waits instead of switching, and Observing tells why nothing is known', () => {
    const seen = seenRuntime({ engine: closed, wanted: b })
    expect(decideRuntime(seen)).toMatchObject({ phase: 'Waiting', reason: 'EngineKeyNeeded', actions: [] })
    const { activeModel: _, ...spec } = aRuntime().spec
    const watched = seenRuntime({ engine: closed, runtime: { ...aRuntime(), spec } })
    expect(decideRuntime(watched)).toMatchObject({ phase: 'Observing' })
    expect(decideRuntime(watched).message).toContain('API key')
  })

  it('without a Secret named is not Ready although it was', () => {
    expect(readyOf(seenRuntime({ engine: closed }))).toMatchObject({
      status: 'False',
      reason: 'EngineKeyNeeded',
    })
  })
})

describe('a switch of an engine behind a key', () => {
  it('shows the running engine its key before anything is touched', () => {
    const waiting = decideRuntime(switching('Preflight', behindKey()))
    expect(waiting).toMatchObject({ phase: 'Switching', actions: [{ do: 'checkKey' }] })
    const taken = decideRuntime(switching('Preflight', behindKey({ isKeyTaken: true })))
    expect(taken.change?.switch?.step).not.toBe('Preflight')
  })

  it('to nothing needs no key', () => {
    const runtime = aRuntime({
      spec: { apiKeySecretRef, desiredState: 'Idle' },
      status: {
        active: active(),
        switch: { ...opened('Preflight'), to: undefined } as unknown as SwitchState,
      },
    })
    const { wanted: _, ...seen } = keyed({ runtime })
    expect(decideRuntime(seen).change?.switch?.step).toBe('Unloading')
  })

  it.each<[SwitchStep, EngineSight, string[]]>([
    ['Preflight', { ...unproved(behindKey()), askTrouble: missing }, ['checkKey']],
    ['Preflight', closed, ['checkKey']],
    ['Verifying', { ...unproved(behindKey()), askTrouble: missing }, ['prove']],
    ['Verifying', { ...unproved(behindKey()), askTrouble: pending }, ['prove']],
    ['Verifying', closed, ['prove']],
  ])('waits at %s for the key, past every limit', (step, engine, actions) => {
    const decision = decideRuntime(switching(step, engine))
    expect(decision).toMatchObject({ phase: 'Switching' })
    expect(decision.reason).toBe(engine.askTrouble?.reason ?? 'EngineKeyNeeded')
    expect(decision.actions.map(one => one.do)).toEqual(actions)
    expect(decision.change?.lastSwitch).toBeUndefined()
  })

  it('waits on the way back too, and ends it when the old model is proved, however late', () => {
    const failure = { reason: 'LoadFailed', message: 'exit 1' }
    const back = {
      serving: aServing({ recipe: 'recipe-a', pods: [aPod()] }),
      runtime: aRuntime({
        spec: { apiKeySecretRef, activeModel: 'other' },
        status: { active: active(), switch: opened('RollingBack', { failure }) },
      }),
    }
    const waiting = decideRuntime(
      switching('RollingBack', { ...unproved(behindKey()), askTrouble: missing }, back),
    )
    expect(waiting).toMatchObject({ phase: 'RollingBack', reason: 'EngineKeyNeeded' })
    const proved = decideRuntime(switching('RollingBack', behindKey(), back))
    expect(proved.change?.lastSwitch).toMatchObject({ result: 'RolledBack' })
  })

  it('is committed when the proof comes after maxSeconds were spent on waiting', () => {
    const runtime = aRuntime({
      spec: { apiKeySecretRef, switch: { maxSeconds: 60 } },
      status: { active: active(), switch: opened('Verifying') },
    })
    const seen = switching('Verifying', behindKey({}, b), { runtime })
    expect(decideRuntime(seen).change?.lastSwitch).toMatchObject({ result: 'Committed' })
  })

  it('fails as ever when the engine ends, key or not', () => {
    const pod = aPod({
      recipe: 'recipe-b',
      isRunning: false,
      isReady: false,
      restarts: 1,
      problem: { reason: 'LoadFailed', message: 'exit 1' },
    })
    const seen = switching(
      'Verifying',
      { ...unproved(behindKey()), askTrouble: missing },
      {
        serving: aServing({ recipe: 'recipe-b', pods: [pod] }),
      },
    )
    expect(decideRuntime(seen)).toMatchObject({ phase: 'RollingBack', reason: 'LoadFailed' })
  })
})

describe('What serves behind a key under a launch of somebody else', () => {
  const madeAnew = aServing({ recipe: undefined as never, pods: [aPod({ recipe: undefined as never })] })
  const provedAs = (isProved: boolean, reason: 'Active' | 'WrongModel' | 'ProofFailed') =>
    behindKey({
      proof: { isProved, reason, message: 'so', milliseconds: 4, recipe: a.recipe.hash, at: at(-1) },
    })

  it.each([
    ['is another model: only a switch brings the wanted one back', provedAs(false, 'WrongModel'), true],
    ['could not be proved just now: it is proved again', provedAs(false, 'ProofFailed'), false],
    ['is the wanted model all the same', provedAs(true, 'Active'), false],
  ])('%s', (_, engine, isSwitched) => {
    const { change } = decideRuntime(keyed({ serving: madeAnew, engine }))
    expect(change?.switch !== undefined).toBe(isSwitched)
  })
})
