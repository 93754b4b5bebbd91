// The line for a place that all Models share: in order of arrival, and the next is called when one leaves.
import { describe, expect, it } from 'vitest'
import { createTurns } from '../../src/controller/turns.ts'
import type { Key } from '../../src/domain/object.ts'

const key = (name: string): Key => `Model/default/${name}`

const line = (...names: readonly string[]) => {
  const called: Key[] = []
  const turns = createTurns(one => called.push(one))
  for (const name of names) turns.stand(key(name))
  return { turns, called }
}

describe('The line of those that wait for a place', () => {
  it('keeps the place of who stands already, and counts all before one who does not', () => {
    const { turns } = line('a', 'b', 'a')
    expect(['a', 'b', 'c'].map(name => turns.aheadOf(key(name)))).toEqual([0, 1, 2])
  })

  it('calls the next when one leaves, and nobody when one leaves that was not in it', () => {
    const { turns, called } = line('a', 'b')
    turns.leave(key('c'))
    turns.leave(key('a'))
    turns.leave(key('b'))
    expect(called).toEqual([key('b')])
  })

  it('calls who is first when a place may be free', () => {
    const { turns, called } = line('a', 'b')
    turns.callFirst()
    expect(called).toEqual([key('a')])
  })
})
