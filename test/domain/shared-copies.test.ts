// What a Model's status and its volume's ledger say of bytes that another copy brought.
import { describe, expect, it } from 'vitest'
import type { CopyResult } from '../../src/domain/artifact.ts'
import { toLedger } from '../../src/domain/ledger.ts'
import type { Copy } from '../../src/domain/model.ts'
import { decideModel } from '../../src/domain/model-rules.ts'
import { settleModel } from '../../src/domain/model-settle.ts'
import { nextModelStatus } from '../../src/domain/status.ts'
import { aCopy, aModel, aWork, resolved, revision, seenModel, volume } from '../builders/seen.ts'

const note = 'the volume refuses hard links: 1 of its blobs are used where another copy keeps them'
const { receipt: _, revision: __, bytesStored: ___, path: ____, ...pending } = aCopy({ phase: 'Downloading' })

const copyAfter = (result: Partial<CopyResult>, copy: Copy = pending): Copy => {
  const work = aWork({
    command: 'download',
    subject: `${volume.key}@${revision}#0~uid-claim`,
    volume: volume.key,
    phase: 'Succeeded',
    result: { copy: { receipt: 'r', bytes: 10e9, bytesFetched: 0, bytesReused: 10e9, ...result } },
  })
  const model = aModel({ status: { resolved, copies: [copy] } })
  const facts = settleModel(seenModel({ model, works: [work] }))
  return nextModelStatus(facts, decideModel(facts)).copies![0]!
}

describe('A copy that somebody else had put there', () => {
  it('is Adopted, also when it is verified or found once more', () => {
    const adopted = copyAfter({ isAdopted: true })
    expect(adopted).toMatchObject({ phase: 'Ready', origin: 'Adopted', bytesStored: 0 })
    expect(copyAfter({ isAdopted: true }, adopted).origin).toBe('Adopted')
  })

  it('is Fetched from the first byte on that is fetched into it', () => {
    const adopted = copyAfter({ isAdopted: true })
    expect(copyAfter({ bytesFetched: 5 }, adopted).origin).toBe('Fetched')
  })

  it('does not make what was fetched before it somebody else’s', () => {
    const older = aCopy({ revision: 'b'.repeat(40) })
    expect(copyAfter({ isAdopted: true }, older).origin).toBe('Fetched')
  })
})

describe('A copy of bytes that another copy brought', () => {
  it('takes nothing from the ledger, which counts them once', () => {
    const copy = copyAfter({})
    expect(copy).toMatchObject({ phase: 'Ready', bytesStored: 0 })
    const brought = aModel({ metadata: { name: 'first' }, status: { resolved, copies: [aCopy()] } })
    const models = [brought, aModel({ status: { resolved, copies: [copy] } })]
    expect(toLedger(volume, models, [])).toMatchObject({ usedBytes: 10e9, holders: ['first', 'qwen'] })
  })

  it('says so while it is ready, when it is not simply one more hard link', () => {
    const copy = copyAfter({ note })
    expect(copy.message).toBe(note)
    expect(copy.reason).toBeUndefined()
    expect(copyAfter({}, copy).message).toBeUndefined()
  })
})
