// How the reflectors of a process wait for a server that is away: each for itself, until one of them is answered.
import { beforeEach, describe, expect, it } from 'vitest'
import { ApiError } from '../../../../src/platform/kubernetes/kernel/errors.ts'
import { NoAnswer } from '../../../../src/platform/kubernetes/kernel/no-answer.ts'
import { ReflectorBackoff } from '../../../../src/platform/kubernetes/kernel/reflector-backoff.ts'
import { Revival } from '../../../../src/platform/kubernetes/kernel/revival.ts'
import { VirtualTime } from '../../../simulation/election-time.ts'

const backoff = { firstMs: 1_000, longestMs: 30_000, healthyAfterMs: 120_000 }
const lost = new NoAnswer('a watch', 'Network')
const refusal = (status: number) => new ApiError({ verb: 'GET', target: '/api/v1/pods', status, body: '' })

describe('A wait', () => {
  let time: VirtualTime
  let shared: { clock: VirtualClock; random: () => number; revival: Revival; backoff: typeof backoff }
  let ended: string[]

  beforeEach(() => {
    time = new VirtualTime()
    const clock = { now: () => time.now, after: (ms: number, call: () => void) => time.after(ms, call) }
    shared = { clock, random: () => 1, revival: new Revival(), backoff }
    ended = []
  })

  const open = () => new ReflectorBackoff(shared)
  const stopping = new AbortController()
  const wait = (name: string, one: ReflectorBackoff, error: unknown): void => {
    one.failed(error)
    void one.wait(stopping.signal).then(() => ended.push(`${name} ${time.now}`))
  }

  it('grows with each failure, up to the longest', async () => {
    const one = open()
    for (let n = 0; n < 7; n++) {
      wait('one', one, lost)
      await time.runUntil(time.now + 30_000)
    }
    const lengths = ended.map((text, n) => Number(text.split(' ')[1]) - n * 30_000)
    expect(lengths).toEqual([1, 2, 4, 8, 16, 30, 30].map(seconds => seconds * 1_000))
  })

  it.each([
    ['no answer', lost, 200],
    ['no answer in time', new NoAnswer('a watch', 'Timeout'), 200],
    ['a server that starts', refusal(503), 200],
    ['a gateway before it', refusal(502), 200],
    ['a refusal', refusal(403), 1_000],
    ['a version that is gone', refusal(410), 1_000],
    ['too many requests', refusal(429), 1_000],
  ])('after %s ends when another one is answered only where that means something', async (_, error, at) => {
    const [one, other] = [open(), open()]
    wait('one', one, error)
    other.failed(lost)
    await time.runUntil(200)
    other.answered()
    await time.runUntil(5_000)
    expect(ended).toEqual([`one ${at}`])
  })

  it('is a whole one when the one before was cut short: a server that only opens is not hurried', async () => {
    const [one, other] = [open(), open()]
    const again = async () => {
      wait('one', one, lost)
      other.failed(lost)
      await time.runUntil(time.now + 100)
      other.answered()
      await time.runUntil(time.now + 9_900)
    }
    for (let n = 0; n < 3; n++) await again()
    expect(ended).toEqual(['one 100', 'one 12000', 'one 20100'])
  })

  it('is not ended by one that was answered all the time', async () => {
    const [one, other] = [open(), open()]
    wait('one', one, lost)
    other.answered()
    await time.runUntil(5_000)
    expect(ended).toEqual(['one 1000'])
  })
})

interface VirtualClock {
  now(): number
  after(ms: number, call: () => void): () => void
}
