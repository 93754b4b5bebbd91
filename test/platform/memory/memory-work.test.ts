// The Work part in memory: the contract, played by workers that take their time on a clock turned by hand.
import { describe } from 'vitest'
import type { WorkOrder } from '../../../src/domain/platform.ts'
import { publish } from '../../builders/memory-cast.ts'
import { addClaim, createWorld } from '../../builders/memory-stage.ts'
import { type Part, type WorkWorld, workContract } from '../../contracts/work-contract.ts'
import { openController, passIn } from './memory-controller.ts'

const owner = { namespace: 'default', name: 'llama', uid: 'model-1' }
const layout = { root: '/models', kind: 'HubCache', path: '/models/hub' } as const

const anOrder = (part: Part, id: string): WorkOrder => ({
  id,
  owner,
  command: 'download',
  subject: id,
  attempt: 1,
  task: {
    command: 'download',
    owner: owner.uid,
    source: { huggingFace: { repo: `test/${part}`, revision: 'main' } },
    sourceHash: 'h',
    // another revision for each: what is there already is not fetched again
    revision: id,
    listDigest: 'd',
    layout,
  },
  volume: {
    key: `default/models/${id}`,
    claim: 'models',
    subPath: id,
    claimUID: 'claim',
    runtimes: [],
    mountPath: '/models',
    layout,
    access: undefined,
  },
})

const openWork = (): WorkWorld => {
  const world = createWorld()
  addClaim(world)
  for (const part of ['works', 'endless']) publish(world, `test/${part}`, 'a', 40)
  const { work, keys } = openController(world)
  let count = 0
  const order = (part: Part): WorkOrder => anOrder(part, `${part}-${count++}`)
  return {
    namespace: 'default',
    pass: passIn(world),
    work,
    owner,
    keys,
    order,
    isAlive: id => world.works.get(`default/${id}`)?.view.phase === 'Running',
    next: async () => {
      const next = openController(world)
      return { work: next.work, close: async () => next.process.kill() }
    },
    hindered: async () => {
      world.script.workProblem = {
        reason: 'ClaimNotFound',
        message: 'PersistentVolumeClaim later is not there',
      }
      return {
        order: order('works'),
        heal: async () => {
          world.script.workProblem = undefined
        },
      }
    },
    terminating: async () => {
      world.script.terminating.add('going')
      return 'going'
    },
  }
}

describe('works in memory', () => {
  const opened = openWork()
  workContract(() => opened)
})
