// The number of connections, against servers that are arithmetic: no clock, no socket.
import { describe, expect, it } from 'vitest'
import { Ramp } from '../../../src/worker/transfer/ramp.ts'

const beatMs = 50

interface Server {
  /** bytes per millisecond that so many connections give together */
  readonly rate: (connections: number) => number
  readonly setupMs: number
  /** share of its time that receiving takes; none when absent */
  readonly busy?: number
}

/** A ramp with its clock and its bytes. */
const begin = () => ({ ramp: new Ramp(), now: 0, bytes: 0, flowing: 0, busyMs: 0 })

/** Looks at each beat for so long; connections flow one beat after they are allowed. */
const play = (game: ReturnType<typeof begin>, { rate, setupMs, busy = 0 }: Server, ms: number): number[] => {
  const { ramp } = game
  const limits: number[] = []
  for (const end = game.now + ms; game.now <= end; game.now += beatMs) {
    game.bytes += rate(game.flowing) * beatMs
    game.busyMs += busy * beatMs
    ramp.look(game)
    limits.push(ramp.limit)
    if (game.flowing < ramp.limit) ramp.noteSetup(setupMs)
    game.flowing = ramp.limit
  }
  return limits
}

const perConnection = (cap: number) => (connections: number) => cap * connections
const shared = (all: number) => (connections: number) => (connections === 0 ? 0 : all)

describe('connections', () => {
  it('begin with four', () => {
    expect(new Ramp().limit).toBe(4)
  })

  it('are sixteen within half a second where each is capped by itself', () => {
    expect(play(begin(), { rate: perConnection(40_000), setupMs: 2 }, 500).at(-1)).toBe(16)
  })

  it('are measured for longer where they take longer to get going', () => {
    const limits = play(begin(), { rate: perConnection(40_000), setupMs: 200 }, 3_000)
    expect(limits[500 / beatMs]).toBe(4)
    expect(limits.at(-1)).toBe(16)
  })

  it('go back to what brought as much, and try one more by the second', () => {
    const limits = play(begin(), { rate: shared(1_000_000), setupMs: 2 }, 5_000)
    expect(Math.max(...limits)).toBe(8)
    expect(limits[500 / beatMs]).toBe(4)
    expect(limits.at(-1)).toBe(5)
  })

  it('are never more, and one less, while the receiving thread is the bound, however much the speed varies', () => {
    let n = 0
    const warming = () => 100_000 * ++n
    const limits = play(begin(), { rate: warming, setupMs: 2, busy: 0.95 }, 5_000)
    expect([Math.max(...limits), limits.at(-1)]).toEqual([4, 3])
  })

  it('grow again one by one once the receiving thread has time', () => {
    const game = begin()
    play(game, { rate: shared(100_000), setupMs: 2, busy: 0.95 }, 2_000)
    expect(play(game, { rate: perConnection(40_000), setupMs: 2 }, 20_000).at(-1)).toBe(16)
  })

  it('never are more than sixteen', () => {
    expect(Math.max(...play(begin(), { rate: perConnection(1), setupMs: 2 }, 60_000))).toBe(16)
  })

  it('are halved when the server pushes back, and grow by one from there', () => {
    const game = begin()
    play(game, { rate: perConnection(40_000), setupMs: 2 }, 1_000)
    game.ramp.ease()
    expect(game.ramp.limit).toBe(8)
    expect(play(game, { rate: perConnection(40_000), setupMs: 2 }, 3_050).at(-1)).toBe(10)
  })

  it('are halved when the sum stays below half of its best for ten seconds', () => {
    const game = begin()
    play(game, { rate: shared(1_000_000), setupMs: 2 }, 5_000)
    expect(play(game, { rate: shared(300_000), setupMs: 2 }, 9_500).at(-1)).toBe(5)
    expect(play(game, { rate: shared(300_000), setupMs: 2 }, 4_000).at(-1)).toBeLessThan(5)
  })

  it('that are never answered are not waited for', () => {
    const ramp = new Ramp()
    for (let now = 0; now <= 20_000; now += beatMs) ramp.look({ now, bytes: 0, flowing: 2, busyMs: 0 })
    expect(ramp.limit).toBe(4)
  })
})
