// The promises of the Journal part, for every platform: the test file hands in the diary and how people read it.
import { expect, it } from 'vitest'
import type { Model, Runtime } from '../../src/domain/object.ts'
import type { Journal, Note } from '../../src/domain/platform.ts'
import { type Pass, seen } from './eventually.ts'

export interface JournalWorld {
  readonly pass: Pass
  readonly journal: Journal
  model(name: string): Promise<Model>
  runtime(name: string): Promise<Runtime>
  remove(object: Model): Promise<unknown>
  /** what people read about an object, oldest first */
  read(about: Model | Runtime): Promise<readonly Note[]>
}

const good: Note = { type: 'Normal', reason: 'Active', message: 'llama answers' }
const bad: Note = { type: 'Warning', reason: 'LoadFailed', message: 'the engine ended' }

export const journalContract = (open: () => JournalWorld): void => {
  const isRead = (about: Model | Runtime, notes: readonly Note[]) =>
    seen(open().pass, `${notes.length} notes about ${about.metadata.name}`, async () => {
      const found = await open().read(about)
      return found.length >= notes.length && found
    }).then(found => expect(found).toEqual(notes))

  it('5 notes about a Model and a Runtime can be read, each with its object', async () => {
    const { journal, model, runtime } = open()
    const [noted, other] = [await model('noted'), await runtime('noted')]
    journal.write(noted, good)
    journal.write(noted, bad)
    journal.write(other, bad)
    await isRead(noted, [good, bad])
    await isRead(other, [bad])
  })

  it('5 a note about an object that is gone does no harm, and the next one is written', async () => {
    const { journal, model, remove } = open()
    const [gone, noted] = [await model('gone'), await model('after')]
    await remove(gone)
    journal.write(gone, bad)
    journal.write(noted, good)
    await isRead(noted, [good])
  })
}
