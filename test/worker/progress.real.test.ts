// What a download says about itself, from its first line to its last: every field, never backwards, all of it only when all is published.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Progress, parseProgressLine, toPercent } from '../../src/domain/progress.ts'
import { Reporter } from '../../src/worker/reporter.ts'
import { runWorker } from '../../src/worker/worker.ts'
import { type Hub, startHub } from '../stand-ins/hub.ts'
import { toSafetensors } from '../stand-ins/weights.ts'
import { openWorkplace, progressOf, quick, type Workplace } from './workplace.ts'

const repo = 'acme/tiny'
const source = { huggingFace: { repo, revision: 'main' } }
const files = {
  'model.safetensors': toSafetensors(Buffer.alloc(2_500_000, 'w')),
  'config.json': '{}',
  'same.json': '{"x":1}',
  'twin.json': '{"x":1}',
  'empty.json': '',
}
/** Two files of one content are counted once. */
const total = files['model.safetensors'].length + files['config.json'].length + files['same.json'].length

const neverDown = (numbers: readonly number[]): void =>
  expect(numbers).toEqual([...numbers].sort((a, b) => a - b))

describe('a download', () => {
  let hub: Hub
  let place: Workplace
  beforeEach(async () => {
    hub = await startHub({ repos: [{ id: repo, files }] })
    place = openWorkplace('HubCache', hub.url, { retry: quick, partSize: () => 64 << 10 })
  })
  afterEach(async () => {
    await hub.close()
    place.close()
  })

  const expectHonest = (seen: readonly Progress[]): void => {
    const counted = seen.filter(one => one.bytesTotal !== undefined && one.phase !== 'Verifying')
    expect(new Set(counted.map(one => one.bytesTotal))).toEqual(new Set([total]))
    neverDown(counted.map(one => one.bytesDone ?? 0))
    neverDown(counted.map(one => one.filesDone ?? 0))
    const whole = counted.filter(one => toPercent(one.bytesDone ?? 0, total) === 100)
    expect(whole.filter(one => one.phase !== 'Done')).toEqual([])
    expect(counted.every(one => one.filesTotal === 5 || one.phase === 'Planning')).toBe(true)
  }

  it('tells every field, and all of it only at the end', async () => {
    hub.setFault('model.safetensors', { kind: 'slow', bytesPerSecond: 60_000 })
    const ended = await place.fetch(source)
    const seen = progressOf(ended)
    expectHonest(seen)
    const middle = seen.filter(one => one.phase === 'Downloading')
    expect(middle.some(one => (one.bytesPerSecond ?? 0) > 0)).toBe(true)
    expect(middle.every(one => one.bytesReused !== undefined || one.bytesDone === undefined)).toBe(true)
  })

  it('that meets wrong bytes and fetches them again never goes back', async () => {
    const once = { kind: 'flipBit', at: 1_000_000, times: 42 } as const
    hub.setFault('model.safetensors', [once, { kind: 'slow', bytesPerSecond: 200_000 }])
    const ended = await place.fetch(source)
    expect(ended.code).toBe(0)
    expectHonest(progressOf(ended))
  }, 60_000)

  it('that goes on after a break begins where it was, and says what is not fetched again', async () => {
    hub.setFault('model.safetensors', { kind: 'status', status: 503, origin: 'cdn', skip: 8 })
    expect((await place.fetch(source)).code).not.toBe(0)
    hub.setFault('model.safetensors', { kind: 'slow', bytesPerSecond: 60_000 })
    const ended = await place.fetch(source)
    const seen = progressOf(ended)
    expectHonest(seen)
    const first = seen.find(one => (one.bytesReused ?? 0) > 0)
    expect(first?.bytesReused).toBeGreaterThanOrEqual(64 << 10)
    expect(ended.result.copy?.bytesReused).toBe(seen.at(-1)?.bytesReused)
    for (const { bytesDone } of seen.filter(one => one.bytesDone !== undefined)) {
      expect(bytesDone).toBeGreaterThanOrEqual(first?.bytesReused ?? 0)
    }
  })

  it('says that all is there only over a receipt that stands', async () => {
    const receipt = join(place.root, '.switchyard/receipts/owner-1.json')
    const stood: boolean[] = []
    const print = (line: string): void => {
      const said = parseProgressLine(line)
      if (said?.phase === 'Done' || said?.bytesDone === total) stood.push(existsSync(receipt))
    }
    hub.setFault('model.safetensors', { kind: 'slow', bytesPerSecond: 60_000 })
    const ended = await place.resolve(source)
    const { revision, listDigest } = ended.result.resolution!
    const start = { command: 'download', owner: 'owner-1', sourceHash: 'hash', hubEndpoint: hub.url } as const
    const { signal } = new AbortController()
    const io = { print, signal, retry: quick, partSize: () => 64 << 10 }
    expect(await runWorker({ ...start, source, revision, listDigest, layout: place.layout }, io)).toBe(0)
    expect(existsSync(receipt)).toBe(true)
    expect(stood.every(Boolean)).toBe(true)
  })
})

describe('the time that is left', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  /** The same numbers for the same seed. */
  const numbers = (seed: number) => () => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return seed / 2 ** 32
  }
  const median = (list: readonly number[]): number => [...list].sort((a, b) => a - b)[list.length >> 1] ?? 1

  const speeds: [string, (second: number, random: () => number) => number][] = [
    ['is even', () => 1_000_000],
    ['is anything up to twice the usual', (_, random) => 2_000_000 * random()],
    ['comes in bursts', second => (second % 4 === 0 ? 4_000_000 : 0)],
    ['starts slowly', second => Math.min(1_000_000, second * 50_000)],
  ]
  it.each(speeds)('is right within a fifth after the first tenth when the speed %s', (_, speedAt) => {
    const random = numbers(20_261_126)
    const received: number[] = []
    for (let sum = 0, second = 1; sum < 300_000_000; second++) {
      sum += Math.round(speedAt(second, random))
      received.push(Math.min(sum, 300_000_000))
    }
    const seconds = received.length
    const lines: string[] = []
    const reporter = new Reporter(line => lines.push(line))
    reporter.enter('Downloading', { bytesTotal: 300_000_000 })
    const errors: number[] = []
    received.forEach((sum, n) => {
      vi.advanceTimersByTime(1_000)
      reporter.count(sum)
      const told = parseProgressLine(lines.at(-1) ?? '')?.etaSeconds
      const left = seconds - (n + 1)
      if (sum >= 30_000_000 && told !== undefined && left > 0) errors.push(Math.abs(told - left) / left)
    })
    reporter.end()
    expect(errors.length).toBeGreaterThan(seconds / 2)
    expect(median(errors)).toBeLessThanOrEqual(0.2)
  })

  it('is not told before ten seconds of bytes', () => {
    const lines: string[] = []
    const reporter = new Reporter(line => lines.push(line))
    reporter.enter('Downloading', { bytesTotal: 1_000_000 })
    for (let n = 1; n <= 9; n++) {
      vi.advanceTimersByTime(1_000)
      reporter.count(n * 10_000)
    }
    expect(lines.some(line => line.includes('etaSeconds'))).toBe(false)
    reporter.end()
  })
})
