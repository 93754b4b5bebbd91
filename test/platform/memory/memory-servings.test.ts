// The Servings part in memory: the contract, on Deployments whose pods come and go by a clock turned by hand.
import { describe } from 'vitest'
import { applyObject } from '../../../src/platform/memory/memory-people.ts'
import { addClaim, addDeployment, createWorld } from '../../builders/memory-stage.ts'
import { seen } from '../../contracts/eventually.ts'
import { servingsContract } from '../../contracts/servings-contract.ts'
import type { RuntimeWish, ServingsWorld } from '../../contracts/servings-world.ts'
import { openController, passIn } from './memory-controller.ts'

const specOf = (name: string, { engine = 'VLLM', isMade = false, claim }: RuntimeWish): object => ({
  engine,
  kubernetes: isMade
    ? { podTemplate: { spec: { containers: [{ name: 'vllm' }] } }, serviceName: name }
    : { deploymentName: name },
  ...(claim ? { storage: { claimName: claim } } : {}),
})

const openServings = (): ServingsWorld => {
  const world = createWorld()
  addClaim(world)
  world.script.loadFails.set('dies', 'CUDA out of memory')
  const { servings, store, keys } = openController(world)
  const namespace = 'default'
  const pass = passIn(world)
  return {
    namespace,
    pass,
    servings,
    keys,
    launch: (hash, part = undefined) => ({ hash, args: ['serve', part ?? hash] }),
    deploy: async (name, replicas = 1) => addDeployment(world, name, 'VLLM', { replicas }),
    claim: async name => addClaim(world, name),
    runtime: async (name, wish = {}) => {
      applyObject(world, { kind: 'Runtime', name, spec: specOf(name, wish) })
      return seen(pass, name, () => store.getRuntime({ namespace, name }))
    },
    written: async name => String(world.deployments.get(`${namespace}/${name}`)?.generation),
    isReached: async service =>
      world.pods
        .list()
        .some(pod => pod.deployment === `${namespace}/${service}` && pod.isReady && pod.isInService),
  }
}

describe('engines in memory', () => {
  const opened = openServings()
  servingsContract(() => opened)
})
