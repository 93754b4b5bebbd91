// The log: JSON lines without secrets, short lines for people.
import { describe, expect, it } from 'vitest'
import { createLog } from '../../src/telemetry/log.ts'
import { toShortLine } from '../../src/telemetry/short-line.ts'

const logged = (write: (log: ReturnType<typeof createLog>) => void): string => {
  const lines: string[] = []
  write(createLog('info', { write: line => void lines.push(line) }))
  return lines.join('')
}

describe('A log line', () => {
  it('is one JSON object with time, level and sentence', () => {
    const line = JSON.parse(logged(log => log.info({ key: 'Model/n/a' }, 'ready')))
    expect(line).toMatchObject({ level: 'info', key: 'Model/n/a', msg: 'ready' })
    expect(new Date(line.time).getTime()).toBeGreaterThan(0)
  })

  it.each([
    ['a field', { token: 'hunter2hunter2' }],
    ['a nested field', { user: { token: 'hunter2hunter2' } }],
    ['a header', { headers: { authorization: 'hunter2hunter2' } }],
    ['a header of a request', { request: { headers: { authorization: 'hunter2hunter2' } } }],
    ['an error', { err: new Error('refused: Bearer hunter2hunter2') }],
    ['a text', { said: 'Authorization: Bearer hunter2hunter2' }],
  ])('never shows a token in %s', (_where, fields) => {
    expect(logged(log => log.warn(fields, 'odd'))).not.toContain('hunter2')
  })

  it('below the level is not written', () => {
    expect(logged(log => log.debug({}, 'quiet'))).toBe('')
  })

  it('is short on a terminal', () => {
    const line =
      '{"level":"warn","time":"2026-01-02T03:04:05.678Z","msg":"odd","key":"a","n":{"m":1},"err":{"message":"why"}}'
    expect(toShortLine(line)).toBe('03:04:05 WARN  odd — why key=a n={ m: 1 }\n')
  })
})
