// The journal is shortened by number and age; what a running operation tells of stays.
import { afterAll, describe, expect, it } from 'vitest'
import { JournalBound } from '../../../src/platform/host/journal-bound.ts'
import { aFolder, openParts } from './host-parts.ts'

const namespace = 'default'
const { folder, remove } = aFolder()
const { database, objects, journal, people, store } = openParts(folder)
afterAll(() => {
  database.close()
  remove()
})

const bound = (entries: number, days = 36_500, now = new Date()): JournalBound => {
  const shortened = new JournalBound({
    database,
    objects,
    keeps: { entries, days },
    now: () => now,
    onFailure: error => {
      throw error
    },
  })
  shortened.stop()
  return shortened
}

const make = (name: string) => {
  people.apply(
    { kind: 'Model', namespace, name, spec: { source: { huggingFace: { repo: 'org/a' } } } },
    'ann',
  )
  const model = store.getModel({ namespace, name })
  if (!model) throw new Error(`${name} is not there`)
  return model
}
const count = (): number => Number(database.all('SELECT count(*) AS n FROM journal')[0]?.['n'])

describe('The journal of a host', () => {
  it('keeps the newest entries, and writes nothing when it is short enough', () => {
    const model = make('talker')
    for (let n = 0; n < 30; n += 1)
      journal.write(model, { type: 'Normal', reason: 'Active', message: `${n}` })
    const before = journal.read(model.metadata.uid)
    expect(bound(31).shorten()).toBe(0)
    expect(bound(10).shorten()).toBe(21)
    expect(journal.read(model.metadata.uid)).toEqual(before.slice(-10))
    expect(bound(10).shorten()).toBe(0)
  })

  it('goes on in steps', () => {
    const model = make('long')
    database.transaction(() => {
      for (let n = 0; n < 4_500; n += 1) journal.add(model, 'Note', { body: { n } })
    })
    const one = bound(5)
    expect([one.shorten(), one.shorten(), one.shorten() > 0, one.shorten()]).toEqual([2_000, 2_000, true, 0])
    expect(count()).toBe(5)
  })

  it('lets go what is older than its days', () => {
    const in91Days = new Date(Date.now() + 91 * 86_400_000)
    expect(bound(1_000, 92, in91Days).shorten()).toBe(0)
    expect(bound(1_000, 90, in91Days).shorten()).toBe(5)
  })

  it('keeps all that was told since a running operation began', async () => {
    const model = make('runner')
    const startedAt = new Date().toISOString()
    const operation = { id: 'one', type: 'Install', phase: 'Running', startedAt } as const
    await store.writeModelStatus(model, { phase: 'Downloading', operations: [operation] })
    const other = make('talker-too')
    for (let n = 0; n < 5; n += 1) journal.write(other, { type: 'Normal', reason: 'Active', message: `${n}` })
    bound(1).shorten()
    expect(journal.read(model.metadata.uid).map(({ what }) => what)).toEqual(
      expect.arrayContaining(['Phase', 'Operation']),
    )
    expect(journal.read(other.metadata.uid).length).toBe(1)
  })

  it('stays append-only: nothing else can be deleted', () => {
    expect(() => database.run("DELETE FROM journal WHERE actor <> 'x'")).toThrow(/append-only/)
  })
})
