// The Volumes part in memory: the contract, on claims that a Deployment names.
import { describe } from 'vitest'
import { applyObject } from '../../../src/platform/memory/memory-people.ts'
import { addClaim, addDeployment, createWorld } from '../../builders/memory-stage.ts'
import { seen } from '../../contracts/eventually.ts'
import { type VolumesWorld, volumesContract } from '../../contracts/volumes-contract.ts'
import { openController, passIn } from './memory-controller.ts'

const openVolumes = (): VolumesWorld => {
  const world = createWorld()
  const { volumes, store } = openController(world)
  const namespace = 'default'
  const pass = passIn(world)
  return {
    namespace,
    pass,
    volumes,
    claim: async (name, bytes) => addClaim(world, name, bytes),
    removeClaim: async name => world.claims.drop(`${namespace}/${name}`),
    deploy: async (name, engine, claim) => addDeployment(world, name, engine, { claim, replicas: 0 }),
    runtime: async (name, { engine = 'VLLM', madeOn, quota } = {}) => {
      const kubernetes = madeOn
        ? { podTemplate: { spec: { containers: [{ name: 'vllm' }] } } }
        : { deploymentName: name }
      const storage = { ...(madeOn ? { claimName: madeOn } : {}), ...(quota ? { quota } : {}) }
      applyObject(world, { kind: 'Runtime', name, spec: { engine, kubernetes, storage } })
      return seen(pass, name, () => store.getRuntime({ namespace, name }))
    },
  }
}

describe('claims in memory', () => {
  const opened = openVolumes()
  volumesContract(() => opened)
})
