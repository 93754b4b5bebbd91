import { describe, expect, it } from 'vitest'
import { runtimePhases } from '../../src/domain/decision.ts'
import type { Candidate, LoadSight, RuntimeObservation } from '../../src/domain/observation.ts'
import type { PodSight } from '../../src/domain/platform.ts'
import type { LastSwitch, RuntimeStatus, SwitchState } from '../../src/domain/runtime.ts'
import { decideRuntime, runtimeRules } from '../../src/domain/runtime-rules.ts'
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
import { expectGolden, tellDecision, tellStatus } from './golden.ts'

const b = aCandidate('llama', 'recipe-b')
const served = (candidate = aCandidate()) => ({
  model: candidate.model,
  revision,
  recipe: candidate.recipe.hash,
})

const open = (more: Partial<SwitchState> = {}): SwitchState => ({
  id: 'switch',
  from: served(),
  to: served(b),
  step: 'Preflight',
  startedAt: at(-20),
  stepSince: at(-10),
  lastProgressAt: at(-5),
  attempt: 1,
  ...more,
})

const withStatus = (
  status: RuntimeStatus,
  more: Partial<RuntimeObservation> = {},
  spec: object = {},
): RuntimeObservation => seenRuntime({ runtime: aRuntime({ status, spec }), ...more })

const switching = (more: Partial<SwitchState>, seen: Partial<RuntimeObservation> = {}, spec: object = {}) =>
  withStatus(
    { active: active(), switch: open(more) },
    { wanted: b, from: aCandidate(), ...seen },
    { activeModel: 'llama', ...spec },
  )

const last = (result: LastSwitch['result']): LastSwitch => ({
  id: 'switch',
  from: served(),
  to: served(b),
  result,
  startedAt: at(-100),
  finishedAt: at(-50),
  reason: 'LoadFailed',
  message: 'out of memory',
})

const problem = (reason: string) => ({ reason: reason as 'NotFound', message: 'because' })
const oldPod = aPod()
const newPod = aPod({ name: 'vllm-2', uid: 'uid-2', recipe: 'recipe-b', createdAt: at(-5) })
const nobody = { pods: [] }
const silent = { ...answering(), answer: { ...answering().answer, state: 'Refused' as const, listed: [] } }
const evicted = { ...answering(), answer: { ...answering().answer, listed: [] } }

const loadOf = (more: Partial<LoadSight> = {}): LoadSight => ({
  recipe: 'recipe-b',
  isRunning: false,
  attempt: 1,
  endedAt: at(-1),
  problem: problem('LoadFailed'),
  ...more,
})

/** Both are loaded; the one is proved. */
const beside = (proved: Candidate) => {
  const [one, other] = [answering(), answering(b)]
  const listed = [...one.answer.listed, ...other.answer.listed]
  return { ...answering(proved), answer: { ...one.answer, listed } }
}
const unloaded = (seconds: number) => ({ ...answering(), unloadedAt: at(seconds) })

const made = aServing({ origin: 'Made' })
const direct = aServing({ origin: 'Made', isDirect: true })
const outOfService = aServing({ origin: 'Made', pods: [aPod({ isInService: false })] })
const asked = { ...answering(), answer: { ...answering().answer, running: 2 } }
const openedAt = (step: SwitchState['step']) => ({ step, startedAt: at(-1), stepSince: at(-1) })
const notReady = aServing({ recipe: 'recipe-b', pods: [{ ...newPod, isReady: false }] })

const pointer = {
  mark: 'EngineCoreFailed',
  failure: { ...problem('LoadFailed'), isPointer: true },
} as const
/** The container of the new engine has ended while it loaded. */
const ended = (seen: Partial<RuntimeObservation>, pod: Partial<PodSight> = {}): RuntimeObservation => {
  const down: PodSight = {
    ...newPod,
    isReady: false,
    isRunning: false,
    problem: problem('LoadFailed'),
    ...pod,
  }
  const serving = aServing({ recipe: 'recipe-b', pods: [down] })
  return switching({ step: 'Loading' }, { engine: silent, serving, ...seen })
}

/** The new engine answers, and was proved. */
const loaded = (seen: Partial<RuntimeObservation> = {}, spec: object = {}): RuntimeObservation =>
  switching(
    { step: 'Loading', message: 'loading' },
    {
      serving: aServing({ recipe: 'recipe-b', pods: [newPod] }),
      engine: answering(b, 'vllm-2'),
      ...seen,
    },
    spec,
  )

const unproved = (candidate: Candidate): NonNullable<RuntimeObservation['engine']> => {
  const engine = answering(candidate, 'vllm-2')
  const proof = { ...engine.proof, isProved: false, reason: 'WrongModel', message: 'another one' }
  return { ...engine, proof: proof as never }
}

/** phase, reason, step afterwards, situation, what is seen, what is asked for */
type Row = readonly [string, string, string, string, RuntimeObservation, readonly string[]]

const rows: readonly Row[] = [
  [
    'Deleting',
    'Deleting',
    '-',
    'deletion is asked',
    seenRuntime({ runtime: aRuntime({ metadata: { deletionTimestamp: at(-1) } }) }),
    ['release', 'releaseFinalizer'],
  ],
  [
    'Deleting',
    'Deleting',
    '-',
    'deletion is asked, and the originals back',
    seenRuntime({
      runtime: aRuntime({
        metadata: {
          deletionTimestamp: at(-1),
          annotations: { 'switchyard.dev/restore-requested-at': 'now' },
        },
      }),
    }),
    ['restore', 'release', 'releaseFinalizer'],
  ],
  [
    'RollingBack',
    'Switching',
    'RollingBack',
    'the new launch stands there still',
    switching(
      { step: 'RollingBack' },
      { serving: aServing({ recipe: 'recipe-b', previousRecipe: 'recipe-a', pods: [newPod] }) },
    ),
    ['revert'],
  ],
  [
    'RollingBack',
    'Switching',
    'RollingBack',
    'the old pod is up and has to be proved',
    switching({ step: 'RollingBack' }, { engine: { ...answering(), proof: undefined } as never }),
    ['prove'],
  ],
  [
    'RolledBack',
    'LoadFailed',
    '-',
    'the old one is proved again',
    switching({ step: 'RollingBack', failure: problem('LoadFailed') }),
    [],
  ],
  [
    'Failed',
    'LoadFailed',
    '-',
    'going back stalls',
    switching(
      { step: 'RollingBack', lastProgressAt: at(-4000), failure: problem('LoadFailed') },
      { serving: aServing(nobody) },
    ),
    [],
  ],
  [
    'Switching',
    'SwitchDue',
    'Preflight',
    'an adopted Deployment still rolls',
    switching({}, { serving: aServing({ isExclusive: false }) }),
    ['prepare'],
  ],
  ['Switching', 'Unloading', 'Unloading', 'everything is in order and nothing can drain', switching({}), []],
  [
    'Switching',
    'Draining',
    'Draining',
    'a made serving that runs can drain',
    switching({}, { serving: made }),
    [],
  ],
  [
    'Switching',
    'Draining',
    'Draining',
    'a switch of a made serving is due while requests run',
    seenRuntime({ wanted: b, serving: made, engine: asked }),
    [],
  ],
  [
    'Switching',
    'Unloading',
    'Unloading',
    'a switch of a made serving is due and no request runs',
    seenRuntime({ wanted: b, serving: made }),
    [],
  ],
  [
    'Switching',
    'Unloading',
    'Unloading',
    'it was opened there: the pod leaves its Service first',
    switching(openedAt('Unloading'), { serving: made }),
    ['setInService'],
  ],
  [
    'Switching',
    'Unloading',
    'Unloading',
    'it was opened there, and the pod is out of its Service',
    switching(openedAt('Unloading'), { serving: outOfService }),
    ['apply'],
  ],
  [
    'Switching',
    'Draining',
    'Draining',
    'it was opened there, and a request came in meanwhile',
    switching(openedAt('Unloading'), { serving: outOfService, engine: asked }),
    [],
  ],
  [
    'Switching',
    'Draining',
    'Draining',
    'requests run still',
    switching({ step: 'Draining', stepSince: at(-20) }, { serving: outOfService, engine: asked }),
    [],
  ],
  [
    'Switching',
    'Unloading',
    'Unloading',
    'requests have run too long',
    switching({ step: 'Draining', stepSince: at(-31) }, { serving: outOfService, engine: asked }),
    [],
  ],
  [
    'Rejected',
    'TooManyReplicas',
    '-',
    'preflight finds a problem: nothing was touched',
    switching({}, { serving: aServing({ problems: [problem('TooManyReplicas')] }) }),
    [],
  ],
  [
    'Switching',
    'EngineUnreachable',
    'Preflight',
    'the engine does not answer yet',
    switching({}, { engine: silent }),
    [],
  ],
  [
    'Rejected',
    'EngineUnreachable',
    '-',
    'the engine has not answered for long',
    switching({ stepSince: at(-61) }, { engine: silent }),
    [],
  ],
  ['Switching', 'Unloading', 'Unloading', 'an adopted one cannot drain', switching({ step: 'Draining' }), []],
  [
    'Switching',
    'Unloading',
    'Unloading',
    'nothing stands between clients and an idle engine: there is nothing to wait for',
    switching({}, { serving: direct }),
    [],
  ],
  [
    'Switching',
    'Draining',
    'Draining',
    'nothing stands between clients and a busy engine: its requests are let end, and nobody is turned away',
    switching({ step: 'Draining', stepSince: at(-1) }, { serving: direct, engine: asked }),
    [],
  ],
  [
    'Switching',
    'Unloading',
    'Unloading',
    'it was opened there, and nothing stands between clients and an idle engine',
    switching(openedAt('Unloading'), { serving: direct }),
    ['apply'],
  ],
  [
    'Switching',
    'Draining',
    'Draining',
    'a made one leaves its Service first',
    switching({ step: 'Draining', stepSince: at(-1) }, { serving: aServing({ origin: 'Made' }) }),
    ['setInService'],
  ],
  [
    'Switching',
    'Unloading',
    'Unloading',
    'the new launch is not written yet',
    switching({ step: 'Unloading' }),
    ['apply'],
  ],
  [
    'Switching',
    'Unloading',
    'Unloading',
    'the old pod has not ended',
    switching(
      { step: 'Unloading' },
      { serving: aServing({ recipe: 'recipe-b', pods: [{ ...oldPod, isLeaving: true }] }) },
    ),
    [],
  ],
  [
    'Switching',
    'Loading',
    'Loading',
    'the device is free',
    switching({ step: 'Unloading' }, { serving: aServing({ recipe: 'recipe-b', ...nobody }) }),
    [],
  ],
  [
    'Switching',
    'Loading',
    'Loading',
    'the new pod is up: it is proved before anything is told',
    loaded({ engine: { ...answering(b, 'vllm-2'), proof: undefined } as never }),
    ['prove'],
  ],
  ['Active', 'Active', '-', 'its first proof is good', loaded(), ['commit']],
  [
    'Switching',
    'Loading',
    'Loading',
    'somebody scaled it to nothing while it loads',
    loaded({ serving: aServing({ recipe: 'recipe-b', replicas: 0, ...nobody }) }),
    ['scale'],
  ],
  [
    'Switching',
    'Verifying',
    'Verifying',
    'somebody scaled it to nothing while it is proved',
    switching({ step: 'Verifying' }, { serving: aServing({ recipe: 'recipe-b', replicas: 0, ...nobody }) }),
    ['scale'],
  ],
  [
    'RollingBack',
    'LoadStalled',
    'RollingBack',
    'its pod is gone while it is proved, and no other comes',
    switching(
      { step: 'Verifying', lastProgressAt: at(-4000) },
      { serving: aServing({ recipe: 'recipe-b', ...nobody }) },
    ),
    [],
  ],
  ['Switching', 'WrongModel', 'Verifying', 'its first proof is bad', loaded({ engine: unproved(b) }), []],
  [
    'Switching',
    'Verifying',
    'Verifying',
    'it is up, and its first proof takes a pod of its own',
    loaded({}, { apiKeySecretRef: { name: 'key' } }),
    [],
  ],
  [
    'RollingBack',
    'LoadFailed',
    'RollingBack',
    'the new pod was restarted',
    switching(
      { step: 'Loading' },
      {
        serving: aServing({ recipe: 'recipe-b', pods: [{ ...newPod, isReady: false, restarts: 1 }] }),
      },
    ),
    [],
  ],
  [
    'RollingBack',
    'LoadStalled',
    'RollingBack',
    'nothing moves any more',
    switching(
      { step: 'Loading', lastProgressAt: at(-4000), progressMark: 'uid-2 running ', message: 'loading' },
      { serving: aServing({ recipe: 'recipe-b', pods: [{ ...newPod, isReady: false }] }), engine: silent },
    ),
    [],
  ],
  [
    'Switching',
    'Loading',
    'Loading',
    'the new engine answers before kubelet says ready: it is proved meanwhile',
    loaded({ serving: notReady, engine: { ...answering(b, 'vllm-2'), proof: undefined } as never }),
    ['prove'],
  ],
  [
    'Switching',
    'Loading',
    'Loading',
    'its first proof is good, but kubelet does not say ready yet',
    loaded({ serving: notReady }),
    [],
  ],
  [
    'Switching',
    'Verifying',
    'Verifying',
    'proved, but kubelet does not say ready yet',
    switching(
      { step: 'Verifying' },
      {
        serving: aServing({ recipe: 'recipe-b', pods: [{ ...newPod, isReady: false }] }),
        engine: answering(b, 'vllm-2'),
      },
    ),
    [],
  ],
  [
    'Switching',
    'Loading',
    'Loading',
    'the load call broke: the engine may be loading all the same',
    switching(
      { step: 'Loading' },
      {
        strategy: 'InPlace',
        engine: { ...evicted, load: loadOf({ problem: problem('EngineUnreachable') }) },
      },
    ),
    [],
  ],
  [
    'RollingBack',
    'EngineUnreachable',
    'RollingBack',
    'three load calls broke',
    switching(
      { step: 'Loading' },
      {
        strategy: 'InPlace',
        engine: { ...evicted, load: loadOf({ attempt: 3, problem: problem('EngineUnreachable') }) },
      },
    ),
    [],
  ],
  [
    'Switching',
    'Unloading',
    'Unloading',
    'the engine still has the old model',
    switching({ step: 'Unloading' }, { strategy: 'InPlace', engine: answering() }),
    ['unload'],
  ],
  [
    'Switching',
    'Loading',
    'Loading',
    'its clients have loaded the old model again',
    switching({ step: 'Unloading' }, { strategy: 'InPlace', engine: unloaded(-5) }),
    [],
  ],
  [
    'Switching',
    'Unloading',
    'Unloading',
    'the old model was unloaded in another switch',
    switching({ step: 'Unloading' }, { strategy: 'InPlace', engine: unloaded(-15) }),
    ['unload'],
  ],
  [
    'Switching',
    'Unloading',
    'Unloading',
    'it is to serve nothing, and its clients have loaded the old model again',
    switching(
      { step: 'Unloading', to: undefined as never },
      { strategy: 'InPlace', engine: unloaded(-5), wanted: undefined as never },
      { desiredState: 'Idle' },
    ),
    ['unload'],
  ],
  [
    'Active',
    'Active',
    '-',
    'the new one is proved beside the old one, which clients hold: with the alias they come along',
    switching({ step: 'Verifying' }, { strategy: 'InPlace', engine: beside(b) }),
    ['commit', 'unload'],
  ],
  [
    'RollingBack',
    'Switching',
    'RollingBack',
    'what failed is unloaded first on the way back',
    switching({ step: 'RollingBack' }, { strategy: 'InPlace', engine: beside(b) }),
    ['unload'],
  ],
  [
    'RolledBack',
    'LoadFailed',
    '-',
    'what failed is held by its clients, and the old one is proved beside it',
    switching(
      { step: 'RollingBack', failure: problem('LoadFailed') },
      { strategy: 'InPlace', engine: { ...beside(aCandidate()), unloadedAt: at(-5) } },
    ),
    [],
  ],
  [
    'RollingBack',
    'UnloadStalled',
    'RollingBack',
    'the engine keeps the old model',
    switching({ step: 'Unloading', lastProgressAt: at(-4000) }, { strategy: 'InPlace', engine: answering() }),
    [],
  ],
  [
    'Switching',
    'Loading',
    'Loading',
    'it has ended just now, and its log only points to a cause',
    ended({ signs: [pointer], logSince: at(-2) }),
    [],
  ],
  [
    'RollingBack',
    'LoadFailed',
    'RollingBack',
    'it has ended just now, and says why',
    ended({ signs: [{ mark: 'Error', failure: problem('LoadFailed') }, pointer], logSince: at(0) }),
    [],
  ],
  ['Switching', 'Loading', 'Loading', 'it has ended without a word', ended({ logSince: at(0) }), []],
  [
    'RollingBack',
    'PortTaken',
    'RollingBack',
    'it has ended just now, and its log has the cause',
    ended({ signs: [pointer, { mark: 'PortTaken', failure: problem('PortTaken') }], logSince: at(-2) }),
    [],
  ],
  [
    'RollingBack',
    'LoadFailed',
    'RollingBack',
    'it has ended, and the cause does not come',
    ended({ signs: [pointer], logSince: at(-3) }),
    [],
  ],
  [
    'RollingBack',
    'OutOfMemory',
    'RollingBack',
    'it was killed just now, and the cluster knows why',
    ended({ logSince: at(-1) }, { problem: problem('OutOfMemory') }),
    [],
  ],
  [
    'Failed',
    'LoadFailed',
    '-',
    'there is nothing to go back to',
    switching(
      { step: 'Loading', from: undefined as never },
      { serving: aServing({ recipe: 'recipe-b', pods: [{ ...newPod, isReady: false, restarts: 1 }] }) },
    ),
    [],
  ],
  [
    'Active',
    'Active',
    '-',
    'the new one is proved',
    switching(
      { step: 'Verifying' },
      { serving: aServing({ recipe: 'recipe-b', pods: [newPod] }), engine: answering(b, 'vllm-2') },
    ),
    ['commit'],
  ],
  [
    'RollingBack',
    'Replaced',
    'RollingBack',
    'the old one is wanted again while the new one loads',
    switching({ step: 'Loading' }, { wanted: aCandidate() }),
    [],
  ],
  [
    'Active',
    'Active',
    '-',
    'the old one is wanted again before anything was touched: it was active all the time',
    switching({ step: 'Draining' }, { wanted: aCandidate() }),
    [],
  ],
  ['Paused', 'Paused', '-', 'paused', withStatus({ active: active() }, {}, { paused: true }), []],
  [
    'Paused',
    'Paused',
    '-',
    'paused, and the proof is old: Ready stays honest',
    withStatus(
      { active: active() },
      { engine: { ...answering(), proof: { ...answering().proof, at: at(-61) } as never } },
      { paused: true },
    ),
    ['prove'],
  ],
  [
    'Rejected',
    'FieldConflict',
    '-',
    'another manager changed what a switch wrote',
    seenRuntime({ serving: aServing({ drift: problem('FieldConflict') }) }),
    [],
  ],
  [
    'Rejected',
    'EngineCannotServe',
    '-',
    'the wanted Model does not fit',
    seenRuntime({ wanted: problem('EngineCannotServe') }),
    [],
  ],
  [
    'Rejected',
    'FieldConflict',
    '-',
    'the switch was refused before anything was touched',
    withStatus(
      { active: active(), lastSwitch: { ...last('Cancelled'), reason: 'FieldConflict' } },
      { wanted: b },
    ),
    [],
  ],
  [
    'Waiting',
    'DeploymentNotFound',
    '-',
    'the Deployment is not there',
    seenRuntime({ serving: aServing({ exists: false, problems: [problem('DeploymentNotFound')] }) }),
    [],
  ],
  [
    'Waiting',
    'ModelNotFound',
    '-',
    'the Model is not there',
    seenRuntime({ wanted: problem('ModelNotFound') }),
    [],
  ],
  [
    'Observing',
    'Observing',
    '-',
    'no model is wished',
    seenRuntime({
      runtime: aRuntime({ spec: { activeModel: undefined } }),
      wanted: undefined as never,
      committed: undefined as never,
    }),
    [],
  ],
  [
    'Switching',
    'Unloading',
    'Unloading',
    'idle is wished while a pod runs',
    withStatus({ active: active() }, { wanted: undefined as never }, { desiredState: 'Idle' }),
    [],
  ],
  [
    'Idle',
    'Idle',
    '-',
    'nothing runs and idle is wished',
    withStatus(
      {},
      { wanted: undefined as never, serving: aServing({ replicas: 0, ...nobody }) },
      { desiredState: 'Idle' },
    ),
    [],
  ],
  [
    'RolledBack',
    'LoadFailed',
    '-',
    'the same wish failed last',
    withStatus({ active: active(), lastSwitch: last('RolledBack') }, { wanted: b }),
    [],
  ],
  [
    'Failed',
    'LoadFailed',
    '-',
    'the same wish failed last and nothing serves',
    withStatus({ lastSwitch: last('Failed') }, { wanted: b, committed: undefined as never }),
    [],
  ],
  [
    'Switching',
    'Unloading',
    'Unloading',
    'a retry is asked for the wish that failed',
    seenRuntime({
      runtime: aRuntime({
        status: { active: active(), lastSwitch: last('RolledBack') },
        metadata: { annotations: { 'switchyard.dev/retry-requested-at': 'now' } },
      }),
      wanted: b,
    }),
    [],
  ],
  [
    'Switching',
    'Unloading',
    'Unloading',
    'the same wish was dropped while its Model had no verified copy, and now it has one',
    withStatus(
      { active: active(), lastSwitch: { ...last('RolledBack'), reason: 'WaitingForModel' } },
      { wanted: b },
    ),
    [],
  ],
  [
    'WaitingForModel',
    'WaitingForModel',
    '-',
    'the wanted copy is not verified yet',
    seenRuntime({ wanted: problem('WaitingForModel') }),
    [],
  ],
  [
    'Switching',
    'Unloading',
    'Unloading',
    'another model is wanted and verified',
    seenRuntime({ wanted: b }),
    [],
  ],
  [
    'SwitchDue',
    'SwitchDue',
    'Preflight',
    'another model is wanted, and the Deployment is not exclusive yet',
    seenRuntime({ wanted: b, serving: aServing({ isExclusive: false }) }),
    [],
  ],
  [
    'SwitchDue',
    'SwitchDue',
    'Preflight',
    'another model is wanted, and the engine does not answer',
    seenRuntime({ wanted: b, engine: silent }),
    [],
  ],
  [
    'Switching',
    'Unloading',
    'Unloading',
    'its Deployment was deleted and made anew as it was found: nothing but a switch brings the model back',
    seenRuntime({
      serving: aServing({ recipe: undefined as never, pods: [aPod({ recipe: undefined as never })] }),
      engine: answering(b),
    }),
    [],
  ],
  [
    'Active',
    'Active',
    '-',
    'the template lost our mark, and the model answers all the same',
    seenRuntime({ serving: aServing({ recipe: undefined as never }) }),
    [],
  ],
  [
    'Degraded',
    'ModelGone',
    '-',
    'the pod is not ready: the kubelet restarts it',
    seenRuntime({ serving: aServing({ pods: [aPod({ isReady: false })] }) }),
    [],
  ],
  [
    'Degraded',
    'NodeLost',
    '-',
    'the node is lost',
    seenRuntime({ serving: aServing({ pods: [aPod({ isLost: true, isReady: false })] }) }),
    [],
  ],
  [
    'Degraded',
    'ModelGone',
    '-',
    'somebody scaled it to nothing',
    seenRuntime({ serving: aServing({ replicas: 0, ...nobody }) }),
    ['scale'],
  ],
  [
    'Degraded',
    'ModelEvicted',
    '-',
    'another client unloaded it',
    seenRuntime({ strategy: 'InPlace', engine: evicted }),
    ['load'],
  ],
  [
    'Degraded',
    'ModelEvicted',
    '-',
    'it could not be loaded again a moment ago',
    seenRuntime({ strategy: 'InPlace', engine: { ...evicted, load: loadOf({ recipe: 'recipe-a' }) } }),
    [],
  ],
  [
    'Degraded',
    'ModelEvicted',
    '-',
    'it could not be loaded again, and the wait is over',
    seenRuntime({
      strategy: 'InPlace',
      engine: { ...evicted, load: loadOf({ recipe: 'recipe-a', endedAt: at(-6) }) },
    }),
    ['load'],
  ],
  [
    'Degraded',
    'EngineAsleep',
    '-',
    'somebody put it to sleep',
    seenRuntime({ engine: { ...answering(), answer: { ...answering().answer, isAsleep: true } } }),
    [],
  ],
  [
    'Degraded',
    'CrashLoop',
    '-',
    'its container ends again and again',
    seenRuntime({
      serving: aServing({
        pods: [aPod({ isReady: false, isRunning: false, problem: problem('CrashLoop') })],
      }),
    }),
    [],
  ],
  [
    'Degraded',
    'ProofFailed',
    '-',
    'the last proof failed',
    seenRuntime({
      engine: {
        ...answering(),
        proof: {
          isProved: false,
          reason: 'ProofFailed',
          message: 'no',
          milliseconds: 1,
          recipe: 'recipe-a',
          at: at(-2),
        },
      },
    }),
    ['prove'],
  ],
  ['Active', 'Active', '-', 'the wanted one is proved', seenRuntime(), []],
  [
    'Active',
    'Active',
    '-',
    'the proof is old',
    seenRuntime({
      engine: { ...answering(), proof: { ...answering().proof, at: at(-61) } as never },
    }),
    ['prove'],
  ],
  [
    'Active',
    'Active',
    '-',
    'a busy engine that does not answer in time is not gone',
    seenRuntime({
      engine: { ...answering(), answer: { ...answering().answer, state: 'Silent', listed: [] } },
    }),
    [],
  ],
]

const stepAfter = (seen: RuntimeObservation): string => {
  const { change } = decideRuntime(seen)
  const next = change && 'switch' in change ? change.switch : seen.runtime.status.switch
  return next?.step ?? '-'
}

describe('A wish that cannot be met, written while a switch runs', () => {
  const bad = { wanted: problem('ArgumentNotAllowed') }

  it('drops a switch that has touched nothing; what it went to may be wanted again', () => {
    const { change } = decideRuntime(switching({ step: 'Preflight' }, bad))
    expect(change?.lastSwitch?.result).toBe('Cancelled')
    const again = withStatus({ active: active(), ...change } as RuntimeStatus, { wanted: b })
    expect(decideRuntime(again).change?.switch).toMatchObject({ to: served(b), step: 'Unloading' })
  })

  it('goes back from a switch under way, also where a failure would stop', () => {
    const stops = { switch: { onFailure: 'Stop', drainSeconds: 30 } }
    expect(decideRuntime(switching({ step: 'Loading' }, bad, stops)).change?.switch).toMatchObject({
      step: 'RollingBack',
      failure: { reason: 'Replaced' },
    })
  })
})

describe('The rules of a Runtime', () => {
  it.each(rows)('%s (%s, then %s): %s', (phase, reason, step, _, seen, asked) => {
    const decision = decideRuntime(seen)
    expect({
      phase: decision.phase,
      reason: decision.reason,
      step: stepAfter(seen),
      actions: decision.actions.map(action => action.do),
    }).toEqual({ phase, reason, step, actions: [...asked] })
  })

  it('say, wait for, ask and write what their golden text has', () => {
    const told = rows.map(([phase, reason, step, situation, seen]) => {
      const decision = decideRuntime(seen)
      const title = `${phase} (${reason}, then ${step}): ${situation}`
      const status = tellStatus(nextRuntimeStatus(seen, decision)).map(line => `  | ${line}\n`)
      return tellDecision(title, decision) + status.join('')
    })
    expectGolden('runtime-rules.txt', told.join('\n'))
  })

  it('have a row for each phase, in the order of the phases', () => {
    expect(runtimeRules.map(([name]) => name)).toEqual([...runtimePhases])
    expect([...runtimePhases].filter(phase => !rows.some(([name]) => name === phase))).toEqual([])
  })

  it('touch nothing before the switch stands in status', () => {
    const opening = rows
      .filter(([, , , , { runtime }]) => runtime.status.switch === undefined)
      .map(([, , , , seen]) => decideRuntime(seen))
      .filter(({ change }) => change?.switch)
    expect(opening.length).toBeGreaterThan(8)
    expect(opening.flatMap(({ actions }) => actions)).toEqual([])
  })

  it('say in one word that a switch has ended and what holds after it', () => {
    const said = decideRuntime(switching({ step: 'RollingBack', failure: problem('LoadFailed') }))
    expect(said).toMatchObject({ isStalled: true, message: 'rolled back to qwen: because' })
    expect(said.change).toMatchObject({ switch: undefined, lastSwitch: { result: 'RolledBack' } })
  })

  it('end a switch first, where another begins', () => {
    const seen = switching(
      { step: 'RollingBack', failure: problem('Replaced') },
      { wanted: aCandidate('phi', 'c') },
    )
    const { phase, change } = decideRuntime(seen)
    expect([phase, change?.switch, change?.lastSwitch?.result]).toEqual([
      'RolledBack',
      undefined,
      'Cancelled',
    ])
  })

  it('tell on the way back why it goes back', () => {
    const failure = problem('LoadFailed')
    const said = decideRuntime(switching({ step: 'RollingBack', failure }, { serving: aServing(nobody) }))
    expect([said.reason, said.message]).toEqual([
      'LoadFailed',
      'going back (waiting for the old model to load): because',
    ])
  })

  it('put a pod back into its Service when draining is called off', () => {
    const seen = switching(
      { step: 'Draining' },
      {
        wanted: aCandidate(),
        serving: aServing({ origin: 'Made', pods: [aPod({ isInService: false })] }),
      },
    )
    expect(decideRuntime(seen).actions).toEqual([{ do: 'setInService', pod: 'vllm-1', isInService: true }])
  })

  it('put the pod of an active Runtime back into its Service, whoever left it outside', () => {
    const seen = seenRuntime({
      serving: aServing({ origin: 'Made', pods: [aPod({ isInService: false })] }),
    })
    const { phase, actions } = decideRuntime(seen)
    expect(phase).toBe('Active')
    expect(actions).toContainEqual({ do: 'setInService', pod: 'vllm-1', isInService: true })
  })
})
