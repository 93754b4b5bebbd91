// What a Model can be seen as, one row for each situation: the rules, the words and the status of each are looked at.
import type { FailureNote, ModelStatus } from '../../src/domain/model.ts'
import type { ModelObservation } from '../../src/domain/observation.ts'
import { aCopy, aModel, at, aWork, resolved, seenModel, volume, wanting } from '../builders/seen.ts'

export const note = (reason: string, more: Partial<FailureNote> = {}): FailureNote => ({
  reason,
  message: 'it broke',
  attempts: 1,
  at: at(-10),
  ...more,
})

export const withStatus = (status: ModelStatus, more: Partial<ModelObservation> = {}): ModelObservation =>
  seenModel({ model: aModel({ status }), ...more })

export const there = { resolved, copies: [aCopy()] }
const failing = (failure: FailureNote): ModelStatus => ({
  resolved,
  copies: [{ ...aCopy({ phase: 'Failed', failure }), receipt: undefined, revision: undefined } as never],
})
const deleted = (status: ModelStatus, spec: object = {}) =>
  aModel({ status, spec, metadata: { deletionTimestamp: at(-1) } })

const cancelAsked = (status: ModelStatus, { refresh }: { readonly refresh?: string } = {}) =>
  aModel({
    status,
    metadata: {
      annotations: {
        'switchyard.dev/cancel-requested-at': at(-1),
        ...(refresh ? { 'switchyard.dev/refresh-requested-at': refresh } : {}),
      },
    },
  })

export const running = aWork({ command: 'download', subject: `${volume.key}@x#0`, volume: volume.key })
const stalled = {
  phase: 'Downloading',
  bytesTotal: 100,
  bytesDone: 7,
  stalled: 'no byte for 12 s: the hub answered 503',
} as const

type Situation = readonly [string, string, string, ModelObservation, readonly string[]]

const { receipt: __, revision: ___, bytesStored: ____, path: _____, ...unfetched } = aCopy()
const bare = { ...unfetched, phase: 'Pending' as const }
const inOther = { claim: 'other', subPath: 'sub/path', claimUID: 'uid-other', runtimes: ['gpu-2'] }
const removing = aWork({ command: 'remove', subject: `${volume.key}@x#0`, volume: volume.key, id: 'remove' })
const notStarted = { reason: 'PodNotStarted', message: 'no node is left' } as const
const going = (status: ModelStatus, more: Partial<ModelObservation> = {}) =>
  seenModel({ model: deleted(status), runtimes: [], ...more })
const removalFailed = (reason: string, more: Partial<FailureNote> = {}): ModelStatus => ({
  resolved,
  copies: [aCopy({ phase: 'Removing', failure: note(reason, more) })],
})
const otherVolume = {
  ...volume,
  key: 'ai/other/sub/path',
  claim: 'other',
  subPath: 'sub/path',
  claimUID: 'uid-other',
}
const otherRuntime = { ...wanting, name: 'gpu-2', volume: otherVolume }
const noClaim = { reason: 'ClaimNotFound', message: 'no claim' } as const

const leavings: readonly Situation[] = [
  [
    'Deleting',
    'Deleting',
    'deletion asked and its bytes are being removed',
    going(there, { works: [removing] }),
    [],
  ],
  [
    'Deleting',
    'Deleting',
    'deletion asked and the removing pod cannot start',
    going(there, { works: [{ ...removing, notStarted }] }),
    [],
  ],
  [
    'Deleting',
    'BytesLeft',
    'deletion asked and the removing pod could not start for ten minutes',
    seenModel({
      model: aModel({ status: there, metadata: { deletionTimestamp: at(-600) } }),
      runtimes: [],
      works: [{ ...removing, startedAt: at(-600), notStarted }],
    }),
    ['cancelWork', 'releaseFinalizer'],
  ],
  [
    'Deleting',
    'Deleting',
    'the removing pod cannot start for long, and deletion was asked just now',
    going(there, { works: [{ ...removing, startedAt: at(-900), notStarted }] }),
    [],
  ],
  [
    'Deleting',
    'Deleting',
    'deletion asked while others use the volume',
    going(there, { busy: new Map([[volume.key, 'b']]) }),
    [],
  ],
  [
    'Deleting',
    'BytesLeft',
    'no Runtime reaches the claim any more',
    going(there, { volumes: [] }),
    ['releaseFinalizer'],
  ],
  [
    'Deleting',
    'BytesLeft',
    'the bytes cannot be removed for good',
    going(removalFailed('VolumeNotWritable')),
    ['releaseFinalizer'],
  ],
  [
    'Deleting',
    'Deleting',
    'removing failed and is tried again later',
    going(removalFailed('Interrupted', { retryAt: at(20) })),
    [],
  ],
  [
    'Deleting',
    'Deleting',
    'removing failed and is due again',
    going(removalFailed('Interrupted', { retryAt: at(0), attempts: 2 })),
    ['startWork remove'],
  ],
  [
    'Deleting',
    'Deleting',
    'deletion asked after a download that failed: what came of it goes',
    going(failing(note('Integrity'))),
    ['startWork remove'],
  ],
  [
    'Deleting',
    'Deleting',
    'deletion asked after a download that brought a part',
    going({ resolved, copies: [{ ...bare, bytesDone: 5 }] }),
    ['startWork remove'],
  ],
  [
    'Deleting',
    'Deleting',
    'deletion asked of a copy that nothing was fetched for',
    going({ resolved, copies: [bare] }),
    ['releaseFinalizer'],
  ],
  [
    'Deleting',
    'Deleting',
    'deletion asked while a download is noted that nobody sees',
    going({ resolved, copies: [{ ...bare, phase: 'Downloading' }] }),
    ['startWork remove'],
  ],
  [
    'Deleting',
    'Deleting',
    'deletion asked before anything was resolved',
    going({ copies: [{ ...bare, phase: 'Downloading' }] }),
    ['releaseFinalizer'],
  ],
  [
    'Deleting',
    'Deleting',
    'of two volumes one is out of reach, and the other is emptied first',
    going({ resolved, copies: [aCopy({ claim: 'lost' }), aCopy()] }),
    ['startWork remove'],
  ],
  [
    'Deleting',
    'ModelInUse',
    'used, while bytes come and others go',
    going(there, { usedBy: ['gpu', 'gpu-2'], works: [running, removing] }),
    ['cancelWork'],
  ],
  [
    'Deleting',
    'Deleting',
    'deletion asked with Retain while bytes come',
    seenModel({ model: deleted(there, { deletionPolicy: 'Retain' }), works: [running] }),
    ['cancelWork', 'releaseFinalizer'],
  ],
  [
    'Ready',
    'NothingWanted',
    'a named copy left spec.runtimes, and another one is named whose volume nobody knows: nothing goes yet',
    withStatus(
      { resolved, copies: [aCopy({ isNamed: true })] },
      { runtimes: [{ ...otherRuntime, why: 'Used', volume: noClaim }] },
    ),
    [],
  ],
  [
    'Ready',
    'Downloaded',
    'a named copy left spec.runtimes while another Runtime serves from the same volume',
    withStatus({ resolved, copies: [aCopy({ isNamed: true })] }),
    [],
  ],
  [
    'Ready',
    'NothingWanted',
    'of two named copies one is still named',
    seenModel({
      model: aModel({
        spec: { runtimes: [{ name: 'gpu' }] },
        status: { resolved, copies: [aCopy({ isNamed: true }), aCopy({ isNamed: true, ...inOther })] },
      }),
      runtimes: [],
      volumes: [volume, otherVolume],
    }),
    ['startWork remove'],
  ],
]

const ofOllama = { source: { ollama: { name: 'llama3.2' } } }
const behindToken = {
  source: { huggingFace: { repo: 'Qwen/Qwen', tokenSecretRef: { name: 'hub', key: 'token' } } },
}

const resolvings: readonly Situation[] = [
  [
    'Rejected',
    'EngineCannotServe',
    'an Ollama model is named for vLLM',
    seenModel({ model: aModel({ spec: ofOllama }), runtimes: [{ ...wanting, why: 'Named' }] }),
    [],
  ],
  [
    'Rejected',
    'EngineCannotServe',
    'the second of two named Runtimes cannot serve it, while bytes come',
    withStatus(
      { resolved },
      {
        works: [running],
        runtimes: [
          { ...wanting, why: 'Named' },
          { ...otherRuntime, why: 'Named', engine: 'Ollama' },
        ],
      },
    ),
    ['cancelWork'],
  ],
  [
    'Resolving',
    'Resolving',
    'a Runtime that cannot serve it wishes it: that is the matter of the Runtime',
    seenModel({ runtimes: [{ ...wanting, engine: 'Ollama' }] }),
    ['startWork resolve'],
  ],
  [
    'Resolving',
    'Resolving',
    'a Runtime is named that is not there yet',
    seenModel({ runtimes: [{ name: 'gpu', why: 'Named', volume: noClaim }] }),
    ['startWork resolve'],
  ],
  [
    'Resolving',
    'Resolving',
    'an Ollama model, named for Ollama',
    seenModel({
      model: aModel({ spec: ofOllama }),
      runtimes: [{ ...wanting, why: 'Named', engine: 'Ollama' }],
      taskDefaults: { parallel: 4 } as never,
    }),
    ['startWork resolve'],
  ],
  [
    'Resolving',
    'Resolving',
    'a repository behind a token',
    seenModel({ model: aModel({ spec: behindToken }) }),
    ['startWork resolve'],
  ],
  [
    'Resolving',
    'Queued',
    'a very long line',
    seenModel({
      resolves: { running: 8, limit: 8, ahead: 5000 },
      works: [aWork({ subject: 'other#0', id: 'stale' })],
    }),
    ['cancelWork', 'standInLine'],
  ],
  [
    'Resolving',
    'Resolving',
    'the resolve work of the present source runs beside one of another',
    seenModel({ works: [aWork(), aWork({ subject: 'other#0', id: 'stale' })] }),
    ['cancelWork'],
  ],
  [
    'Waiting',
    'PodNotStarted',
    'the resolve pod cannot start, and the one of another source runs',
    seenModel({ works: [aWork({ notStarted }), aWork({ subject: 'other#0', id: 'stale' })] }),
    ['cancelWork'],
  ],
  [
    'Downloading',
    'Downloading',
    'a resolve that began before a retry is over: its source is known',
    withStatus({ resolved }, { works: [aWork({ subject: 'other#0', id: 'stale' })] }),
    ['startWork download', 'cancelWork'],
  ],
]

const failedCopy = (reason: string, more: Partial<FailureNote> = {}) =>
  withStatus(failing(note(reason, more)))

const copying: readonly Situation[] = [
  [
    'Ready',
    'Downloaded',
    'another model is wished, and it serves until that one does',
    withStatus(there, { runtimes: [{ ...wanting, why: 'Used' }], usedBy: ['gpu'] }),
    [],
  ],
  [
    'Ready',
    'NothingWanted',
    'another model serves, and a switch back would be to this one',
    withStatus(there, { runtimes: [{ ...wanting, why: 'Used' }] }),
    [],
  ],
  [
    'Failed',
    'Gated',
    'the bytes are not given; asked again later',
    failedCopy('Gated', { retryAt: at(60) }),
    [],
  ],
  [
    'Waiting',
    'TokenSecretMissing',
    'the token is not there when the bytes are fetched',
    failedCopy('TokenSecretMissing', { retryAt: at(10) }),
    [],
  ],
  [
    'Downloading',
    'TransferFailed',
    'a transfer broke and is tried again later',
    failedCopy('TransferFailed', { retryAt: at(10), attempts: 3 }),
    [],
  ],
  [
    'Downloading',
    'Downloading',
    'a transfer broke and is due again',
    failedCopy('TransferFailed', { retryAt: at(0), attempts: 3 }),
    ['startWork download'],
  ],
  ['Blocked', 'NoSpace', 'nobody knows how much is needed', failedCopy('NoSpace'), []],
  [
    'Blocked',
    'NoSpace',
    'the disk is full and no quota is known',
    { ...failedCopy('NoSpace', { needBytes: 1 }), ledgers: new Map() },
    [],
  ],
  [
    'Downloading',
    'Downloading',
    'the volume has exactly the room that was missing',
    failedCopy('OverBudget', { needBytes: 100e9 }),
    ['startWork download'],
  ],
  [
    'Blocked',
    'NoSpace',
    'the disk is full behind a roomy quota',
    failedCopy('NoSpace', { needBytes: 1, retryAt: at(50) }),
    [],
  ],
  [
    'Downloading',
    'Downloading',
    'the disk was full, and it is time to look whether it is still',
    failedCopy('NoSpace', { needBytes: 1, retryAt: at(0) }),
    ['startWork download'],
  ],
  [
    'Waiting',
    'PodNotStarted',
    'the pod that fetches cannot start',
    withStatus({ resolved }, { works: [{ ...running, notStarted }] }),
    [],
  ],
  [
    'Verifying',
    'Verifying',
    'the bytes are being hashed',
    withStatus(there, {
      works: [
        { ...running, command: 'verify', progress: { phase: 'Verifying', bytesTotal: 8, bytesDone: 2 } },
      ],
    }),
    [],
  ],
  [
    'Downloading',
    'Downloading',
    'the size is known and nothing has come',
    withStatus({ resolved }, { works: [{ ...running, progress: { phase: 'Downloading', bytesTotal: 8 } }] }),
    [],
  ],
  [
    'Downloading',
    'Downloading',
    'another revision lies there with its receipt',
    withStatus({ resolved, copies: [aCopy({ revision: 'b'.repeat(40) })] }),
    ['startWork download'],
  ],
  [
    'Downloading',
    'Downloading',
    'bytes without a receipt are fetched, not hashed',
    withStatus({ resolved, copies: [{ ...bare, revision: resolved.revision }] }),
    ['startWork download'],
  ],
  [
    'Downloading',
    'Downloading',
    'nothing limits the volume, and a token is needed',
    seenModel({ model: aModel({ spec: behindToken, status: { resolved } }), ledgers: new Map() }),
    ['startWork download'],
  ],
  [
    'Downloading',
    'Downloading',
    'two volumes want it and one place is free',
    withStatus(
      { resolved },
      { runtimes: [wanting, otherRuntime], downloads: { running: 1, limit: 2, ahead: 0 } },
    ),
    ['startWork download'],
  ],
  [
    'Downloading',
    'Downloading',
    'two Runtimes share a volume, and a third is elsewhere',
    withStatus({ resolved }, { runtimes: [wanting, { ...wanting, name: 'gpu-3' }, otherRuntime] }),
    ['startWork download', 'startWork download'],
  ],
  [
    'Waiting',
    'ClaimNotFound',
    'of two Runtimes the second has no claim, and the first gets its copy',
    withStatus({ resolved }, { runtimes: [wanting, { ...otherRuntime, volume: noClaim }] }),
    ['startWork download'],
  ],
  [
    'Ready',
    'Downloaded',
    'both copies are verified',
    withStatus({ resolved, copies: [aCopy(), aCopy(inOther)] }, { runtimes: [wanting, otherRuntime] }),
    [],
  ],
  [
    'Downloading',
    'Downloading',
    'one of two copies is verified',
    withStatus({ resolved, copies: [aCopy()] }, { runtimes: [wanting, otherRuntime] }),
    ['startWork download'],
  ],
  [
    'Ready',
    'NothingWanted',
    'it is used from a volume that nobody finds',
    withStatus(there, { runtimes: [{ ...wanting, why: 'Used', volume: noClaim }], usedBy: ['gpu'] }),
    [],
  ],
  [
    'Ready',
    'NothingWanted',
    'it is used, and its copy there is of another revision',
    withStatus(
      { resolved, copies: [aCopy({ revision: 'b'.repeat(40) })] },
      { runtimes: [{ ...wanting, why: 'Used' }], usedBy: ['gpu'] },
    ),
    [],
  ],
  [
    'Waiting',
    'Policy',
    'a Model with copies on 32 volumes is wanted on one more',
    withStatus({
      resolved,
      copies: Array.from({ length: 32 }, (_, n) => aCopy({ claim: `claim-${n}` })),
    }),
    [],
  ],
  [
    'Downloading',
    'Downloading',
    'a Model with copies on 31 volumes is wanted on one more',
    withStatus({
      resolved,
      copies: Array.from({ length: 31 }, (_, n) => aCopy({ claim: `claim-${n}` })),
    }),
    ['startWork download'],
  ],
]

/** phase, reason, situation, what is seen, what is asked for */
export const situations: readonly Situation[] = [
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
    'Cancelled',
    'Cancelled',
    'a cancel is asked while bytes come',
    seenModel({ model: cancelAsked({ resolved, phase: 'Downloading' }), works: [running] }),
    ['cancelWork'],
  ],
  [
    'Cancelled',
    'Cancelled',
    'a cancel is asked while the source is looked up',
    seenModel({ model: cancelAsked({ phase: 'Resolving' }), works: [aWork()] }),
    ['cancelWork'],
  ],
  [
    'Cancelled',
    'Cancelled',
    'it was cancelled, and a worker that is still ending is seen once more',
    withStatus({ resolved, failure: note('Cancelled') }, { works: [running] }),
    ['cancelWork'],
  ],
  [
    'Ready',
    'Downloaded',
    'a cancel is asked when every byte is there: there is nothing to cancel',
    seenModel({ model: cancelAsked({ resolved, copies: [aCopy()], phase: 'Ready' }) }),
    [],
  ],
  [
    'Ready',
    'Downloaded',
    'a refresh is cancelled: what was resolved before stays',
    seenModel({
      model: cancelAsked({ resolved, copies: [aCopy()], phase: 'Resolving' }, { refresh: at(-20) }),
      works: [aWork()],
    }),
    ['cancelWork'],
  ],
  [
    'Downloading',
    'Downloading',
    'it was cancelled and a retry is asked',
    seenModel({
      model: aModel({
        status: { resolved, phase: 'Cancelled', failure: note('Cancelled') },
        metadata: { annotations: { 'switchyard.dev/retry-requested-at': at(-1) } },
      }),
    }),
    ['startWork download'],
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
  [
    'Queued',
    'RateLimited',
    'the source has said with its last answer that its limit is used up',
    withStatus({ resolved, quietUntil: at(90) }),
    [],
  ],
  [
    'Downloading',
    'Downloading',
    'the limit of the source is new',
    withStatus({ resolved, quietUntil: at(0) }),
    ['startWork download'],
  ],
  [
    'Verifying',
    'Verifying',
    'a copy is hashed, for which the source is not asked',
    {
      ...withStatus({ ...there, quietUntil: at(90) }),
      model: aModel({
        status: { ...there, quietUntil: at(90) },
        metadata: { annotations: { 'switchyard.dev/verify-requested-at': 'now' } },
      }),
    },
    ['startWork verify'],
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

  ...leavings,
  ...resolvings,
  ...copying,
]
