import { describe, expect, it } from 'vitest'
import { finishOperation, type Operation, recordOperation } from '../../src/domain/operation.ts'
import { at, now } from '../builders/seen.ts'

const entry = (id: string, seconds = 0): Operation => ({
  id,
  type: 'Install',
  phase: 'Running',
  startedAt: at(seconds),
})

describe('The history', () => {
  it('stands newest first and keeps ten', () => {
    const list = Array.from({ length: 12 }, (_, n) => entry(`${n}`, n)).reduce<Operation[]>(
      recordOperation,
      [],
    )
    expect(list.map(one => one.id)).toEqual(['11', '10', '9', '8', '7', '6', '5', '4', '3', '2'])
  })

  it('takes the same id as the same operation', () => {
    expect(recordOperation([entry('a')], entry('a', 5))).toEqual([entry('a', 5)])
  })

  it('has an end and a length when it ended, also when it failed', () => {
    const [ended] = finishOperation([entry('a', -90)], 'a', { phase: 'Failed', reason: 'Integrity' }, now)
    expect(ended).toMatchObject({ phase: 'Failed', finishedAt: now.toISOString(), durationSeconds: 90 })
  })

  it('ends the one that is meant and no other', () => {
    const [b, a] = finishOperation([entry('b', -5), entry('a', -9)], 'a', { phase: 'Succeeded' }, now)
    expect([b, a?.phase]).toEqual([entry('b', -5), 'Succeeded'])
  })

  it('lasts no less than nothing when clocks differ', () => {
    const [ended] = finishOperation([entry('a', 9)], 'a', { phase: 'Failed' }, now)
    expect(ended?.durationSeconds).toBe(0)
  })

  it('puts an entry that began earlier below those that began later', () => {
    expect(recordOperation([entry('late', 9)], entry('early')).map(one => one.id)).toEqual(['late', 'early'])
  })

  it('ends once', () => {
    const ended = finishOperation([entry('a', -90)], 'a', { phase: 'Succeeded' }, now)
    expect(finishOperation(ended, 'a', { phase: 'Failed' }, now)).toEqual(ended)
  })
})
