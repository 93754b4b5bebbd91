// What a Runtime does in each step of a switch, and when settled, in each world it may meet: one line of golden text for each.
import { describe, expect, it } from 'vitest'
import {
  type Candidate,
  type EngineSight,
  isProblem,
  type LoadSight,
  type RuntimeObservation,
} from '../../src/domain/observation.ts'
import type { PodSight, ServingView } from '../../src/domain/platform.ts'
import type { RuntimeStatus, SwitchState } from '../../src/domain/runtime.ts'
import { decideRuntime } from '../../src/domain/runtime-rules.ts'
import { nextRuntimeStatus } from '../../src/domain/status.ts'
import {
  aCandidate,
  active,
  answering,
  aPod,
  aRuntime,
  aServing,
  at,
  revision,
  seenRuntime,
} from '../builders/seen.ts'
import { expectGolden, inShort } from './golden.ts'

const a = aCandidate()
const b = aCandidate('llama', 'recipe-b')
const served = ({ model, recipe }: Candidate) => ({ model, revision, recipe: recipe.hash })
const because = (reason: string) => ({ reason: reason as 'NotFound', message: 'because' })

/** Of the model that stands in the template: its pod, and what its engine says. */
interface World {
  readonly pod?: Partial<PodSight>
  readonly pods?: readonly PodSight[]
  readonly serving?: Partial<ServingView>
  readonly answer?: Partial<EngineSight['answer']>
  readonly engine?: Partial<EngineSight>
  readonly proof?: object | null
  readonly load?: Partial<LoadSight>
  readonly seen?: Partial<RuntimeObservation>
}

/** What vLLM says on its other pipe may come first. */
const pointer = { mark: 'EngineCoreFailed', failure: { ...because('LoadFailed'), isPointer: true } } as const
const down = { isReady: false, isRunning: false }
const other = { name: 'other', identity: '/models/other/snapshots/0123456789', isLoaded: true }

const worlds: Readonly<Record<string, World>> = {
  'all is well': {},
  'no pod': { pods: [] },
  'no pod, and a stall': { pods: [], seen: { weightBytes: 50e9 } },
  'the pod starts': { pod: { ...down, createdAt: at(-1) } },
  'the pod does not start': { pod: { ...down, createdAt: at(-1), problem: because('PodNotStarted') } },
  'the pod has not started for long': {
    pod: { ...down, createdAt: at(-6), problem: because('PodNotStarted') },
  },
  'the pod ended': { pod: { ...down, problem: because('LoadFailed') } },
  'the pod ended for want of memory': { pod: { ...down, problem: because('OutOfMemory') } },
  'the pod ends again and again': {
    pod: { ...down, problem: because('CrashLoop') },
    seen: { lastLines: ['first', 'last'] },
  },
  'the pod was restarted': { pod: { isReady: false, restarts: 1 } },
  'the pod was restarted, and its log says why': {
    pod: { isReady: false, restarts: 1 },
    seen: {
      signs: [
        { mark: 'Weights 5%', percent: 5 },
        { mark: 'OutOfMemory', failure: because('OutOfMemory') },
      ],
    },
  },
  'the pod was restarted, and its log says little': {
    pod: { isReady: false, restarts: 1, problem: because('OutOfMemory') },
    seen: { signs: [{ mark: 'Error', failure: { reason: 'LoadFailed', message: 'strange' } }] },
  },
  'the pod ended, and its log says why': {
    pod: down,
    seen: { signs: [pointer, { mark: 'PortTaken', failure: because('PortTaken') }], lastLines: ['last'] },
  },
  'the pod ended, and its log says little': {
    pod: { ...down, problem: because('CrashLoop') },
    seen: { signs: [{ mark: 'Error', failure: { reason: 'LoadFailed', message: 'strange' } }] },
  },
  'the log goes on': {
    pod: { isReady: false },
    answer: { state: 'Refused', listed: [] },
    seen: { signs: [{ mark: 'ModelLoading' }, { mark: 'Weights 45%', percent: 45 }] },
  },
  'the pod is not ready': { pod: { isReady: false, problem: because('PodNotStarted') } },
  'the pod is lost': { pod: { isLost: true } },
  'the pod leaves': { pod: { isLeaving: true } },
  'the pod leaves and another is there': {
    pods: [aPod({ isLeaving: true }), aPod({ name: 'vllm-3', recipe: 'recipe-b' })],
  },
  'the pod is of nobody': { pod: { recipe: undefined as never } },
  'the engine refuses': { answer: { state: 'Refused', listed: [] } },
  'the engine refuses with a word': { answer: { state: 'Refused', listed: [], message: ': reset' } },
  'the engine is silent': { answer: { state: 'Silent', listed: [] } },
  'the engine is silent, and its pod not ready': {
    pod: { isReady: false },
    answer: { state: 'Silent', listed: [], message: 'no word' },
  },
  'the engine is not well': { answer: { state: 'Unhealthy', listed: [], message: 'health says 503' } },
  'the engine is another program': { answer: { state: 'NotThisEngine', listed: [] } },
  'the engine wants a key': { answer: { state: 'KeyNeeded', listed: [] }, proof: null },
  'the engine is behind a key': { answer: { isBehindKey: true, listed: [] } },
  'the engine took the key': { answer: { isBehindKey: true, listed: [] }, engine: { isKeyTaken: true } },
  'the worker could not ask': {
    answer: { isBehindKey: true, listed: [] },
    engine: { askTrouble: because('PodNotStarted') },
    proof: null,
  },
  'the worker could not ask, and a proof stands': {
    answer: { isBehindKey: true },
    engine: { askTrouble: because('PodNotStarted') },
  },
  'the key is not there': {
    answer: { isBehindKey: true },
    engine: { askTrouble: because('EngineKeyNeeded') },
  },
  'the engine sleeps': { answer: { isAsleep: true } },
  'another model answers': { answer: { listed: [other] } },
  'other bytes answer by its name': {
    answer: {
      listed: [
        { ...other, name: a.recipe.model },
        { ...other, name: b.recipe.model },
      ],
    },
  },
  'it is listed, and not loaded': { answer: { listed: [{ ...other, isLoaded: false }] } },
  'nothing is loaded': { answer: { listed: [] } },
  'nothing is loaded, and it is being loaded': { answer: { listed: [] }, load: { isRunning: true } },
  'nothing is loaded, and loading failed': {
    answer: { listed: [] },
    load: { problem: because('OutOfMemory'), endedAt: at(-1) },
  },
  'nothing is loaded, and loading failed a while ago': {
    answer: { listed: [] },
    load: { problem: because('OutOfMemory'), endedAt: at(-5) },
  },
  'nothing is loaded, and loading failed often': {
    answer: { listed: [] },
    load: { attempt: 30, endedAt: at(-299) },
  },
  'nothing is loaded, and a call broke': {
    answer: { listed: [] },
    load: { problem: because('EngineUnreachable'), endedAt: at(-1) },
  },
  'nothing is loaded, and three calls broke': {
    answer: { listed: [] },
    load: { attempt: 3, problem: because('EngineUnreachable'), endedAt: at(-1) },
  },
  'nothing is loaded, and another was being loaded': {
    answer: { listed: [] },
    load: { recipe: 'recipe-z', isRunning: true },
  },
  'requests run': { answer: { running: 3 } },
  'no proof': { proof: null },
  'the proof is of another recipe': { proof: { recipe: 'recipe-z' } },
  'the proof failed just now': {
    proof: { isProved: false, reason: 'ProofFailed', message: 'no', at: at(0) },
  },
  'the proof failed a while ago': {
    proof: { isProved: false, reason: 'ProofFailed', message: 'no', at: at(-2) },
  },
  'the proof is old': { proof: { at: at(-54) } },
  'the proof is nearly old': { proof: { at: at(-53) } },
  'nobody can ask the engine': { engine: { pod: 'gone' } },
  'no engine is seen': { seen: { engine: undefined as never } },
  'it does not exist': { serving: { exists: false, pods: [], problems: [because('DeploymentNotFound')] } },
  'it was made, and does not exist': { serving: { origin: 'Made', exists: false, pods: [] } },
  'it was made': { serving: { origin: 'Made', endpoint: 'http://vllm.ai' } },
  'it was made, and its pod is out of service': { serving: { origin: 'Made' }, pod: { isInService: false } },
  'it was made, and requests run': { serving: { origin: 'Made' }, answer: { running: 3 } },
  'it is scaled to nothing': { serving: { replicas: 0 }, pods: [] },
  'it is scaled to nothing, and its pod ends': { serving: { replicas: 0 }, pod: { isLeaving: true } },
  'it has a problem': { serving: { problems: [because('TooManyReplicas')] } },
  'it has a problem that passes': { serving: { problems: [because('ServiceNotFound')] } },
  'another manager changed it': { serving: { drift: because('FieldConflict') } },
  'it is not exclusive': { serving: { isExclusive: false } },
  'it is not prepared': { serving: { isPrepared: false } },
  'the launch before stands on it': { serving: { previousRecipe: 'recipe-a' } },
  'its template lost our mark': { serving: { recipe: undefined as never } },
  'its volume has a problem': { seen: { volume: because('ClaimNotFound') } },
  'a ledger is known': { seen: { ledger: { quotaBytes: 9, usedBytes: 5, reservedBytes: 1, holders: [] } } },
  'a ledger without quota is known': { seen: { ledger: { usedBytes: 5, reservedBytes: 1, holders: [] } } },
}

const seeing = (world: World, is: Candidate): Partial<RuntimeObservation> => {
  const pods = world.pods ?? [aPod({ recipe: is.recipe.hash, ...world.pod })]
  const { proof, ...engine } = answering(is, pods.at(-1)?.name ?? 'vllm-1')
  const load = { recipe: is.recipe.hash, isRunning: false, attempt: 1, ...world.load }
  return {
    serving: aServing({ recipe: is.recipe.hash, pods, ...world.serving }),
    engine: {
      ...engine,
      ...(world.proof === null ? {} : { proof: { ...proof!, ...world.proof } }),
      ...(world.load ? { load } : {}),
      ...world.engine,
      answer: { ...engine.answer, ...world.answer },
    },
    ...world.seen,
  }
}

const open = (more: Partial<SwitchState> = {}): SwitchState => ({
  id: 'switch',
  from: served(a),
  to: served(b),
  step: 'Preflight',
  startedAt: at(-20),
  stepSince: at(-10),
  lastProgressAt: at(-5),
  attempt: 1,
  ...more,
})

const runtimeOf = (status: RuntimeStatus, spec: object = {}) =>
  aRuntime({ status: { active: active(), ...status }, spec: { activeModel: 'llama', ...spec } })

type Scene = (world: World, more?: Partial<RuntimeObservation>) => RuntimeObservation

/** A switch from a to b that stands in this step, with the launch of one of them in the template. */
const inStep = (more: Partial<SwitchState>, is: Candidate, spec: object = {}): Scene => {
  const base = seenRuntime({ runtime: runtimeOf({ switch: open(more) }, spec), wanted: b, from: a })
  return (world, seen) => ({ ...base, ...seeing(world, is), ...seen })
}

const settled = (spec: object = {}, more: Partial<RuntimeObservation> = {}): Scene => {
  const base = seenRuntime({ runtime: runtimeOf({}, { activeModel: 'qwen', ...spec }) })
  return (world, seen) => ({ ...base, ...seeing(world, a), ...more, ...seen })
}

const key = { apiKeySecretRef: { name: 'key' } }
const late = { lastProgressAt: at(-4000), message: 'as before' }
const failure = { reason: 'LoadFailed', message: 'no' }

const told = (seen: RuntimeObservation): string => {
  const { phase, reason, message, actions, again, hold, isStalled, change } = decideRuntime(seen)
  const next = change && 'switch' in change ? change.switch : seen.runtime.status.switch
  const does = actions.map(action => {
    const { do: verb, ...rest } = action as {
      do: string
      recipe?: { hash: string }
      launch?: { hash: string }
    }
    const about =
      rest.recipe?.hash ?? rest.launch?.hash ?? (Object.keys(rest).length > 0 ? inShort(rest) : '')
    return about ? `${verb} ${about}` : verb
  })
  const words = [
    `${phase} ${reason}${isStalled ? ' (stalled)' : ''}: ${message}`,
    `then ${next?.step ?? '-'}${next?.percent === undefined ? '' : ` ${next.percent}%`}`,
    ...(does.length > 0 ? [does.join(', ')] : []),
    `again ${again ?? '-'}${hold ? ', held' : ''}`,
  ]
  return words.join(' | ')
}

/** What comes of it, and in which worlds. */
const byOutcome = (outcomeOf: (world: World) => string): string => {
  const groups = Map.groupBy(Object.entries(worlds), ([, world]) => outcomeOf(world))
  return [...groups]
    .map(([outcome, found]) => `${outcome}\n  ${found.map(([name]) => name).join('\n  ')}\n`)
    .join('')
}

const everyWorld = (scene: Scene): string =>
  [
    byOutcome(world => told(scene(world))),
    'In place:\n\n',
    byOutcome(world => told(scene(world, { strategy: 'InPlace' }))),
  ].join('')

const conditionsIn = (scene: Scene): string =>
  byOutcome(world => {
    const seen = scene(world)
    const { conditions = [], storage } = nextRuntimeStatus(seen, decideRuntime(seen))
    const lines = conditions.map(one => `${one.type}=${one.status} ${one.reason}: ${one.message}`)
    return [...lines, ...(storage ? [`storage ${inShort(storage)}`] : [])].join('\n')
  })

describe('A Runtime', () => {
  it.each<[string, Scene]>([
    ['preflight', inStep({ step: 'Preflight' }, a)],
    ['preflight-behind-a-key', inStep({ step: 'Preflight' }, a, key)],
    ['preflight-for-long', inStep({ step: 'Preflight', stepSince: at(-61), ...late }, a)],
    ['preflight-opened-now', inStep({ step: 'Preflight', startedAt: at(0), stepSince: at(0) }, a)],
    ['draining', inStep({ step: 'Draining' }, a)],
    ['draining-from-now', inStep({ step: 'Draining', stepSince: at(0) }, a)],
    ['draining-for-long', inStep({ step: 'Draining', stepSince: at(-30) }, a)],
    [
      'draining-without-time',
      inStep({ step: 'Draining' }, a, { switch: { drainSeconds: 0, onFailure: 'Rollback' } }),
    ],
    ['unloading', inStep({ step: 'Unloading' }, a)],
    ['unloading-opened-there', inStep({ step: 'Unloading', startedAt: at(-1), stepSince: at(-1) }, a)],
    ['unloading-written', inStep({ step: 'Unloading' }, b)],
    ['unloading-for-long', inStep({ step: 'Unloading', ...late }, b)],
    ['loading', inStep({ step: 'Loading' }, b)],
    ['loading-for-long', inStep({ step: 'Loading', ...late, progressMark: 'uid-pod running ' }, b)],
    [
      'loading-too-long',
      inStep({ step: 'Loading' }, b, { switch: { drainSeconds: 30, maxSeconds: 19, onFailure: 'Rollback' } }),
    ],
    [
      'loading-or-stop',
      inStep({ step: 'Loading' }, b, { switch: { drainSeconds: 30, stallSeconds: 4, onFailure: 'Stop' } }),
    ],
    ['loading-from-nothing', inStep({ step: 'Loading', from: undefined as never }, b)],
    ['loading-behind-a-key', inStep({ step: 'Loading' }, b, key)],
    ['verifying', inStep({ step: 'Verifying' }, b)],
    ['verifying-for-long', inStep({ step: 'Verifying', stepSince: at(-41) }, b)],
    ['verifying-behind-a-key', inStep({ step: 'Verifying' }, b, key)],
    ['going-back', inStep({ step: 'RollingBack', failure }, b)],
    ['gone-back', inStep({ step: 'RollingBack', failure }, a)],
    ['gone-back-for-long', inStep({ step: 'RollingBack', failure, ...late }, a)],
    ['gone-back-behind-a-key', inStep({ step: 'RollingBack', failure }, a, key)],
    ['waiting-for-its-model', settled({}, { wanted: { reason: 'WaitingForModel', message: 'not yet' } })],
    ['due', settled({ activeModel: 'llama' }, { wanted: b })],
    ['due-behind-a-key', settled({ activeModel: 'llama', ...key }, { wanted: b })],
  ])('that stands in %s does what its golden text has', (name, scene) => {
    expectGolden(`worlds/${name}.txt`, everyWorld(scene))
  })

  it.each<[string, Scene]>([
    ['active', settled()],
    ['paused', settled({ paused: true })],
    ['observing', settled({ activeModel: undefined }, { wanted: undefined as never })],
    ['idle', settled({ desiredState: 'Idle' }, { wanted: undefined as never })],
  ])('that is %s does and says what its golden text has', (name, scene) => {
    expectGolden(`worlds/${name}.txt`, `${everyWorld(scene)}\nConditions:\n\n${conditionsIn(scene)}`)
  })

  it('says in each step what its conditions are', () => {
    const steps = (
      ['Preflight', 'Draining', 'Unloading', 'Loading', 'Verifying', 'RollingBack'] as const
    ).map(step => {
      const seen = inStep({ step }, a)({})
      const { conditions = [] } = nextRuntimeStatus(seen, decideRuntime(seen))
      return `${step}\n${conditions.map(one => `  ${one.type}=${one.status} ${one.reason}: ${one.message}\n`).join('')}`
    })
    expectGolden('worlds/conditions-of-steps.txt', steps.join('\n'))
  })

  const onHost = (seen: RuntimeObservation): RuntimeObservation => ({
    ...seen,
    platform: 'host',
    serving: { ...seen.serving, origin: 'Made', isDirect: true },
    volume: isProblem(seen.volume)
      ? seen.volume
      : { ...seen.volume, subPath: '/srv/models', mountPath: '/srv/models' },
  })
  const hostScenes: Readonly<Record<string, Scene>> = {
    preflight: inStep({ step: 'Preflight' }, a),
    draining: inStep({ step: 'Draining' }, a),
    unloading: inStep({ step: 'Unloading' }, a),
    'unloading, written': inStep({ step: 'Unloading' }, b),
    loading: inStep({ step: 'Loading' }, b),
    verifying: inStep({ step: 'Verifying' }, b),
    'going back': inStep({ step: 'RollingBack', failure }, b),
    active: settled(),
    idle: settled({ desiredState: 'Idle' }, { wanted: undefined as never }),
  }

  /** Decisions and conditions of every world that a host can meet: no node is lost there, and nothing is adopted. */
  const saidOnHost = (scene: Scene): readonly string[] => {
    const said = Object.entries(worlds)
      .filter(
        ([name, { pod }]) => !['it is not exclusive', 'it is not prepared'].includes(name) && !pod?.isLost,
      )
      .flatMap(([, world]) =>
        (['Recreate', 'InPlace'] as const).flatMap(strategy => {
          const seen = onHost(scene(world, { strategy }))
          const decision = decideRuntime(seen)
          const { conditions = [] } = nextRuntimeStatus(seen, decision)
          return [decision.message, ...conditions.map(({ type, message }) => `${type}: ${message}`)]
        }),
      )
    return [...new Set(said)].sort()
  }

  it('on a host says what its golden text has', () => {
    const text = Object.entries(hostScenes).map(
      ([name, scene]) =>
        `${name}\n${saidOnHost(scene)
          .map(one => `  ${one}\n`)
          .join('')}`,
    )
    expectGolden('worlds/on-a-host.txt', text.join('\n'))
  })

  it('on a host never speaks of what only a cluster has', () => {
    const ofCluster =
      /\b(pods?|claims?|Deployments?|Services?|NetworkPolicy|operator|nodes?|cluster|container)\b/
    const said = Object.values(hostScenes).flatMap(saidOnHost)
    expect(said.filter(sentence => ofCluster.test(sentence))).toEqual([])
  })
})
