import { describe, expect, it } from 'vitest'
import { renderJob } from '../../../src/platform/kubernetes/job-render.ts'
import { type JobSight, toWorkView } from '../../../src/platform/kubernetes/job-view.ts'
import type { RawJob, RawNode, RawPod } from '../../../src/platform/kubernetes/kubernetes-objects.ts'
import { eventProblem } from '../../../src/platform/kubernetes/pod-problem.ts'
import { aDownload, settings } from './work-orders.ts'

const at = '2026-01-01T00:00:05Z'

const aJob = (status: object = {}, metadata: object = {}): RawJob => {
  const { metadata: rendered } = renderJob(aDownload(), settings)
  const known = { uid: 'j1', resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' }
  return { metadata: { ...rendered, ...known, ...metadata }, status } as unknown as RawJob
}
const aPod = (status: object, metadata: object = {}): RawPod =>
  ({
    metadata: { name: 'p', uid: 'p1', resourceVersion: '1', creationTimestamp: at, ...metadata },
    spec: { nodeName: 'n1' },
    status,
  }) as unknown as RawPod
const worker = (state: object) => ({ containerStatuses: [{ name: 'worker', state }] })
const ended = (terminated: object) => worker({ terminated: { finishedAt: at, ...terminated } })
const aNode = (ready: string): RawNode =>
  ({
    metadata: { name: 'n1', uid: 'n', resourceVersion: '1' },
    status: { conditions: [{ type: 'Ready', status: ready }] },
  }) as unknown as RawNode

const good = JSON.stringify({ copy: { receipt: 'r', bytes: 1, bytesFetched: 1, bytesReused: 0 } })
const bad = JSON.stringify({ failure: { reason: 'NotFound', message: 'gone', retry: 'Never' } })
const unscheduled = (message: string) => ({
  phase: 'Pending',
  conditions: [{ type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message }],
})

const table: readonly [string, JobSight, object][] = [
  ['a Job without a pod is Starting', { job: aJob(), pods: [] }, { phase: 'Starting' }],
  [
    'a Job whose pod was refused is Starting with the words of its event',
    { job: aJob(), pods: [], eventProblem: { reason: 'PodNotStarted', message: 'FailedCreate: quota' } },
    { phase: 'Starting', notStarted: { reason: 'PodNotStarted', message: 'FailedCreate: quota' } },
  ],
  [
    'a pod that no node takes is Starting and says why',
    { job: aJob(), pods: [aPod(unscheduled('0/1 nodes are available'))] },
    {
      phase: 'Starting',
      notStarted: { reason: 'PodNotStarted', message: 'Unschedulable: 0/1 nodes are available' },
    },
  ],
  [
    'a pod whose claim is missing names the claim',
    { job: aJob(), pods: [aPod(unscheduled('persistentvolumeclaim "models" not found'))] },
    { phase: 'Starting', notStarted: { reason: 'ClaimNotFound' } },
  ],
  [
    'an image that cannot be pulled is Starting and says why',
    {
      job: aJob(),
      pods: [aPod(worker({ waiting: { reason: 'ImagePullBackOff', message: 'no such image' } }))],
    },
    { phase: 'Starting', notStarted: { message: 'ImagePullBackOff: no such image' } },
  ],
  [
    'a container that is being made is Starting without a problem',
    { job: aJob(), pods: [aPod(worker({ waiting: { reason: 'ContainerCreating' } }))] },
    { phase: 'Starting', notStarted: undefined },
  ],
  [
    'a running container is Running',
    { job: aJob(), pods: [aPod(worker({ running: {} }))] },
    { phase: 'Running' },
  ],
  [
    'an ended container with a result Succeeded before the Job says so',
    { job: aJob(), pods: [aPod(ended({ exitCode: 0, message: good }))] },
    { phase: 'Succeeded', endedAt: at, result: JSON.parse(good), volume: 'ai/models/llm' },
  ],
  [
    'an ended container with a failure Failed with it',
    { job: aJob(), pods: [aPod(ended({ exitCode: 10, message: bad }))] },
    { phase: 'Failed', result: JSON.parse(bad), notStarted: undefined },
  ],
  [
    'a worker killed for memory Failed without a result and says so',
    { job: aJob(), pods: [aPod(ended({ exitCode: 137, reason: 'OOMKilled' }))] },
    {
      phase: 'Failed',
      result: undefined,
      notStarted: { reason: 'Interrupted', message: expect.stringMatching(/^OOMKilled/) },
    },
  ],
  [
    'an evicted pod Failed with the words of the eviction',
    { job: aJob(), pods: [aPod({ phase: 'Failed', reason: 'Evicted', message: 'low on disk' })] },
    { phase: 'Failed', notStarted: { message: 'Evicted: low on disk' } },
  ],
  [
    'an exit with zero but without a result Failed',
    { job: aJob(), pods: [aPod(ended({ exitCode: 0, reason: 'Completed' }))] },
    { phase: 'Failed', result: undefined },
  ],
  [
    'a leaving pod on a node that does not answer Failed at once',
    { job: aJob(), pods: [aPod(worker({ running: {} }), { deletionTimestamp: at })], node: aNode('Unknown') },
    { phase: 'Failed', notStarted: { message: expect.stringContaining('node n1 does not answer') } },
  ],
  [
    'a leaving pod on a node that answers is Running still',
    { job: aJob(), pods: [aPod(worker({ running: {} }), { deletionTimestamp: at })], node: aNode('True') },
    { phase: 'Running' },
  ],
  [
    'a Job with FailureTarget and no pod Failed',
    { job: aJob({ conditions: [{ type: 'FailureTarget', status: 'True', message: 'pod gone' }] }), pods: [] },
    { phase: 'Failed', notStarted: { message: 'pod gone' } },
  ],
]

describe('a Job seen as a work', () => {
  for (const [name, sight, expected] of table) {
    it(name, () => {
      const view = toWorkView(sight)
      expect(view).toMatchObject(
        Object.fromEntries(Object.entries(expected).filter(([, value]) => value !== undefined)),
      )
      for (const [key, value] of Object.entries(expected))
        if (value === undefined) expect(view).not.toHaveProperty(key)
    })
  }

  it('that was deleted stays while its process runs and disappears when that ended', () => {
    const job = aJob({}, { deletionTimestamp: at })
    expect(toWorkView({ job, pods: [aPod(worker({ running: {} }))] })?.phase).toBe('Running')
    expect(toWorkView({ job, pods: [aPod(ended({ exitCode: 143 }))] })).toBeUndefined()
  })

  it('without an identity of ours is none', () => {
    expect(toWorkView({ job: aJob({}, { annotations: {} }), pods: [] })).toBeUndefined()
    expect(
      toWorkView({ job: aJob({}, { annotations: { 'switchyard.dev/work': '{"id":1}' } }), pods: [] }),
    ).toBeUndefined()
  })

  it('carries the identity it was started with', () => {
    const { id, owner, command, subject, attempt } = aDownload()
    expect(toWorkView({ job: aJob(), pods: [] })).toMatchObject({ id, owner, command, subject, attempt })
  })
})

describe('events about a pod that does not start', () => {
  const event = (reason: string, message: string, lastTimestamp: string, type = 'Warning') => ({
    type,
    reason,
    message,
    lastTimestamp,
    metadata: {},
    involvedObject: { uid: 'p1' },
  })

  it('tell the newest warning and leave ordinary ones out', () => {
    const events = [
      event('FailedMount', 'old', '2026-01-01T00:00:01Z'),
      event('FailedAttachVolume', 'Multi-Attach error', '2026-01-01T00:00:02Z'),
      event('MissingClusterDNS', 'no DNS', '2026-01-01T00:00:03Z'),
      event('Pulling', 'image', '2026-01-01T00:00:04Z', 'Normal'),
    ]
    expect(eventProblem(events, ['p1'])).toEqual({
      reason: 'PodNotStarted',
      message: 'FailedAttachVolume: Multi-Attach error',
    })
    expect(eventProblem(events, ['other'])).toBeUndefined()
  })
})
