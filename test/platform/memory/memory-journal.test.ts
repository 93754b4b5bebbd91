// The Journal part in memory: the contract, read from the world's diary.
import { describe } from 'vitest'
import { keyOf } from '../../../src/domain/object.ts'
import { applyObject, deleteObject } from '../../../src/platform/memory/memory-people.ts'
import { createWorld } from '../../builders/memory-stage.ts'
import { seen } from '../../contracts/eventually.ts'
import { type JournalWorld, journalContract } from '../../contracts/journal-contract.ts'
import { openController, passIn } from './memory-controller.ts'

const openJournal = (): JournalWorld => {
  const world = createWorld()
  const { journal, store } = openController(world)
  const namespace = 'default'
  const pass = passIn(world)
  return {
    pass,
    journal,
    model: async name => {
      applyObject(world, { kind: 'Model', name, spec: { source: { huggingFace: { repo: 'org/name' } } } })
      return seen(pass, name, () => store.getModel({ namespace, name }))
    },
    runtime: async name => {
      const spec = { engine: 'VLLM', kubernetes: { deploymentName: 'vllm' } }
      applyObject(world, { kind: 'Runtime', name, spec })
      return seen(pass, name, () => store.getRuntime({ namespace, name }))
    },
    remove: async ({ metadata }) => deleteObject(world, 'Model', metadata.name),
    read: async about => world.diary.filter(one => one.about === keyOf(about)).map(({ note }) => note),
  }
}

describe('the diary in memory', () => {
  const opened = openJournal()
  journalContract(() => opened)
})
