// The Store part on a host: the contract, and what only a store that parses and checks by itself can show.
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { parseSpec } from '../../../src/domain/crd-parse.ts'
import type { Kind } from '../../../src/domain/object.ts'
import { HostDatabase } from '../../../src/platform/host/host-database.ts'
import { toWritten } from '../../../src/platform/host/host-store.ts'
import { recordWakes, type StoreWorld, storeContract } from '../../contracts/store-contract.ts'
import { aFolder, openParts, partsOn, pass } from './host-parts.ts'

const namespace = 'default'
const model = { source: { huggingFace: { repo: 'org/name' } } }

const openStore = () => {
  const { folder, remove } = aFolder()
  const parts = openParts(folder)
  const { store, objects, people } = parts
  const world: StoreWorld = {
    store,
    wakes: recordWakes(store),
    namespace,
    pass,
    people: {
      create: async (kind, name, spec) => people.apply({ kind, namespace, name, spec }, 'person'),
      annotate: async (kind, name, annotations) => people.annotate(kind, { namespace, name }, annotations),
      hold: async (kind, name, finalizers) => {
        const old = objects.get(kind, { namespace, name })
        if (!old) return
        const written = toWritten(objects, old)
        objects.put({ ...written, metadata: { ...written.metadata, finalizers } })
      },
      remove: async (kind, name) => people.remove(kind, { namespace, name }, 'person'),
    },
    next: async () => {
      const { store } = partsOn(parts.database)
      return { store, wakes: recordWakes(store), close: async () => undefined }
    },
  }
  const close = () => {
    parts.database.close()
    remove()
  }
  return { ...parts, folder, world, close }
}

describe('objects on a host', () => {
  const opened = openStore()
  const { people, store, objects } = opened
  afterAll(opened.close)

  storeContract(() => opened.world)

  const wish = (kind: Kind, name: string, spec: unknown) => ({ kind, namespace, name, spec })
  const refusal = (reason: string, message: string) =>
    expect.objectContaining({ name: 'Rejected', reason, message })

  // An API server refuses it before a cluster's store is asked.
  it.each<[string, Kind, object]>([
    ['a bad name of a repository', 'Model', { source: { huggingFace: { repo: '../etc' } } }],
    ['two sources', 'Model', { source: { huggingFace: { repo: 'a/b' }, ollama: { name: 'a' } } }],
    ['an unknown field', 'Model', { ...model, colour: 'red' }],
    ['an unknown engine', 'Runtime', { engine: 'Other' }],
  ])('1.1 %s is refused with the sentence of the schema, and nothing is stored', (_, kind, spec) => {
    const said = parseSpec(kind, spec)
    const message = 'invalid' in said ? said.invalid : 'it is valid'
    expect(() => people.apply(wish(kind, 'refused', spec), 'person')).toThrow(refusal('InvalidSpec', message))
    expect(objects.get(kind, { namespace, name: 'refused' })).toBeUndefined()
  })

  it('1.1 a name that is no label is refused', () => {
    const said = refusal('InvalidName', expect.stringContaining('metadata.name must have at most 63'))
    expect(() => people.apply(wish('Model', 'Not_A_Name', model), 'person')).toThrow(said)
  })

  it('1.1 what is immutable stays, in the words of the cluster', () => {
    people.apply(wish('Model', 'fixed', model), 'person')
    const other = (spec: object) => () => people.apply(wish('Model', 'fixed', spec), 'person')
    const message = 'spec.source.huggingFace.repo: repo is immutable; create another Model for another source'
    expect(other({ source: { huggingFace: { repo: 'org/other' } } })).toThrow(refusal('InvalidSpec', message))
    expect(other({ source: { ollama: { name: 'llama' } } })).toThrow(/kind of source is immutable/)
    other({ source: { huggingFace: { repo: 'org/name', revision: 'v2' } } })()
    expect(store.getModel({ namespace, name: 'fixed' })?.metadata.generation).toBe(2)
  })

  it('the same wish again writes nothing', () => {
    people.apply(wish('Model', 'same', model), 'person')
    const before = store.getModel({ namespace, name: 'same' })
    people.apply(wish('Model', 'same', structuredClone(model)), 'another')
    expect(store.getModel({ namespace, name: 'same' })).toBe(before)
  })

  it('a second daemon on the same file is refused, and nobody else may read it', () => {
    const file = join(opened.folder, 'switchyard.db')
    expect(() => new HostDatabase(file)).toThrow(/another switchyard host runs on it/)
    for (const each of [file, `${file}-wal`]) expect(statSync(each).mode & 0o777).toBe(0o600)
  })
})

describe('the file of a host', () => {
  const inFolder = (run: (file: string, folder: string) => void) => {
    const { folder, remove } = aFolder()
    try {
      run(join(folder, 'switchyard.db'), folder)
    } finally {
      remove()
    }
  }

  it('that others could read, and its log, are closed to them', () =>
    inFolder((file, folder) => {
      openParts(folder).database.close()
      writeFileSync(`${file}-wal`, '')
      for (const each of [file, `${file}-wal`]) chmodSync(each, 0o644)
      const { database } = openParts(folder)
      for (const each of [file, `${file}-wal`]) expect(statSync(each).mode & 0o777).toBe(0o600)
      database.close()
    }))

  it('opened again, holds what was written', () =>
    inFolder((_, folder) => {
      const first = openParts(folder)
      first.people.apply({ kind: 'Model', namespace, name: 'kept', spec: model }, 'person')
      const before = first.store.getModel({ namespace, name: 'kept' })
      first.database.close()
      const again = openParts(folder)
      expect(again.store.getModel({ namespace, name: 'kept' })).toEqual(before)
      again.database.close()
    }))

  it('of the first schema is migrated and keeps its objects; of a newer program it is refused', () =>
    inFolder((file, folder) => {
      const old = readFileSync(new URL('./stored/schema-1.sql', import.meta.url), 'utf8')
      const { DatabaseSync } = process.getBuiltinModule('node:sqlite')
      const sqlite = new DatabaseSync(file)
      sqlite.exec(old)
      sqlite.close()
      const now = openParts(folder)
      expect(now.store.getModel({ namespace, name: 'old' })).toMatchObject({
        metadata: { uid: 'uid-1', resourceVersion: '7', generation: 1 },
        spec: { source: { huggingFace: { repo: 'org/name', revision: 'main' } } },
        status: { phase: 'Ready' },
      })
      now.database.run('PRAGMA user_version = 999')
      now.database.close()
      expect(() => new HostDatabase(file)).toThrow(/written by a newer switchyard \(schema 999/)
    }))

  it('that is no database is refused and left as it is', () =>
    inFolder(file => {
      writeFileSync(file, 'something else'.repeat(100))
      expect(() => new HostDatabase(file)).toThrow(/not a database/)
      expect(readFileSync(file, 'utf8')).toContain('something else')
    }))
})
