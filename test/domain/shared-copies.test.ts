// What a Model's status and its volume's ledger say of bytes that another copy brought.
import { describe, expect, it } from 'vitest'
import type { CopyResult } from '../../src/domain/artifact.ts'
import { toLedger } from '../../src/domain/ledger.ts'
import type { Copy } from '../../src/domain/model.ts'
import { toAccounts } from '../../src/domain/model-accounts.ts'
import { decideModel } from '../../src/domain/model-rules.ts'
import { settleModel } from '../../src/domain/model-settle.ts'
import type { Model } from '../../src/domain/object.ts'
import type { WorkView } from '../../src/domain/platform.ts'
import { nextModelStatus } from '../../src/domain/status.ts'
import { aCopy, aModel, at, aWork, now, resolved, revision, seenModel, volume } from '../builders/seen.ts'

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

describe('Bytes of a copy that goes and that another Model keeps', () => {
  const receipt = 'n'.repeat(64)
  const named = (name: string, status: Model['status'], more: object = {}): Model =>
    aModel({ metadata: { name, uid: `uid-${name}`, ...more }, status: { resolved, ...status } })
  const leaving = named(
    'first',
    { copies: [aCopy({ phase: 'Removing', bytesStored: 10e9 })] },
    { deletionTimestamp: at(-5) },
  )
  const heir = named('second', { copies: [aCopy({ bytesStored: 7 })] })
  const removed = aWork({
    ...{ id: 'removal', command: 'remove', phase: 'Succeeded', volume: volume.key, endedAt: at(-1) },
    owner: { namespace: 'ai', name: 'first', uid: 'uid-first' },
    subject: `${volume.key}@${revision}#0~uid-claim`,
    result: { removed: { bytesFreed: 5, fallen: [{ owner: 'uid-second', bytes: 9e9, receipt }] } },
  })

  /** One look at one of these Models: what it decides, and all of them after that. */
  const look = (models: readonly Model[], name: string, works: readonly WorkView[] = []) => {
    const model = models.find(one => one.metadata.name === name)!
    const runtimes = model === leaving || model.metadata.deletionTimestamp ? [] : seenModel().runtimes
    const accounts = toAccounts(model, models, now)
    const facts = settleModel(seenModel({ model, works, accounts, runtimes }))
    const decision = decideModel(facts)
    const next = { ...model, status: nextModelStatus(facts, decision) }
    return { decision, models: models.map(one => (one === model ? next : one)) }
  }
  const storedBy = (models: readonly Model[], name: string) =>
    models.find(one => one.metadata.name === name)?.status.copies?.map(copy => copy.bytesStored)
  const releases = ({ decision }: ReturnType<typeof look>) =>
    decision.actions.some(action => action.do === 'releaseFinalizer')

  it('are told by the one, counted by the other, and only then the one goes', () => {
    const told = look([leaving, heir], 'first', [removed])
    expect(releases(told)).toBe(false)
    expect(told.decision).toMatchObject({ phase: 'Deleting', again: 1_000 })
    expect(toLedger(volume, told.models, []).usedBytes).toBe(7)
    const counted = look(told.models, 'second')
    expect(storedBy(counted.models, 'second')).toEqual([9e9 + 7])
    expect(counted.models[1]?.status.copies?.[0]?.receipt).toBe(receipt)
    expect(toLedger(volume, counted.models, [])).toMatchObject({ usedBytes: 9e9 + 7, holders: ['second'] })
    const gone = look(counted.models, 'first')
    expect(releases(gone)).toBe(true)
    expect(gone.models[0]?.status.passedOn).toBeUndefined()
  })

  it('are counted once, however often both are looked at', () => {
    let { models } = look([leaving, heir], 'first', [removed])
    for (const name of ['second', 'second', 'first', 'second', 'first']) models = look(models, name).models
    expect(storedBy(models, 'second')).toEqual([9e9 + 7])
  })

  it('are on the account of nobody who has gone, and nobody is waited for who is not there', () => {
    const told = look([leaving], 'first', [removed])
    expect(releases(look(told.models, 'first'))).toBe(true)
  })

  it('are told for ten minutes', () => {
    const late = { ...removed, endedAt: at(-601) }
    const told = look([leaving, heir], 'first', [late])
    expect(storedBy(look(told.models, 'second').models, 'second')).toEqual([7])
    expect(releases(look(told.models, 'first'))).toBe(true)
  })

  it('are counted on the volume that they are on, and by a copy that is only begun', () => {
    const { bytesStored: _, ...begun } = aCopy({ phase: 'Downloading' })
    const two = named('second', { copies: [aCopy({ claim: 'other', bytesStored: 3 }), begun] })
    const told = look([leaving, two], 'first', [removed])
    const copies = look(told.models, 'second').models[1]?.status.copies
    expect(copies?.find(copy => copy.claim === 'other')?.bytesStored).toBe(3)
    expect(copies?.find(copy => copy.claim === 'models')?.bytesStored).toBe(9e9)
  })
})
