// What a worker says while it fetches, on a clock that is turned by hand: silence is named with its cause, and forgotten when bytes come.
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { parseProgressLine } from '../../src/domain/progress.ts'
import { Reporter } from '../../src/worker/reporter.ts'

let lines: string[]
let reporter: Reporter
beforeEach(() => {
  vi.useFakeTimers()
  lines = []
  reporter = new Reporter(line => lines.push(line))
  reporter.enter('Downloading', { bytesTotal: 1_000 })
  reporter.watchFor('hub.example')
})
afterEach(() => {
  reporter.end()
  vi.useRealTimers()
})
const last = () => parseProgressLine(lines.at(-1) ?? '')
const seconds = (n: number) => vi.advanceTimersByTime(n * 1000)

it('silence is named within fifteen seconds, with who is silent', () => {
  reporter.count(100)
  seconds(9)
  expect(last()?.stalled).toBeUndefined()
  seconds(6)
  expect(last()?.stalled).toMatch(/^no byte for \d+ s: hub\.example sends nothing$/)
})

it('the last trouble is its cause', () => {
  reporter.count(100)
  reporter.blame('weights could not be read: hub.example answered 503')
  seconds(15)
  expect(last()?.stalled).toContain('hub.example answered 503')
})

it('bytes end it, and what did not grow is no byte', () => {
  reporter.count(100)
  seconds(15)
  reporter.count(100)
  seconds(2)
  expect(last()?.stalled).toBeDefined()
  reporter.count(101)
  seconds(2)
  expect(last()?.stalled).toBeUndefined()
})

it('a transfer that never begins is named too, and nothing is said after it', () => {
  seconds(15)
  expect(last()?.stalled).toContain('hub.example')
  reporter.unwatch()
  reporter.enter('Publishing')
  seconds(30)
  expect(last()).toMatchObject({ phase: 'Publishing' })
  expect(last()?.stalled).toBeUndefined()
})
