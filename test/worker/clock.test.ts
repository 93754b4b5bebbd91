// The clock of the machine is set while a work runs: waits, progress and stalls go by a clock that nobody sets.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { parseProgressLine } from '../../src/domain/progress.ts'
import { Reporter } from '../../src/worker/reporter.ts'
import { readAllowance } from '../../src/worker/transfer/allowance.ts'
import { toHttpFailure } from '../../src/worker/transfer/http-failure.ts'
import { QuietHosts } from '../../src/worker/transfer/quiet-hosts.ts'

const hour = 3_600_000
beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})
const jump = (ms: number): void => void vi.setSystemTime(Date.now() + ms)

const jumps: [string, number][] = [
  ['an hour back', -hour],
  ['an hour on', hour],
  ['ten years back', -87_600 * hour],
]

describe.each(jumps)('a clock that is set %s', (_, by) => {
  it('changes neither speed nor what is left, and lines go on every second', () => {
    const lines: string[] = []
    const reporter = new Reporter(line => lines.push(line))
    reporter.enter('Downloading', { bytesTotal: 30_000 })
    reporter.watchFor('hub.example')
    for (let second = 1; second <= 15; second++) {
      vi.advanceTimersByTime(1_000)
      if (second === 12) jump(by)
      reporter.count(second * 1_000)
    }
    const last = parseProgressLine(lines.at(-1) ?? '')
    expect(lines.length).toBeGreaterThanOrEqual(14)
    expect(last).toMatchObject({ bytesPerSecond: 1_000 })
    expect(last?.etaSeconds).toBeGreaterThanOrEqual(15)
    expect(last?.etaSeconds).toBeLessThanOrEqual(17)
    expect(last?.stalled).toBeUndefined()
    vi.advanceTimersByTime(15_000)
    expect(parseProgressLine(lines.at(-1) ?? '')?.stalled).toMatch(/^no byte for 1\d s/)
    reporter.unwatch()
    reporter.end()
  })

  it('makes no wait for a host longer or shorter', async () => {
    const quiet = new QuietHosts()
    quiet.hold('hub.example', 10)
    jump(by)
    let isAllowed = false
    void quiet.untilAllowed('hub.example', new AbortController().signal).then(() => {
      isAllowed = true
    })
    await vi.advanceTimersByTimeAsync(9_000)
    expect(isAllowed).toBe(false)
    await vi.advanceTimersByTimeAsync(1_500)
    expect(isAllowed).toBe(true)
  })

  it('reads a date in Retry-After by the clock of the server', async () => {
    const now = Date.now()
    const headers = {
      date: new Date(now).toUTCString(),
      'retry-after': new Date(now + 30_000).toUTCString(),
    }
    jump(by)
    expect(await waitOf(503, headers)).toBe(30)
  })
})

const waitOf = async (status: number, headers: Record<string, string>): Promise<number | undefined> => {
  const response = new Response('', { status, headers })
  const { failure } = await toHttpFailure(response, { what: 'x', host: 'h', isRedirected: false })
  return failure.retryAfterSeconds
}

describe('a server that asks for a wait', () => {
  it.each([
    ['seconds', 429, { 'retry-after': '7' }, 7],
    ['more than a day', 503, { 'retry-after': '999999' }, 86_400],
    ['the end of all dates', 503, { 'retry-after': 'Sat, 13 Sep 275760 00:00:00 GMT' }, 86_400],
    ['a date that is over', 503, { 'retry-after': 'Thu, 01 Jan 1970 00:00:00 GMT' }, 0],
    ['a used up limit', 429, { ratelimit: '"api";r=0;t=42' }, 42],
    ['nothing that can be read', 503, { 'retry-after': 'soon' }, undefined],
    ['a negative number', 503, { 'retry-after': '-5' }, 0],
  ] as const)('by %s is believed within a day', async (_, status, headers, expected) => {
    expect(await waitOf(status, headers)).toBe(expected)
  })

  it('makes its whole host wait, and no other', async () => {
    const quiet = new QuietHosts()
    const { signal } = new AbortController()
    quiet.hold('hub.example', 10)
    quiet.hold('hub.example', 1)
    const order: string[] = []
    const ask = (host: string, name: string) =>
      quiet.untilAllowed(host, signal).then(() => order.push(`${name} ${host}`))
    const all = [ask('hub.example', 'first'), ask('hub.example', 'second'), ask('mirror.example', 'first')]
    await vi.advanceTimersByTimeAsync(9_000)
    expect(order).toEqual(['first mirror.example'])
    await vi.advanceTimersByTimeAsync(1_000)
    await Promise.all(all)
    expect(order.length).toBe(3)
  })
})

describe('a limit that is used up, told by answers that succeed', () => {
  const { signal } = new AbortController()
  const askEach = (quiet: QuietHosts, times: number) => {
    const asked: string[] = []
    const all = Array.from({ length: times }, () =>
      quiet.untilAllowed('hub.example', signal).then(
        () => asked.push('asked'),
        error => asked.push(`${error.failure.reason} ${error.failure.retryAfterSeconds}`),
      ),
    )
    return { asked, all: Promise.all(all) }
  }

  it('lets as many through as are left, and the others when the window ends', async () => {
    const quiet = new QuietHosts()
    quiet.note('hub.example', { left: 2, seconds: 10 })
    const { asked, all } = askEach(quiet, 5)
    await vi.advanceTimersByTimeAsync(9_000)
    expect(asked).toEqual(['asked', 'asked'])
    await vi.advanceTimersByTimeAsync(1_500)
    await all
    expect(asked.length).toBe(5)
  })

  it('gives nothing back for an answer that was overtaken', async () => {
    const quiet = new QuietHosts()
    quiet.note('hub.example', { left: 1, seconds: 10 })
    quiet.note('hub.example', { left: 3, seconds: 10 })
    const { asked } = askEach(quiet, 3)
    await vi.advanceTimersByTimeAsync(1)
    expect(asked).toEqual(['asked'])
  })

  it('ends a work that would wait longer than it may, and says for how long', async () => {
    const quiet = new QuietHosts()
    quiet.note('hub.example', { left: 0, seconds: 250 })
    const { asked, all } = askEach(quiet, 1)
    await all
    expect(asked).toEqual(['RateLimited 250'])
    expect(() => quiet.throwIfQuiet('hub.example')).toThrow('asked for quiet')
    expect(() => quiet.throwIfQuiet('mirror.example')).not.toThrow()
  })

  it.each([
    [{ ratelimit: '"api";r=0;t=42' }, { left: 0, seconds: 42 }],
    [{ ratelimit: '"api";r=7;t=42, "burst";r=1;t=3' }, { left: 1, seconds: 3 }],
    [
      { ratelimit: '"api";r=0', 'ratelimit-policy': '"fixed window";"burst";q=9;w=5, "api";q=500;w=300' },
      { left: 0, seconds: 300 },
    ],
    [{ ratelimit: 'limit=100, remaining=4, reset=9' }, { left: 4, seconds: 9 }],
    [{ ratelimit: '"api";r=0;t=999999' }, { left: 0, seconds: 86_400 }],
    [{ ratelimit: '"api";r=0' }, undefined],
    [{ ratelimit: '"api";r=-1;t=x' }, undefined],
    [{ 'ratelimit-policy': '"api";q=1;w=300' }, undefined],
    [{}, undefined],
  ] as const)('is read from %j', (headers, expected) => {
    const all = new Headers(headers as Record<string, string>)
    expect(readAllowance(name => all.get(name))).toEqual(expected)
  })
})
