// The history of a Model whose passes could not write: what began, and perhaps ended, unheard of has one entry all the same.
import { describe, expect, it } from 'vitest'
import type { ModelStatus } from '../../src/domain/model.ts'
import { decideModel } from '../../src/domain/model-rules.ts'
import { settleModel } from '../../src/domain/model-settle.ts'
import type { WorkView } from '../../src/domain/platform.ts'
import { nextModelStatus } from '../../src/domain/status.ts'
import { aCopy, aModel, at, aWork, resolved, seenModel, sourceHash, volume } from '../builders/seen.ts'

const statusAfter = (status: ModelStatus, works: readonly WorkView[], spec: object = {}): ModelStatus => {
  const facts = settleModel(seenModel({ model: aModel({ status, spec }), works }))
  return nextModelStatus(facts, decideModel(facts))
}

const historyOf = ({ phase, operations = [] }: ModelStatus) => [
  phase,
  ...operations.map(one => `${one.type} ${one.phase} ${one.durationSeconds ?? '-'}`),
]

const { receipt: _, bytesStored: __, ...pending } = aCopy({ phase: 'Waiting' })
const waits: ModelStatus = { resolved, copies: [pending] }
const there: ModelStatus = { resolved, copies: [aCopy()] }
const of = (command: 'download' | 'verify', more: Partial<WorkView>): WorkView =>
  aWork({ command, subject: `${volume.key}@${resolved.revision}#0`, volume: volume.key, ...more })
const copy = {
  receipt: 'r'.repeat(64),
  bytes: 10e9,
  bytesFetched: 10e9,
  bytesReused: 0,
  path: '/models/hub/x',
}
const resolution = { ...resolved, sourceHash }
const notStarted = { reason: 'PodNotStarted', message: 'pulling the image' } as const
const failure = { reason: 'Integrity', message: 'a hash is wrong', retry: 'Never' } as const

const fetching = { id: 'i', type: 'Install', phase: 'Running', startedAt: at(-60) } as const
const cancelledNote = { reason: 'Cancelled', message: 'cancelled on request', attempts: 0, at: at(0) }

const rows: readonly (readonly [
  string,
  ModelStatus,
  readonly WorkView[],
  readonly (string | undefined)[],
])[] = [
  [
    'a download that ended before any pass could write',
    waits,
    [of('download', { phase: 'Succeeded', result: { copy } })],
    ['Ready', 'Install Succeeded 60'],
  ],
  [
    'a download whose pod cannot start',
    waits,
    [of('download', { notStarted })],
    ['Waiting', 'Install Running -'],
  ],
  ['a resolve whose pod cannot start', {}, [aWork({ notStarted })], ['Waiting', 'Install Running -']],
  [
    'a verification that ended unheard of',
    there,
    [of('verify', { phase: 'Succeeded', result: { copy } })],
    ['Ready', 'Verify Succeeded 60'],
  ],
  [
    'a verification whose worker was killed',
    there,
    [of('verify', { phase: 'Failed' })],
    ['Ready', 'Verify Failed 60'],
  ],
  [
    'a resolve that found nothing to do more',
    there,
    [aWork({ phase: 'Succeeded', result: { resolution } })],
    ['Ready', 'Refresh Succeeded 60'],
  ],
  [
    'a resolve that failed for good unheard of',
    {},
    [aWork({ phase: 'Failed', result: { failure } })],
    ['Failed', 'Install Failed 60'],
  ],
  [
    'a work of a source that is not wanted any more',
    there,
    [aWork({ subject: 'another#0', phase: 'Succeeded', result: { resolution } })],
    ['Ready'],
  ],
  [
    'a download that was cancelled',
    { ...waits, phase: 'Downloading', operations: [fetching], failure: cancelledNote },
    [of('download', {})],
    ['Cancelled', 'Install Cancelled 60'],
  ],
  ['nothing', there, [], ['Ready']],
]

describe('The history of a Model', () => {
  it.each(rows)('after %s', (_name, status, works, wanted) => {
    expect(historyOf(statusAfter(status, works))).toEqual(wanted)
  })

  it('has it once: the next pass knows it', () => {
    const works = [of('download', { phase: 'Succeeded', result: { copy } })]
    const after = statusAfter(waits, works)
    expect(statusAfter(after, works).operations).toEqual(after.operations)
    expect(after.operations?.[0]).toMatchObject({ startedAt: at(-60), finishedAt: at(0), bytes: 10e9 })
  })

  it('does not begin what a pause has stopped', () => {
    expect(historyOf(statusAfter(waits, [of('download', { notStarted })], { paused: true }))).toEqual([
      'Paused',
    ])
  })
})
