import { describe, expect, it } from 'vitest'
import { budgetOf, toLedger } from '../../src/domain/ledger.ts'
import { aCopy, aModel, aWork, resolved, volume } from '../builders/seen.ts'

const holder = aModel({ status: { resolved, copies: [aCopy({ bytesStored: 10e9 })] } })
const download = aWork({ command: 'download', volume: volume.key })

describe('The ledger of a volume', () => {
  it('counts what the copies there have added', () => {
    expect(toLedger(volume, [holder], [])).toEqual({
      quotaBytes: 100e9,
      usedBytes: 10e9,
      reservedBytes: 0,
      holders: ['qwen'],
    })
  })

  it('does not count copies elsewhere', () => {
    const elsewhere = aModel({ status: { resolved, copies: [aCopy({ subPath: 'other' })] } })
    expect(toLedger(volume, [elsewhere], [])).toMatchObject({ usedBytes: 0, holders: [] })
  })

  it('reserves for downloads of others, never for the one that asks', () => {
    expect(toLedger(volume, [holder], [download]).reservedBytes).toBe(10e9)
    expect(toLedger(volume, [holder], [download], 'qwen').reservedBytes).toBe(0)
  })

  it('counts nothing of a Model without copies, and of a copy without figures only who it is', () => {
    const { bytesStored: _, ...unmeasured } = aCopy()
    const models = [aModel(), aModel({ status: { copies: [unmeasured, aCopy({ claim: 'other' })] } })]
    expect(toLedger(volume, models, [])).toMatchObject({ usedBytes: 0, holders: ['qwen'] })
  })

  it('reserves nothing for other work, other volumes or a Model whose size is not known', () => {
    const elsewhere = aWork({ command: 'download', volume: 'ai/other/' })
    const verify = aWork({ command: 'verify', volume: volume.key })
    const unknown = aWork({
      command: 'download',
      volume: volume.key,
      owner: { ...download.owner, uid: 'gone' },
    })
    expect(toLedger(volume, [holder], [elsewhere, verify, unknown]).reservedBytes).toBe(0)
    expect(toLedger(volume, [aModel()], [download]).reservedBytes).toBe(0)
  })

  it('has no quota where none is set', () => {
    const { quotaBytes: _, ...free } = volume
    expect(Object.keys(toLedger(free, [], []))).toEqual(['usedBytes', 'reservedBytes', 'holders'])
  })

  it('leaves the rest of the quota, and nothing below nothing', () => {
    const ledger = { usedBytes: 60e9, reservedBytes: 50e9, holders: [] }
    expect(budgetOf({ ...ledger, quotaBytes: 200e9 })).toBe(90e9)
    expect(budgetOf({ ...ledger, quotaBytes: 100e9 })).toBe(0)
    expect(budgetOf(ledger)).toBeUndefined()
  })
})
