// When a status is written: steps, reasons and results at once, words and figures seldom, and never too many in all.
import { describe, expect, it } from 'vitest'
import { createReporter } from '../../src/controller/report.ts'
import type { ModelStatus } from '../../src/domain/model.ts'
import type { Model, Runtime } from '../../src/domain/object.ts'
import type { Platform } from '../../src/domain/platform.ts'
import type { RuntimeStatus } from '../../src/domain/runtime.ts'

const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1) + seconds * 1000)
const stamp = at(0).toISOString()
const condition = (type: string, status: string, reason: string, message: string) => ({
  type,
  status,
  reason,
  message,
  observedGeneration: 1,
  lastTransitionTime: stamp,
})
const loading = {
  phase: 'Switching',
  switch: { id: 'a', step: 'Loading', message: 'loading', startedAt: stamp, stepSince: stamp, attempt: 1 },
  conditions: [
    condition('Ready', 'False', 'Loading', 'loading'),
    condition('DeploymentAvailable', 'True', 'Available', 'pod a is ready'),
  ],
}
type Status = typeof loading

const toStatus = (status: object): RuntimeStatus => status as unknown as RuntimeStatus
const toRuntime = (status: object): Runtime =>
  ({
    kind: 'Runtime',
    metadata: { uid: 'u', namespace: 'n', name: 'r' },
    spec: {},
    status,
  }) as unknown as Runtime

/** A first write at second 0, then this change so many seconds later: whether it was written, and when to look again. */
const changed = async (change: object, seconds: number) => {
  let writes = 0
  const store = { writeRuntimeStatus: async () => void writes++ }
  const reporter = createReporter({ store, journal: { write: () => {} } } as unknown as Platform)
  await reporter.runtime(toRuntime({}), toStatus(loading), at(0))
  const left = await reporter.runtime(toRuntime(loading), toStatus({ ...loading, ...change }), at(seconds))
  return [writes - 1, left]
}

const step = (more: object): Partial<Status> => ({ switch: { ...loading.switch, ...more } })
const reworded = {
  ...step({ message: 'loading: 40%', progressMark: 'x', percent: 40, lastProgressAt: at(2).toISOString() }),
  conditions: loading.conditions.map(one => ({ ...one, message: 'loading: 40%' })),
}
const podGone = {
  conditions: [
    ...loading.conditions.slice(0, 1),
    condition('DeploymentAvailable', 'False', 'Progressing', 'no pod is ready'),
  ],
}

describe('A status of a Runtime', () => {
  it.each([
    ['other words and marks, soon', reworded, 2, [0, 3_000]],
    ['other words and marks, five seconds later', reworded, 5, [1, undefined]],
    ['the pod that a switch replaces', podGone, 2, [0, 3_000]],
    ['the next step', step({ step: 'Verifying' }), 0.1, [1, undefined]],
    ['the end of the switch', { phase: 'Active', switch: undefined }, 0.1, [1, undefined]],
    [
      'another reason',
      { conditions: [condition('Ready', 'False', 'LoadFailed', 'loading')] },
      0.1,
      [1, undefined],
    ],
    ['nothing', {}, 60, [0, undefined]],
  ])('with %s is written or waits', async (_, change, seconds, wanted) => {
    expect(await changed(change, seconds)).toEqual(wanted)
  })
})

const toModel = (name: string, status: object): Model =>
  ({ kind: 'Model', metadata: { uid: name, namespace: 'n', name }, spec: {}, status }) as unknown as Model

const fetching = (percent: number, message = `fetching: ${percent}% of 100 bytes`) =>
  ({
    phase: 'Downloading',
    progress: { percent, bytesDone: percent, bytesTotal: 100 },
    conditions: [condition('Ready', 'False', 'Downloading', message)],
  }) as unknown as ModelStatus

const openModels = () => {
  const writes: string[] = []
  const store = { writeModelStatus: async ({ metadata }: Model) => void writes.push(metadata.name) }
  const reporter = createReporter({ store, journal: { write: () => {} } } as unknown as Platform)
  const report = (name: string, statuses: readonly [object, ModelStatus], seconds: number) =>
    reporter.model(toModel(name, statuses[0]), statuses[1], at(seconds))
  return { writes, report }
}

describe('A status of a Model', () => {
  it.each([
    ['three percent more, soon', fetching(13), 2, [0, 3_000]],
    ['three percent more, five seconds later', fetching(13), 5, [1, undefined]],
    ['two percent more, however late', fetching(12), 500, [0, undefined]],
    [
      'more bytes of the same percent',
      { ...fetching(10), display: { speed: '9 MB/s' } },
      500,
      [0, undefined],
    ],
    ['other words, soon', fetching(10, 'the volume is busy'), 20, [0, 40_000]],
    ['other words, a minute later', fetching(10, 'the volume is busy'), 60, [1, undefined]],
    ['another phase', { ...fetching(10), phase: 'Ready' }, 0.1, [1, undefined]],
    ['nothing', fetching(10), 60, [0, undefined]],
  ] as const)('with %s is written or waits', async (_, next, seconds, wanted) => {
    const { writes, report } = openModels()
    await report('m', [{}, fetching(10)], 0)
    const left = await report('m', [fetching(10), next as ModelStatus], seconds)
    expect([writes.length - 1, left]).toEqual(wanted)
  })

  it('that was Unknown stays so while the first resolve runs, and says Resolving when that takes long', async () => {
    let writes = 0
    const store = { writeModelStatus: async () => void writes++ }
    const platform = { store, journal: { write: () => undefined } } as unknown as Platform
    const reporter = createReporter(platform)
    const status = (value: string, reason: string) =>
      ({ phase: 'Resolving', conditions: [condition('Ready', value, reason, 'asking')] }) as ModelStatus
    const metadata = { uid: 'u', namespace: 'n', name: 'm' }
    const model = (seen: object) => ({ kind: 'Model', metadata, spec: {}, status: seen }) as unknown as Model
    await reporter.model(model({}), status('Unknown', 'Progressing'), at(0))
    const first = model(status('Unknown', 'Progressing'))
    expect(await reporter.model(first, status('False', 'Resolving'), at(1))).toBe(4_000)
    expect(writes).toBe(1)
    expect(await reporter.model(first, status('False', 'Resolving'), at(5))).toBeUndefined()
    expect(writes).toBe(2)
  })

  it('of a hundred downloads at once is written at most ten times a second, each in its turn', async () => {
    const { writes, report } = openModels()
    const names = Array.from({ length: 100 }, (_, n) => `m${n}`)
    for (const name of names) await report(name, [{}, fetching(0)], 0)
    writes.length = 0
    const open = new Set(names)
    for (let tenth = 50; open.size > 0 && tenth < 200; tenth++) {
      const before = writes.length
      for (const name of open) await report(name, [fetching(0), fetching(50)], tenth / 10)
      for (const name of writes.slice(before)) open.delete(name)
      expect(writes.length - before).toBeLessThanOrEqual(1)
    }
    expect(writes).toEqual(names)
  })
})
