// Parts are called synced only after a sync that began when they were whole; nobody waits for the disk unless it lags behind.
import { describe, expect, it } from 'vitest'
import { Syncs } from '../../../src/worker/transfer/syncs.ts'

/** A disk that syncs when it is told to. */
const slowDisk = () => {
  const begun: PromiseWithResolvers<void>[] = []
  const synced: number[] = []
  const sync = (): Promise<void> => {
    const one = Promise.withResolvers<void>()
    begun.push(one)
    return one.promise
  }
  return { syncs: new Syncs(sync, index => synced.push(index)), begun, synced }
}

const turn = (): Promise<void> => new Promise(setImmediate)

describe('a whole part', () => {
  it('is not waited for, and is called synced after its sync', async () => {
    const { syncs, begun, synced } = slowDisk()
    await syncs.add(7)
    expect(synced).toEqual([])
    begun[0]!.resolve()
    await syncs.settle()
    expect(synced).toEqual([7])
  })

  it('that comes during a sync is spoken for by the next one, together with the others', async () => {
    const { syncs, begun, synced } = slowDisk()
    for (const index of [1, 2, 3]) await syncs.add(index)
    begun[0]!.resolve()
    await turn()
    expect(synced).toEqual([1])
    begun[1]!.resolve()
    await syncs.settle()
    expect(synced).toEqual([1, 2, 3])
    expect(begun.length).toBe(2)
  })

  it('waits once sixteen others wait for a disk that lags behind', async () => {
    const { syncs, begun } = slowDisk()
    for (let index = 0; index <= 16; index++) await syncs.add(index)
    let isAdded = false
    const added = syncs.add(17).then(() => {
      isAdded = true
    })
    await turn()
    expect(isAdded).toBe(false)
    begun[0]!.resolve()
    await added
  })

  it('is never called synced when the disk fails: settling tells why', async () => {
    const { syncs, begun, synced } = slowDisk()
    await syncs.add(1)
    await syncs.add(2)
    begun[0]!.reject(new Error('EIO'))
    await expect(syncs.settle()).rejects.toThrow('EIO')
    await expect(syncs.settle()).rejects.toThrow('EIO')
    expect(synced).toEqual([])
  })
})
