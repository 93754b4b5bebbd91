// The time limit of a request: it tells its newest listener, and a signal whenever that was asked for.
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { Limit } from '../../src/engines/limit.ts'

/** A limit that is over by then, or was cleared; what was told, in order. */
const told = async (prepare: (limit: Limit, tell: (word: string) => void) => void) => {
  const words: string[] = []
  const limit = new Limit(5)
  prepare(limit, word => void words.push(word))
  await sleep(50)
  return { limit, words }
}

describe('A time limit', () => {
  it('tells its newest listener once', async () => {
    const { limit, words } = await told((limit, tell) => {
      limit.onEnd(() => tell('old'))
      limit.onEnd(() => tell('new'))
    })
    expect([limit.isOver, words]).toEqual([true, ['new']])
  })

  it('tells nobody when its listener has left', async () => {
    const { words } = await told((limit, tell) => {
      limit.onEnd(() => tell('left'))
      limit.onEnd()
    })
    expect(words).toEqual([])
  })

  it('aborts one and the same signal, beside its listener', async () => {
    const { limit, words } = await told((limit, tell) => {
      limit.onEnd(() => tell('listener'))
      limit.signal.addEventListener('abort', () => tell('signal'))
    })
    expect(words.sort()).toEqual(['listener', 'signal'])
    expect(limit.signal.aborted).toBe(true)
  })

  it('gives a signal that is aborted when it is over', async () => {
    const { limit } = await told(() => undefined)
    expect(limit.signal.aborted).toBe(true)
  })

  it('tells nothing after it was cleared', async () => {
    const { limit, words } = await told((limit, tell) => {
      limit.onEnd(() => tell('listener'))
      limit.clear()
    })
    expect([limit.isOver, limit.signal.aborted, words]).toEqual([false, false, []])
  })
})
