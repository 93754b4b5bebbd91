// The engine port in memory: the contract, on pods that hold what was loaded into them.
import { describe } from 'vitest'
import { createMemoryEngines } from '../../../src/platform/memory/memory-engines.ts'
import type { World } from '../../../src/platform/memory/memory-world.ts'
import { addClaim, addDeployment, createWorld } from '../../builders/memory-stage.ts'
import { aSight } from '../../contracts/engine-contract.ts'
import { seen } from '../../contracts/eventually.ts'
import { type OllamaWorld, ollamaContract } from '../../contracts/ollama-contract.ts'
import { type VllmWorld, vllmContract } from '../../contracts/vllm-contract.ts'
import { openController, passIn } from './memory-controller.ts'

const manifest = (letter: string): string => `sha256:${letter.repeat(64)}`

const store = (world: World, models: Readonly<Record<string, string>>): void => {
  addClaim(world)
  const copies = Object.entries(models).map(([model, revision]) => ({
    owner: model,
    revision,
    bytes: 1,
    model,
  }))
  world.edit(world.claims, 'default/models', claim => ({ ...claim, copies }))
}

const openEngine = () => {
  const world = createWorld()
  const { process } = openController(world)
  const engines = createMemoryEngines(process)
  const pass = passIn(world)
  const podOf = (name: string) => world.pods.list().find(pod => pod.deployment === `default/${name}`)
  const ready = async (name: string): Promise<string> => {
    const pod = await seen(pass, `${name} is ready`, () => podOf(name)?.isReady && podOf(name))
    return `memory://${pod.name}`
  }
  return { world, engines, pass, podOf, ready, nobody: 'memory://default/nobody' }
}

const openVllm = (): VllmWorld => {
  const { world, engines, pass, podOf, ready, nobody } = openEngine()
  const path = '/models/hub/models--org--alpha/snapshots/abc'
  store(world, { [path]: 'abc' })
  world.script.loadFails.set('broken', 'ValueError: it cannot be loaded')
  const engine = engines.VLLM
  return {
    engine,
    pass,
    nobody,
    path,
    start: async recipe => {
      const { args = [] } = engine.launch(recipe, aSight({ args: ['serve', '/models/as-found'] }))
      addDeployment(world, 'vllm', 'VLLM', { template: { command: [], args } })
      return { address: await ready('vllm'), log: () => podOf('vllm')?.log ?? [] }
    },
    failingLog: async () => {
      addDeployment(world, 'broken', 'VLLM', { template: { command: [], args: ['serve', 'broken'] } })
      return (await seen(pass, 'it has ended', () => podOf('broken')?.problem && podOf('broken'))).log
    },
  }
}

const openOllama = async (): Promise<OllamaWorld> => {
  const { world, engines, pass, ready, nobody } = openEngine()
  const stored = { alpha: manifest('d'), beta: manifest('e'), broken: manifest('f') }
  store(world, { 'alpha:latest': stored.alpha, 'beta:latest': stored.beta, 'broken:latest': stored.broken })
  world.script.loadFails.set('broken:latest', 'llama runner process has terminated')
  addDeployment(world, 'ollama', 'Ollama')
  const stall = async () => {
    world.script.loadSeconds = 3_600
  }
  return { engine: engines.Ollama, pass, nobody, address: await ready('ollama'), stored, stall }
}

describe('vLLM in memory', () => {
  const opened = openVllm()
  vllmContract(() => opened)
})

describe('Ollama in memory', async () => {
  const opened = await openOllama()
  ollamaContract(() => opened)
})
