import { describe, expect, it } from 'vitest'
import { modelPhases } from '../../src/domain/decision.ts'
import type { FailureNote, ModelStatus } from '../../src/domain/model.ts'
import { decideModel, modelRules } from '../../src/domain/model-rules.ts'
import { settleModel } from '../../src/domain/model-settle.ts'
import type { ModelObservation } from '../../src/domain/observation.ts'
import { aCopy, aModel, at, aWork, resolved, seenModel, volume, wanting } from '../builders/seen.ts'

const decide = (seen: ModelObservation) => decideModel(settleModel(seen))

const note = (reason: string, more: Partial<FailureNote> = {}): FailureNote => ({
  reason,
  message: 'it broke',
  attempts: 1,
  at: at(-10),
  ...more,
})

const withStatus = (status: ModelStatus, more: Partial<ModelObservation> = {}): ModelObservation =>
  seenModel({ model: aModel({ status }), ...more })

const there = { resolved, copies: [aCopy()] }
const failing = (failure: FailureNote): ModelStatus => ({
  resolved,
  copies: [{ ...aCopy({ phase: 'Failed', failure }), receipt: undefined, revision: undefined } as never],
})
const deleted = (status: ModelStatus, spec: object = {}) =>
  aModel({ status, spec, metadata: { deletionTimestamp: at(-1) } })

const running = aWork({ command: 'download', subject: `${volume.key}@x#0`, volume: volume.key })
const stalled = {
  phase: 'Downloading',
  bytesTotal: 100,
  bytesDone: 7,
  stalled: 'no byte for 12 s: the hub answered 503',
} as const

/** phase, reason, situation, what is seen, what is asked for */
const rows: readonly (readonly [string, string, string, ModelObservation, readonly string[]])[] = [
  [
    'Deleting',
    'ModelInUse',
    'deletion asked while a Runtime serves it',
    seenModel({ model: deleted(there), usedBy: ['gpu'] }),
    [],
  ],
  [
    'Deleting',
    'Deleting',
    'deletion asked and nobody uses it',
    seenModel({ model: deleted(there), runtimes: [] }),
    ['startWork remove'],
  ],
  [
    'Deleting',
    'Deleting',
    'deletion asked with Retain',
    seenModel({ model: deleted(there, { deletionPolicy: 'Retain' }), runtimes: [] }),
    ['releaseFinalizer'],
  ],
  [
    'Deleting',
    'Deleting',
    'deletion asked while bytes come',
    seenModel({ model: deleted(there), runtimes: [], works: [running] }),
    ['cancelWork'],
  ],
  [
    'Deleting',
    'Deleting',
    'bytes that were found there stay',
    seenModel({ model: deleted({ resolved, copies: [aCopy({ origin: 'Adopted' })] }), runtimes: [] }),
    ['releaseFinalizer'],
  ],
  [
    'Deleting',
    'Deleting',
    'the namespace is being deleted, where no Job can start',
    seenModel({ model: deleted(there), usedBy: ['gpu'], isTerminating: true }),
    ['releaseFinalizer'],
  ],
  [
    'Paused',
    'Paused',
    'paused while bytes come',
    seenModel({ model: aModel({ spec: { paused: true }, status: { resolved } }), works: [running] }),
    ['cancelWork'],
  ],
  [
    'Rejected',
    'EngineCannotServe',
    'a Hub model is named for Ollama',
    withStatus({ resolved }, { runtimes: [{ ...wanting, why: 'Named', engine: 'Ollama' }] }),
    [],
  ],
  [
    'Rejected',
    'InvalidSpec',
    'the spec breaks the schema',
    seenModel({ model: { ...aModel(), invalid: 'spec.source: is required' } }),
    [],
  ],
  ['Resolving', 'Resolving', 'nothing is known yet', seenModel(), ['startWork resolve']],
  ['Resolving', 'Resolving', 'the resolve work runs', seenModel({ works: [aWork()] }), []],
  [
    'Resolving',
    'Queued',
    'every place to resolve is taken',
    seenModel({ resolves: { running: 8, limit: 8, ahead: 0 } }),
    ['standInLine'],
  ],
  [
    'Resolving',
    'Queued',
    'a place is free and another one stands before it',
    seenModel({ resolves: { running: 7, limit: 8, ahead: 1 } }),
    ['standInLine'],
  ],
  [
    'Resolving',
    'Resolving',
    'two places are free and one stands before it',
    seenModel({ resolves: { running: 6, limit: 8, ahead: 1 } }),
    ['startWork resolve'],
  ],
  [
    'Resolving',
    'Resolving',
    'the source was edited while the old one is being resolved',
    seenModel({ works: [aWork({ subject: 'other#0', id: 'stale' })] }),
    ['cancelWork', 'startWork resolve'],
  ],
  [
    'Resolving',
    'SourceUnavailable',
    'a passing trouble backs off',
    withStatus({ failure: note('SourceUnavailable', { retryAt: at(20) }) }),
    [],
  ],
  [
    'Resolving',
    'Resolving',
    'a passing trouble is due again',
    withStatus({ failure: note('SourceUnavailable', { retryAt: at(-1) }) }),
    ['startWork resolve'],
  ],
  [
    'Failed',
    'AttemptsExhausted',
    'resolving was tried often enough',
    withStatus({ failure: note('AttemptsExhausted') }),
    [],
  ],
  [
    'Failed',
    'Gated',
    'access is not given; it is tried again later',
    withStatus({ failure: note('Gated', { retryAt: at(60) }) }),
    [],
  ],
  ['Failed', 'Integrity', 'a copy failed for good', withStatus(failing(note('Integrity'))), []],
  [
    'Blocked',
    'OverBudget',
    'the volume may not hold it',
    withStatus(failing(note('OverBudget', { needBytes: 200e9, haveBytes: 100e9 }))),
    [],
  ],
  [
    'Downloading',
    'Downloading',
    'the volume may hold it by now',
    withStatus(failing(note('OverBudget', { needBytes: 10e9, haveBytes: 5e9 }))),
    ['startWork download'],
  ],
  [
    'Waiting',
    'TokenSecretMissing',
    'the token is not there',
    withStatus({ failure: note('TokenSecretMissing', { retryAt: at(10) }) }),
    [],
  ],
  [
    'Waiting',
    'PodNotStarted',
    'the resolve pod cannot start',
    seenModel({
      works: [aWork({ phase: 'Starting', notStarted: { reason: 'PodNotStarted', message: 'no image' } })],
    }),
    [],
  ],
  [
    'Waiting',
    'ClaimNotFound',
    'the claim is not there',
    withStatus(
      { resolved },
      { runtimes: [{ ...wanting, volume: { reason: 'ClaimNotFound', message: 'no claim' } }] },
    ),
    [],
  ],
  [
    'Queued',
    'VolumeBusy',
    'another work holds the volume',
    withStatus({ resolved }, { busy: new Map([[volume.key, 'busy']]) }),
    [],
  ],
  [
    'Queued',
    'Queued',
    'as many downloads run as may',
    withStatus({ resolved }, { downloads: { running: 2, limit: 2, ahead: 0 } }),
    [],
  ],
  ['Downloading', 'Downloading', 'a copy is wanted', withStatus({ resolved }), ['startWork download']],
  ['Downloading', 'Downloading', 'bytes come', withStatus({ resolved }, { works: [running] }), []],
  [
    'Downloading',
    'DownloadStalled',
    'no byte has come for a while',
    withStatus({ resolved }, { works: [{ ...running, progress: stalled }] }),
    [],
  ],
  [
    'Verifying',
    'Verifying',
    'the receipt stands for another claim',
    withStatus({ resolved, copies: [aCopy({ claimUID: 'another' })] }),
    ['startWork verify'],
  ],
  [
    'Verifying',
    'Verifying',
    'a person asks',
    seenModel({
      model: aModel({
        status: there,
        metadata: { annotations: { 'switchyard.dev/verify-requested-at': 'now' } },
      }),
    }),
    ['startWork verify'],
  ],
  ['Ready', 'Downloaded', 'the copy is verified', withStatus(there), []],
  ['Ready', 'NothingWanted', 'no Runtime wants it', withStatus({ resolved }, { runtimes: [] }), []],
  [
    'Ready',
    'NothingWanted',
    'a named copy left spec.runtimes',
    withStatus({ resolved, copies: [aCopy({ isNamed: true })] }, { runtimes: [] }),
    ['startWork remove'],
  ],
  [
    'Ready',
    'NothingWanted',
    'a copy that was never named stays',
    withStatus({ resolved, copies: [aCopy()] }, { runtimes: [] }),
    [],
  ],
  [
    'Ready',
    'NothingWanted',
    'the Runtime of a named copy is being deleted: the bytes stay',
    seenModel({
      model: aModel({
        spec: { runtimes: [{ name: 'gpu' }] },
        status: { resolved, copies: [aCopy({ isNamed: true })] },
      }),
      runtimes: [],
    }),
    [],
  ],
]

describe('The rules of a Model', () => {
  it.each(rows)('%s (%s): %s', (phase, reason, _, seen, asked) => {
    const decision = decide(seen)
    const actions = decision.actions.map(action =>
      action.do === 'startWork' ? `startWork ${action.identity.command}` : action.do,
    )
    expect({ phase: decision.phase, reason: decision.reason, actions }).toEqual({
      phase,
      reason,
      actions: [...asked],
    })
  })

  it('have a row for each phase, in the order of the phases', () => {
    expect(modelRules.map(([name]) => name)).toEqual([...modelPhases])
    expect([...modelPhases].filter(phase => !rows.some(([name]) => name === phase))).toEqual([])
  })

  it('stall where a person must act, and only there', () => {
    const stalled = rows.filter(([, , , seen]) => decide(seen).isStalled).map(([phase]) => phase)
    expect([...new Set(stalled)]).toEqual(['Rejected', 'Failed'])
  })
})

describe('What has ended', () => {
  const done = aWork({
    id: 'done',
    command: 'download',
    subject: `${volume.key}@${resolved.revision}#0`,
    volume: volume.key,
    phase: 'Succeeded',
    endedAt: at(-1),
    result: {
      copy: { receipt: 'r'.repeat(64), bytes: 10e9, bytesFetched: 10e9, bytesReused: 0, path: '/x' },
    },
  })

  it('is folded in once', () => {
    const once = settleModel(withStatus({ resolved, copies: [aCopy({ bytesStored: 0 })] }, { works: [done] }))
    const twice = settleModel(withStatus(once.status, { works: [done] }))
    expect(once.status.settledWorks).toEqual(['done'])
    expect(twice.status).toEqual(once.status)
  })

  it('on a claim that was made anew since is verified there before it counts', () => {
    const before = { ...done, subject: `${done.subject}~uid-before` }
    const facts = settleModel(
      withStatus({ resolved, copies: [aCopy({ claimUID: 'uid-before' })] }, { works: [before] }),
    )
    expect(facts.status.copies?.[0]?.claimUID).toBe('uid-before')
    expect(decideModel(facts)).toMatchObject({ phase: 'Verifying' })
  })

  it('says nothing more when it is seen as running again: by a late cache, or begun once more by a leader of before', () => {
    const { status } = settleModel(withStatus({ resolved, copies: [aCopy()] }, { works: [done] }))
    const { result: _, endedAt: __, ...late } = done
    const decision = decide(withStatus(status, { works: [{ ...late, phase: 'Running' }] }))
    expect(decision).toMatchObject({ phase: 'Ready', actions: [] })
  })

  it('is known also when the controller died before it wrote that it had begun', () => {
    const { status } = settleModel(withStatus({ resolved }, { works: [done] }))
    expect(status.copies).toMatchObject([{ claim: 'models', receipt: 'r'.repeat(64), path: '/x' }])
  })

  it('is forgotten as a failure when the spec was edited', () => {
    const model = aModel({
      status: { observedGeneration: 1, failure: note('NotFound') },
      metadata: { generation: 2 },
    })
    const { status } = settleModel(seenModel({ model }))
    expect({ failure: status.failure, round: status.round }).toEqual({ failure: undefined, round: 1 })
  })

  it('is done once more under another id', () => {
    const asked = (settledWorks: string[]) =>
      decide(withStatus({ resolved, settledWorks })).actions.flatMap(action =>
        action.do === 'startWork' ? [action.identity.subject] : [],
      )
    const [first = ''] = asked([])
    expect(first).toMatch(/#0~uid-claim$/)
    const settled = settleModel(withStatus({ resolved })).seen.digest(`uid-qwen/download/${first}/1`)
    expect(asked([settled.slice(0, 20)])[0]).toMatch(/#1~uid-claim$/)
  })
})
