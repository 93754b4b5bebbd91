// When a Runtime's status is written: steps, reasons and results at once, words and marks of loading at most every five seconds.
import { describe, expect, it } from 'vitest'
import { createReporter } from '../../src/controller/report.ts'
import type { Runtime } from '../../src/domain/object.ts'
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
