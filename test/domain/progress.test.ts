// The words between worker and controller while bytes move: one line of JSON each, and the percent that people see.
import { describe, expect, it } from 'vitest'
import { type Progress, parseProgressLine, printProgressLine, toPercent } from '../../src/domain/progress.ts'

const whole: Progress = {
  phase: 'Downloading',
  bytesTotal: 100,
  bytesDone: 7,
  bytesReused: 1,
  filesTotal: 3,
  filesDone: 1,
  bytesPerSecond: 2.5,
  etaSeconds: 37,
  message: 'm'.repeat(256),
  stalled: 's'.repeat(200),
}

describe('A progress line', () => {
  it('is read back as it was printed, short or whole', () => {
    expect(printProgressLine({ phase: 'Done' })).toBe('{"progress":{"phase":"Done"}}')
    for (const progress of [whole, { phase: 'Planning' } as const])
      expect(parseProgressLine(printProgressLine(progress))).toEqual(progress)
  })

  it.each([
    ['a log line', 'fetching'],
    ['half a line', '{"progress":{"phase":"Done"'],
    ['another object', '{"other":{"phase":"Done"}}'],
    ['a line that only ends so', ' {"progress":{"phase":"Done"}}'],
    ['a phase that nobody knows', '{"progress":{"phase":"Dancing"}}'],
    ['a number in quotes', '{"progress":{"phase":"Done","bytesDone":"7"}}'],
    ['a message that is too long', printProgressLine({ ...whole, message: 'm'.repeat(257) })],
    ['a cause that is too long', printProgressLine({ ...whole, stalled: 's'.repeat(201) })],
    ['a line that is too long', `{"progress":{"phase":"Done"}}${' '.repeat(4096)}`],
  ])('is not %s', (_, line) => {
    expect(parseProgressLine(line)).toBeUndefined()
  })

  it('may have 4,096 characters', () => {
    expect(parseProgressLine('{"progress":{"phase":"Done"}}'.padEnd(4096))).toEqual({ phase: 'Done' })
  })
})

describe('Percent', () => {
  it.each([
    [0, 0, 0],
    [5, 0, 0],
    [5, -1, 0],
    [0, 100, 0],
    [999, 1000, 99],
    [1000, 1000, 100],
    [1001, 1000, 100],
    [1, 1, 100],
  ])('of %d of %d is %d', (done, total, percent) => {
    expect(toPercent(done, total)).toBe(percent)
  })
})
