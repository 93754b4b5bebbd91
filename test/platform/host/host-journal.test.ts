// The Journal part on a host: the contract, and the rows that only a store of our own writes.
import { afterAll, describe, expect, it } from 'vitest'
import type { Model } from '../../../src/domain/object.ts'
import type { Note } from '../../../src/domain/platform.ts'
import { journalContract } from '../../contracts/journal-contract.ts'
import { aFolder, openParts, pass } from './host-parts.ts'

const namespace = 'default'
const specs = {
  Model: { source: { huggingFace: { repo: 'org/name' } } },
  Runtime: { engine: 'VLLM', kubernetes: { deploymentName: 'vllm' } },
}

describe('the journal of a host', () => {
  const { folder, remove } = aFolder()
  const { database, journal, people, store } = openParts(folder)
  afterAll(() => {
    database.close()
    remove()
  })
  const make = (kind: 'Model' | 'Runtime', name: string): void =>
    people.apply({ kind, namespace, name, spec: specs[kind] }, 'ann')
  const find = (name: string): Model => {
    const model = store.getModel({ namespace, name })
    if (!model) throw new Error(`${name} is not there`)
    return model
  }
  const told = (uid: string) => journal.read(uid).map(({ actor, what, body }) => [actor, what, body])

  journalContract(() => ({
    pass,
    journal,
    model: async name => {
      make('Model', name)
      return find(name)
    },
    runtime: async name => {
      make('Runtime', name)
      const runtime = store.getRuntime({ namespace, name })
      if (!runtime) throw new Error(`${name} is not there`)
      return runtime
    },
    remove: async object => people.remove('Model', object.metadata, 'ann'),
    read: async about =>
      journal
        .read(about.metadata.uid)
        .filter(({ what }) => what === 'Note')
        .map(({ body }) => body as Note),
  }))

  it('tells who wished what, each phase, and each operation as it begins and ends', async () => {
    make('Model', 'told')
    const operation = {
      id: 'one',
      type: 'Install',
      startedAt: '2026-11-27T00:00:00.000Z',
      requestedBy: 'ann',
    } as const
    await store.writeModelStatus(find('told'), {
      phase: 'Downloading',
      operations: [{ ...operation, phase: 'Running' }],
    })
    await store.writeModelStatus(find('told'), {
      phase: 'Ready',
      operations: [{ ...operation, phase: 'Succeeded', finishedAt: '2026-11-27T00:00:09.000Z' }],
    })
    await store.writeModelStatus(find('told'), { ...find('told').status, inUseBy: ['gpu'] })
    const { uid } = find('told').metadata
    people.remove('Model', { namespace, name: 'told' }, 'bob')
    expect(told(uid)).toEqual([
      ['ann', 'Applied', specs.Model],
      ['switchyard', 'Phase', { from: '', to: 'Downloading' }],
      ['ann', 'Operation', { ...operation, phase: 'Running' }],
      ['switchyard', 'Phase', { from: 'Downloading', to: 'Ready' }],
      ['ann', 'Operation', { ...operation, phase: 'Succeeded', finishedAt: '2026-11-27T00:00:09.000Z' }],
      ['bob', 'Deleted', {}],
    ])
  })

  it('a status that was refused leaves no row', async () => {
    make('Model', 'stale')
    const stale = find('stale')
    await store.writeModelStatus(stale, { phase: 'Resolving' })
    const before = journal.read(stale.metadata.uid)
    await expect(store.writeModelStatus(stale, { phase: 'Ready' })).rejects.toThrow(/changed meanwhile/)
    expect(journal.read(stale.metadata.uid)).toEqual(before)
  })

  it('is read on from a number', () => {
    make('Model', 'numbered')
    journal.write(find('numbered'), { type: 'Normal', reason: 'Active', message: 'one' })
    const [first, ...rest] = journal.read(find('numbered').metadata.uid)
    expect(journal.read(find('numbered').metadata.uid, first?.seq)).toEqual(rest)
  })

  it.each(['UPDATE journal SET actor = ?', 'DELETE FROM journal WHERE actor <> ?'])('refuses: %s', sql => {
    expect(() => database.run(sql, 'nobody')).toThrow(/append-only/)
  })
})
