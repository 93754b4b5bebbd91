import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { HandClock } from '../../../src/platform/memory/hand-clock.ts'
import { Table, View } from '../../../src/platform/memory/table.ts'

describe('A clock that is turned by hand', () => {
  it('fires timers in the order of their time, then of their making', async () => {
    const clock = new HandClock()
    const fired: string[] = []
    clock.after(20, () => fired.push('late'))
    clock.after(10, () => fired.push('first'))
    clock.after(10, () => fired.push('second'))
    const cancel = clock.after(15, () => fired.push('never'))
    cancel()
    await clock.run(30)
    expect(fired).toEqual(['first', 'second', 'late'])
  })

  it('stops what never rests', async () => {
    const clock = new HandClock()
    const again = (): void => void clock.after(0, again)
    again()
    await expect(clock.run(1)).rejects.toThrow(/never rests/)
  })
})

describe('A late view', () => {
  it('shows changes in their order, and the last one in the end, however late each is', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 50 }), fc.double({ min: 0, max: 90, noNaN: true }))),
        async changes => {
          const clock = new HandClock()
          let version = 0
          const table = new Table<number>(() => ++version)
          const lags = changes.map(([, lag]) => lag)
          const view = new View(table, clock, () => lags.shift() ?? 0)
          const seen: number[] = []
          view.subscribe(() => seen.push(view.get('x') ?? -1))
          for (const [i, [pause]] of changes.entries()) {
            await clock.run(pause)
            table.put('x', () => i)
          }
          await clock.run(1_000)
          expect(seen).toEqual(changes.map((_, i) => i))
        },
      ),
      { numRuns: 50 },
    )
  })
})
