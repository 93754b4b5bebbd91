// What becomes of a Model's status when work has ended, a person has asked, or a controller has died: each as golden text.
import { describe, it } from 'vitest'
import type { CopyResult, Resolution } from '../../src/domain/artifact.ts'
import type { Copy, ModelStatus } from '../../src/domain/model.ts'
import { decideModel } from '../../src/domain/model-rules.ts'
import { settleModel } from '../../src/domain/model-settle.ts'
import { annotations, type Metadata } from '../../src/domain/object.ts'
import type { ModelObservation } from '../../src/domain/observation.ts'
import type { Operation } from '../../src/domain/operation.ts'
import type { WorkView } from '../../src/domain/platform.ts'
import { nextModelStatus } from '../../src/domain/status.ts'
import {
  aCopy,
  aModel,
  at,
  aWork,
  resolved,
  revision,
  seenModel,
  sourceHash,
  volume,
} from '../builders/seen.ts'
import { expectGolden, tellStatus } from './golden.ts'

interface Before {
  readonly spec?: object
  readonly metadata?: Partial<Metadata>
  readonly seen?: Partial<ModelObservation>
}

const before = (status: ModelStatus, works: readonly WorkView[] = [], { seen, ...parts }: Before = {}) =>
  seenModel({ model: aModel({ status, ...parts }), works, ...seen })

const asks = (name: keyof typeof annotations) => ({
  metadata: { annotations: { [annotations[name]]: 'now' } },
})

const ended = { phase: 'Succeeded', endedAt: at(-1) } as const
const failed = (reason: string, retry = 'Later') =>
  ({
    phase: 'Failed',
    endedAt: at(-1),
    result: { failure: { reason, message: 'it broke', retry } },
  }) as Partial<WorkView>

const resolution: Resolution = { ...resolved, sourceHash }
const resolves = (more: Partial<Resolution> = {}, work: Partial<WorkView> = {}) =>
  aWork({ ...ended, result: { resolution: { ...resolution, ...more } }, ...work })

const result: CopyResult = {
  receipt: 'n'.repeat(64),
  bytes: 10e9,
  bytesFetched: 4e9,
  bytesReused: 6e9,
  path: '/new',
}
const work = (command: WorkView['command'], more: Partial<WorkView> = {}) =>
  aWork({
    id: command,
    command,
    volume: volume.key,
    subject: `${volume.key}@${revision}#0~uid-claim`,
    ...ended,
    ...more,
  })
const fetched = (more: Partial<CopyResult> = {}, of: Partial<WorkView> = {}) =>
  work('download', { result: { copy: { ...result, ...more } }, ...of })

const { receipt: _, revision: __, bytesStored: ___, path: ____, claimUID: _____, ...unfetched } = aCopy()
const downloading: Copy = { ...unfetched, phase: 'Downloading', reason: 'Downloading', message: 'fetching' }
const inOther: Partial<Copy> = { claim: 'other', runtimes: ['gpu-2'], claimUID: 'uid-other' }
const failure = { reason: 'TransferFailed', message: 'it broke', attempts: 2, at: at(-9), retryAt: at(9) }
const there: ModelStatus = { resolved, copies: [aCopy()] }
const wanted: ModelStatus = { resolved, copies: [downloading] }
const unwanted = { seen: { runtimes: [] } }

const operation = (type: Operation['type'], more: Partial<Operation> = {}): Operation => ({
  id: type.toLowerCase(),
  type,
  phase: 'Running',
  startedAt: at(-30),
  ...more,
})
const leaving = aCopy({ phase: 'Removing', isNamed: true })
const removingOf = (copies: readonly Copy[], ...more: readonly Operation[]): ModelStatus => ({
  resolved,
  copies: [...copies],
  operations: [operation('Remove'), ...more],
})

type Ending = readonly [situation: string, seen: ModelObservation]

const resolveEndings: readonly Ending[] = [
  ['a source is resolved', before({}, [resolves()])],
  [
    'a source is resolved, with capabilities',
    before({}, [resolves({ capabilities: { contextLength: 4096 } })]),
  ],
  [
    'a source is resolved, and a person knows its capabilities better',
    before(
      { capabilities: { contextLength: 1 } },
      [resolves({ capabilities: { contextLength: 4096, chat: true } as never })],
      {
        spec: { capabilities: { contextLength: 8192 } },
      },
    ),
  ],
  [
    'a source is resolved, and its limit is used up',
    before({}, [aWork({ ...ended, result: { resolution, quietSeconds: 90 } })]),
  ],
  [
    'a source is resolved anew, and its limit is not used up any more',
    before({ quietUntil: at(-90) }, [resolves()]),
  ],
  ['a source is resolved after a failure', before({ failure }, [resolves()])],
  ['a refresh is asked', before(there, [], asks('refresh'))],
  ['a refresh is done', before(there, [resolves({ revision: 'b'.repeat(40) })], asks('refresh'))],
  ['another source is resolved', before({}, [resolves({}, { subject: 'other#0' })])],
  ['a source was resolved before a retry', before({ round: 1 }, [resolves()])],
  [
    'a source is resolved after a retry',
    before({ round: 1 }, [resolves({}, { subject: `${sourceHash}#2` })]),
  ],
  ['the source was edited', before({ resolved: { ...resolved, sourceHash: 'other' }, copies: [aCopy()] })],
  ['resolving failed', before({}, [aWork(failed('SourceUnavailable'))])],
  ['resolving failed for good', before({}, [aWork(failed('NotFound', 'Never'))])],
  ['resolving ended without a word', before({}, [aWork({ phase: 'Failed', attempt: 5 })])],
  [
    'a download ended on a volume that is none of ours',
    before(wanted, [work('download', { subject: `${sourceHash}#0`, volume: 'x' })]),
  ],
]

const copyEndings: readonly Ending[] = [
  ['a copy is fetched', before(wanted, [fetched()])],
  ['a copy is fetched, with a note', before(wanted, [fetched({ note: 'no hard links' })])],
  ['a copy is fetched into Ollama', before(wanted, [fetched({ path: undefined as never })])],
  ['a copy is fetched that was found there', before(wanted, [fetched({ isAdopted: true })])],
  [
    'a copy is fetched after a failure',
    before({ resolved, copies: [{ ...downloading, failure }] }, [fetched()]),
  ],
  ['a copy is fetched again: less came than is stored', before(there, [fetched()])],
  ['a copy is fetched again: more came than is stored', before(there, [fetched({ bytesFetched: 12e9 })])],
  [
    'another revision is fetched beside the one that is there',
    before({ resolved, copies: [aCopy({ revision: 'b'.repeat(40) })] }, [fetched()]),
  ],
  [
    'a copy is fetched by a worker of v0.1.0',
    before(wanted, [fetched({}, { subject: `${volume.key}@${revision}#0` })]),
  ],
  [
    'a copy is fetched by a worker of v0.1.0, and nobody wants it any more',
    before(wanted, [fetched({}, { subject: `${volume.key}@${revision}#0` })], unwanted),
  ],
  [
    'a copy is fetched by a worker of v0.1.0 on a volume that cannot be found now',
    before(wanted, [fetched({}, { subject: `${volume.key}@${revision}#0` })], {
      seen: {
        runtimes: [
          { name: 'gpu-3', why: 'Named', volume: { reason: 'ClaimNotFound', message: 'no claim' } },
          {
            name: 'gpu-2',
            why: 'Named',
            engine: 'VLLM',
            volume: { ...volume, key: 'ai/other/', claim: 'other' },
          },
        ],
      },
    }),
  ],
  [
    'the second of two copies is fetched',
    before({ resolved, copies: [aCopy(inOther), downloading] }, [fetched()]),
  ],
  ['a download failed', before(wanted, [work('download', failed('TransferFailed'))])],
  ['a download found wrong bytes', before(wanted, [work('download', failed('Integrity', 'Never'))])],
  ['a download ended without a word', before(wanted, [work('download', { phase: 'Failed' })])],
  ['a download on an unknown volume ended', before(wanted, [fetched({}, { volume: 'ai/unknown/x/y' })])],
  [
    'a download runs that no status tells of',
    before({ resolved }, [fetched({}, { phase: 'Running', volume: 'ai/other/a/b' })]),
  ],
  [
    'a verification runs that no status tells of',
    before({ resolved }, [work('verify', { phase: 'Running' })]),
  ],
  [
    'a copy is verified again, as asked',
    before(
      { ...there, lastHandled: { retry: 'x' } },
      [work('verify', { result: { copy: result } })],
      asks('verify'),
    ),
  ],
  ['a download ends while a verification is asked', before(wanted, [fetched()], asks('verify'))],
  [
    'a verification found wrong bytes',
    before({ resolved, copies: [aCopy({ failure })] }, [work('verify', failed('Integrity', 'Never'))]),
  ],
  [
    'a verification that a person asks for broke',
    before(there, [work('verify', failed('TransferFailed'))], asks('verify')),
  ],
  [
    'a verification broke that nobody asks for any more',
    before(there, [work('verify', failed('TransferFailed'))]),
  ],
  ['a verification ended without a word', before(there, [work('verify', { phase: 'Failed' })])],
  [
    'two works ended, and the later one is seen first',
    before(wanted, [
      fetched({ receipt: 'l'.repeat(64) }, { id: 'late', startedAt: at(-5) }),
      fetched({ receipt: 'e'.repeat(64) }, { id: 'early', startedAt: at(-50) }),
    ]),
  ],
  [
    'thirty-two works are settled already, and one ends',
    before({ ...wanted, settledWorks: Array.from({ length: 32 }, (_, n) => `s${n}`) }, [fetched()]),
  ],
  ['a work that was settled is seen again', before({ ...there, settledWorks: ['download'] }, [fetched()])],
]

const removals: readonly Ending[] = [
  [
    'a copy that nobody wants begins to leave',
    before({ resolved, copies: [aCopy({ isNamed: true })], round: 3 }, [], {
      ...unwanted,
      metadata: { specManager: 'kubectl' },
    }),
  ],
  ['a copy leaves', before(removingOf([leaving]), [work('remove', { phase: 'Running' })], unwanted)],
  [
    'a copy has left',
    before(removingOf([leaving]), [work('remove', { result: { removed: { bytesFreed: 1 } } })], unwanted),
  ],
  [
    'a copy that stored nothing has left',
    before(
      removingOf([aCopy({ phase: 'Removing', isNamed: true, bytesStored: 0 })]),
      [work('remove', { result: { removed: { bytesFreed: 0 } } })],
      unwanted,
    ),
  ],
  [
    'a copy could not leave and is tried again',
    before(removingOf([leaving]), [work('remove', failed('Interrupted'))], unwanted),
  ],
  [
    'a copy cannot leave',
    before(removingOf([leaving]), [work('remove', failed('VolumeReadOnly', 'Never'))], unwanted),
  ],
  [
    'a removal ended without a word',
    before(removingOf([leaving]), [work('remove', { phase: 'Failed' })], unwanted),
  ],
  ['a copy that was to leave is wanted again', before(removingOf([leaving]))],
  [
    'one of two copies has left, the other stays wanted',
    before(
      removingOf([leaving, aCopy(inOther)]),
      [work('remove', { result: { removed: { bytesFreed: 1 } } })],
      unwanted,
    ),
  ],
  [
    'a removal ended before any pass told of it',
    before(there, [work('remove', { result: { removed: { bytesFreed: 1 } } })], unwanted),
  ],
  [
    'a copy leaves while another is fetched',
    before(
      removingOf([leaving, { ...downloading, ...inOther }], operation('Install')),
      [work('remove', { phase: 'Running' })],
      unwanted,
    ),
  ],
]

const wishes: readonly Ending[] = [
  [
    'a retry is asked after failures',
    before({ failure, copies: [{ ...downloading, failure }, aCopy(inOther)], round: 4 }, [], asks('retry')),
  ],
  ['a retry is asked, and nothing failed', before(there, [], asks('retry'))],
  ['a retry was handled', before({ ...wanted, failure, lastHandled: { retry: 'now' } }, [], asks('retry'))],
  [
    'a spec is edited after a failure',
    before({ observedGeneration: 0, copies: [{ ...downloading, failure }] }),
  ],
  ['a spec is edited, and nothing failed', before({ ...there, observedGeneration: 0 })],
  [
    'a spec stays as it was after a failure',
    before({ ...wanted, observedGeneration: 1, copies: [{ ...downloading, failure }] }),
  ],
  [
    'a Model is paused while it is fetched',
    before({ ...wanted, operations: [operation('Install')] }, [work('download', { phase: 'Running' })], {
      spec: { paused: true },
    }),
  ],
  [
    'a Model is deleted while it is fetched',
    before({ ...wanted, operations: [operation('Install')] }, [], {
      metadata: { deletionTimestamp: at(-1) },
    }),
  ],
  [
    'a Model is rejected while it is fetched',
    {
      ...before({ ...wanted, operations: [operation('Install')] }),
      model: {
        ...aModel({ status: { ...wanted, operations: [operation('Install')] } }),
        invalid: `spec.source: ${'x'.repeat(300)}`,
      },
    },
  ],
  [
    'a Model is ready at last',
    before({
      ...there,
      operations: [
        operation('Install'),
        operation('Remove', { id: 'r', phase: 'Succeeded', finishedAt: at(-40) }),
      ],
    }),
  ],
  [
    'a Model is ready, and stores nothing',
    before({ resolved, copies: [aCopy({ bytesStored: 0 })], operations: [operation('Verify')] }),
  ],
  [
    'a Model waits in line to be fetched',
    before({ resolved }, [], {
      seen: { downloads: { running: 2, limit: 2, ahead: 3 } },
      metadata: { specManager: 'kubectl' },
    }),
  ],
  [
    'a Model cannot be fetched for want of room',
    before({
      resolved,
      copies: [{ ...downloading, failure: { reason: 'NoSpace', message: 'full', attempts: 1, at: at(-1) } }],
      operations: [operation('Install')],
    }),
  ],
  [
    'a Model of a source that was resolved once before',
    before(
      { ...there, operations: [operation('Install', { phase: 'Succeeded', finishedAt: at(-20) })] },
      [aWork()],
      asks('refresh'),
    ),
  ],
  [
    'bytes come',
    before({ ...wanted, progress: { percent: 30, bytesDone: 3e9, bytesTotal: 10e9 } }, [
      work('download', {
        phase: 'Running',
        progress: {
          phase: 'Downloading',
          bytesTotal: 10e9,
          bytesDone: 4.56e9,
          bytesPerSecond: 1e6 + 0.4,
          etaSeconds: 37.6,
        },
      }),
    ]),
  ],
  [
    'fewer bytes than before are told',
    before({ ...wanted, progress: { percent: 30, bytesDone: 3e9, bytesTotal: 10e9 } }, [
      work('download', {
        phase: 'Running',
        progress: { phase: 'Downloading', bytesTotal: 10e9, bytesDone: 1e9 },
      }),
    ]),
  ],
  [
    'more bytes than there are are told',
    before({ ...wanted, progress: { percent: 30, bytesDone: 99e9, bytesTotal: 10e9 } }, [
      work('download', {
        phase: 'Running',
        progress: { phase: 'Downloading', bytesTotal: 10e9, bytesDone: 20e9 },
      }),
    ]),
  ],
  [
    'bytes of another revision were told',
    before(
      {
        resolved: { ...resolved, revision: 'b'.repeat(40) },
        copies: [{ ...downloading, bytesDone: 2e9 }],
        progress: { percent: 90, bytesDone: 9e9, bytesTotal: 10e9 },
      },
      [resolves()],
    ),
  ],
  [
    'a Model that everybody uses',
    before(there, [], { seen: { usedBy: Array.from({ length: 40 }, (_, n) => `gpu-${n}`) } }),
  ],
  [
    'a condition changes, others stay',
    before({
      ...there,
      conditions: [
        {
          type: 'Ready',
          status: 'False',
          reason: 'Downloading',
          message: 'fetching',
          observedGeneration: 1,
          lastTransitionTime: at(-99),
        },
        {
          type: 'Resolved',
          status: 'True',
          reason: 'Resolved',
          message: 'm',
          observedGeneration: 1,
          lastTransitionTime: at(-99),
        },
      ],
    }),
  ],
]

describe('A Model', () => {
  it.each([
    ['resolves', resolveEndings],
    ['copies', copyEndings],
    ['removals', removals],
    ['wishes', wishes],
  ] as const)('after endings of its %s is what the golden text has', (name, endings) => {
    const told = endings.map(([situation, seen]) => {
      const facts = settleModel(seen)
      const status = nextModelStatus(facts, decideModel(facts))
      return [situation, `phase ${status.phase}`, ...tellStatus(status)].join('\n  ')
    })
    expectGolden(`model-after-${name}.txt`, `${told.join('\n\n')}\n`)
  })
})
