// Buffers that connections inherit: few are kept, and what is not kept is memory no more.
import { expect, it } from 'vitest'
import { Slabs } from '../../../src/worker/transfer/slabs.ts'

it('a slab that was given back is the next one taken, never one that is out', () => {
  const slabs = new Slabs()
  const [first, second] = [slabs.take(), slabs.take()]
  expect(second.buffer === first.buffer).toBe(false)
  slabs.give(first)
  expect(slabs.take() === first).toBe(true)
  expect(slabs.take() === second).toBe(false)
})

it('of ten slabs given back four are kept, and the memory of the others is returned at once', () => {
  const slabs = new Slabs()
  const out = Array.from({ length: 10 }, () => slabs.take())
  for (const slab of out) slabs.give(slab)
  expect(out.map(slab => slab.length > 0)).toEqual(out.map((_, n) => n < 4))
})

it('the slabs of many connections are small, and large again for few', () => {
  const slabs = new Slabs()
  const out = Array.from({ length: 32 }, () => slabs.take())
  const [large, small] = [out.slice(0, 5), out.slice(5)]
  expect(new Set(large.map(slab => slab.length)).size).toBe(1)
  expect(small.every(slab => slab.length === large[0]!.length / 3)).toBe(true)
  for (const slab of out.toReversed()) slabs.give(slab)
  expect(small.every(slab => slab.length === 0)).toBe(true)
  expect(Array.from({ length: 5 }, () => slabs.take().length)).toEqual(Array(5).fill(786_432))
})
