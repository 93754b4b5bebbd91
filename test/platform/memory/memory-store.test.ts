// The Store part in memory: the contract, and what only a world without an API server can show.
import { describe, expect, it } from 'vitest'
import { finalizer, keyOf } from '../../../src/domain/object.ts'
import {
  annotate,
  applyObject,
  deleteObject,
  putObject,
  tableOf,
} from '../../../src/platform/memory/memory-people.ts'
import type { World } from '../../../src/platform/memory/memory-world.ts'
import { createWorld } from '../../builders/memory-stage.ts'
import { seen } from '../../contracts/eventually.ts'
import { type StoreWorld, storeContract } from '../../contracts/store-contract.ts'
import { openController, passIn } from './memory-controller.ts'

const openStore = (): StoreWorld & { readonly world: World } => {
  const world = createWorld()
  const { store, wakes } = openController(world)
  return {
    world,
    store,
    wakes,
    namespace: 'default',
    pass: passIn(world),
    people: {
      create: async (kind, name, spec) => applyObject(world, { kind, name, spec }),
      annotate: async (kind, name, annotations) => annotate(world, kind, name, { ...annotations }),
      hold: async (kind, name, finalizers) => {
        const old = tableOf(world, kind).get(`default/${name}`)
        if (old) putObject(tableOf(world, kind), { ...old, metadata: { ...old.metadata, finalizers } })
      },
      remove: async (kind, name) => deleteObject(world, kind, name),
    },
    next: async () => {
      const next = openController(world)
      return { ...next, close: async () => next.process.kill() }
    },
    terminating: async () => {
      world.script.terminating.add('going')
      return 'going'
    },
  }
}

describe('objects in memory', () => {
  const opened = openStore()
  storeContract(() => opened)

  // An API server refuses such an object, so that a cluster shows none.
  it('1.1 an object whose spec breaks the schema says which field', async () => {
    const { people, store, pass } = opened
    await people.create('Model', 'broken', { source: { huggingFace: { repo: '../etc' } } })
    const broken = await seen(pass, 'it', () => store.getModel({ namespace: 'default', name: 'broken' }))
    expect(broken.invalid).toContain('spec.source.huggingFace.repo')
  })

  // On a cluster the cache may have caught up before anybody can look.
  it('1.6 right after a write the key is behind, and no other one is', async () => {
    const { people, store, pass } = opened
    for (const name of ['one', 'two'])
      await people.create('Model', name, { source: { huggingFace: { repo: 'org/name' } } })
    const find = (name: string) => store.getModel({ namespace: 'default', name })
    const [one, two] = [
      await seen(pass, 'one', () => find('one')),
      await seen(pass, 'two', () => find('two')),
    ]
    await store.setFinalizer(one, true)
    expect([store.isBehind(keyOf(one)), store.isBehind(keyOf(two))]).toEqual([true, false])
    expect(find('one')?.metadata.finalizers).toEqual([])
    await seen(pass, 'no longer behind', () => !store.isBehind(keyOf(one)))
    expect(find('one')?.metadata.finalizers).toEqual([finalizer])
  })
})
