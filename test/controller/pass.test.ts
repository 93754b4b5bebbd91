// What one look leaves in the metrics: how it ended, whether it was a defect, and whether it took too long.
import { describe, expect, it } from 'vitest'
import { beginPass, tellFailure } from '../../src/controller/pass.ts'
import { Rejected, Transient, Waiting } from '../../src/domain/failure.ts'
import { HandClock } from '../../src/platform/memory/hand-clock.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'

const key = 'Model/default/a'

const open = () => {
  const clock = new HandClock()
  const lines: string[] = []
  const metrics = createMetrics()
  const recorder = { clock, metrics, log: createLog('info', { write: line => void lines.push(line) }) }
  const value = async (series: string): Promise<string | undefined> =>
    (await metrics.registry.metrics())
      .split('\n')
      .find(line => line.startsWith(`${series}{`) && line.includes('model'))
      ?.split(' ')
      .at(-1)
  return { clock, recorder, lines, value }
}

describe('A failure of a look', () => {
  it.each([
    [new Transient('ApiUnavailable', 'it broke'), 'error', '0', undefined],
    [new Waiting('PodNotStarted', 'not yet'), 'error', '0', 'warn'],
    [new Rejected('InvalidSpec', 'never'), 'terminal', '0', 'warn'],
    [new TypeError('x is not a function'), 'error', '1', 'error'],
  ])('by %s ends as %s, and counts %s defects', async (error, result, panics, level) => {
    const { recorder, lines, value } = open()
    expect(tellFailure(recorder, error, { key, delayMs: 250 })).toBe(result)
    expect(await value('controller_runtime_reconcile_panics_total')).toBe(panics)
    expect(lines.map(line => JSON.parse(line).level)).toEqual(level ? [level] : [])
  })
})

describe('A look', () => {
  it('that ends in time counts by its result', async () => {
    const { clock, recorder, value } = open()
    const ended = beginPass(recorder, key)
    expect(await value('controller_runtime_active_workers')).toBe('1')
    ended('terminal')
    await clock.run(200_000)
    expect(await value('controller_runtime_active_workers')).toBe('0')
    expect(await value('controller_runtime_terminal_reconcile_errors_total')).toBe('1')
    expect(await value('controller_runtime_reconcile_timeouts_total')).toBe('0')
  })

  it('that does not end is told once, after two minutes', async () => {
    const { clock, recorder, lines, value } = open()
    beginPass(recorder, key)
    await clock.run(600_000)
    expect(await value('controller_runtime_reconcile_timeouts_total')).toBe('1')
    expect(lines).toHaveLength(1)
  })
})
