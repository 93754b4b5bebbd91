// The heap behind the queue: any order of pushes and removals comes out sorted, and a step costs a logarithm.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Heap, type Placed } from '../../src/controller/heap.ts'

interface Numbered extends Placed {
  value: number
}

const numbered = (value: number): Numbered => ({ value, place: -1 })

const takeAll = (heap: Heap<Numbered>): number[] => {
  const taken: number[] = []
  for (let first = heap.first; first; first = heap.first) {
    heap.remove(first)
    taken.push(first.value)
  }
  return taken
}

describe('A heap', () => {
  it('gives back in order what is left of what was pushed, whatever was taken out of its middle', () => {
    const values = fc.array(fc.record({ value: fc.nat(50), isTaken: fc.boolean() }), { maxLength: 60 })
    fc.assert(
      fc.property(values, given => {
        const heap = new Heap<Numbered>((a, b) => a.value < b.value)
        const items = given.map(({ value }) => numbered(value))
        for (const item of items) heap.push(item)
        for (const [at, item] of items.entries()) if (given[at]?.isTaken) heap.remove(item)
        const left = given.filter(({ isTaken }) => !isTaken).map(({ value }) => value)
        expect(takeAll(heap)).toEqual(left.sort((a, b) => a - b))
        expect(items.every(({ place }) => place === -1)).toBe(true)
      }),
    )
  })

  it('leaves alone what stands in another one, and what stands nowhere', () => {
    const [one, other] = [
      new Heap<Numbered>((a, b) => a.value < b.value),
      new Heap<Numbered>((a, b) => a.value < b.value),
    ]
    const here = numbered(1)
    one.push(here)
    other.push(numbered(2))
    other.remove(here)
    one.remove(numbered(1))
    expect([one.size, other.size]).toEqual([1, 1])
  })

  it('of ten thousand compares a few dozen times per step, never all of them', () => {
    let compared = 0
    const heap = new Heap<Numbered>((a, b) => {
      compared++
      return a.value < b.value
    })
    const items = Array.from({ length: 10_000 }, (_, n) => numbered((n * 7919) % 10_007))
    for (const item of items) heap.push(item)
    for (const item of items.slice(0, 5_000)) heap.remove(item)
    takeAll(heap)
    expect(compared / 20_000).toBeLessThan(40)
  })
})
