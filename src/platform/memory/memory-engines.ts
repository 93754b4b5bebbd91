// Engines of the memory world: a recipe and launch as the real ones make them, and answers from what the pods hold.
import { createHash } from 'node:crypto'
import type { Engine, EngineAnswer, Listed, ProofResult, Recipe, RecipeWish } from '../../domain/engine.ts'
import { readSign } from '../../domain/engine-facts/load-log.ts'
import { launchVllm } from '../../domain/engine-facts/vllm-launch.ts'
import { vllmLog } from '../../domain/engine-facts/vllm-log.ts'
import { checkEngineArgs } from '../../domain/engine-facts/vllm-owned.ts'
import { NotSupported, Rejected, Transient } from '../../domain/failure.ts'
import type { EngineName } from '../../domain/parts.ts'
import { storedIn } from './memory-pods.ts'
import type { MemoryProcess } from './memory-process.ts'
import type { Pod, World } from './memory-world.ts'

export const createMemoryEngines = (process: MemoryProcess): Readonly<Record<EngineName, Engine>> => ({
  VLLM: createVllm(process),
  Ollama: createOllama(process),
})

const podAt = (world: World, address: string): Pod | undefined => {
  const pod = world.pods.get(address.replace('memory://', ''))
  return pod?.isRunning ? pod : undefined
}

const hashOf = (told: Omit<Recipe, 'hash' | 'task'>): string =>
  createHash('sha256').update(JSON.stringify(told)).digest('hex').slice(0, 16)

const answer = (state: EngineAnswer['state'], listed: readonly Listed[] = []): EngineAnswer => ({
  state,
  listed,
  isAsleep: false,
  running: 0,
})

const proofOf = (listed: readonly Listed[] | undefined, recipe: Recipe): ProofResult => {
  const isProved = listed?.some(one => one.isLoaded && one.identity === recipe.identity) ?? false
  const names = listed?.map(one => one.name).join(', ') || 'nothing'
  return isProved
    ? { isProved, reason: 'Active', message: 'answered with usage', milliseconds: 1 }
    : { isProved, reason: 'ProofFailed', message: `listed: ${names}`, milliseconds: 1 }
}

const never = async (): Promise<never> => {
  throw new NotSupported('vLLM changes its model only with a new process')
}

const createVllm = ({ world }: MemoryProcess): Engine => ({
  name: 'VLLM',
  strategy: 'Recreate',
  defaultPort: 8000,
  layout: 'HubCache',
  recipe: vllmRecipe,
  launch: launchVllm,
  loadSign: line => readSign(line, vllmLog),
  storePath: () => undefined,
  ask: async address => {
    const pod = podAt(world, address)
    return pod?.isReady ? answer('Answers', listedByVllm(pod)) : answer('Refused')
  },
  prove: async (address, recipe) => {
    const pod = podAt(world, address)
    return proofOf(pod?.isReady ? listedByVllm(pod) : undefined, recipe)
  },
  load: never,
  unload: never,
  commit: async () => {},
})

const vllmRecipe = (wish: RecipeWish): Recipe => {
  if (!wish.path) throw new Rejected('UnsafePath', 'path: is not an absolute folder')
  checkEngineArgs([...wish.runtimeArgs, ...wish.modelArgs])
  const told = {
    engine: 'VLLM' as const,
    model: wish.path,
    identity: wish.path,
    servedNames: [...new Set([wish.modelName, wish.alias])],
    args: [...wish.runtimeArgs, ...wish.modelArgs],
  }
  return { ...told, task: wish.task, hash: hashOf(told) }
}

const listedByVllm = ({ template }: Pod): Listed[] => {
  const model = template.args.find(word => word.startsWith('/')) ?? 'unknown'
  return [{ name: model.slice(model.lastIndexOf('/') + 1), identity: model, isLoaded: true }]
}

const createOllama = (process: MemoryProcess): Engine => ({
  name: 'Ollama',
  strategy: 'InPlace',
  defaultPort: 11_434,
  layout: 'OllamaStore',
  recipe: ollamaRecipe,
  launch: recipe => ({ hash: recipe.hash }),
  loadSign: () => undefined,
  storePath: () => undefined,
  ask: async address => {
    const pod = podAt(process.world, address)
    return pod ? answer('Answers', listedByOllama(process.world, pod)) : answer('Refused')
  },
  prove: async (address, recipe) => {
    const pod = podAt(process.world, address)
    return proofOf(pod && listedByOllama(process.world, pod), recipe)
  },
  load: (address, recipe) => load(process, address, recipe),
  unload: (address, keep) => unload(process, address, keep),
  commit: (address, recipe) =>
    process.write(`alias of ${recipe.model}`, () => void podAt(process.world, address)),
})

const ollamaRecipe = (wish: RecipeWish): Recipe => {
  const model = wish.ollamaName ?? ''
  const servedNames = [...new Set([model, wish.alias])]
  const told = { engine: 'Ollama' as const, model, identity: wish.revision, servedNames, args: [] }
  return { ...told, task: wish.task, hash: hashOf(told) }
}

const listedByOllama = (world: World, pod: Pod): Listed[] =>
  [...storedIn(world, pod)].map(([name, identity]) => ({
    name,
    identity,
    isLoaded: pod.loaded.includes(name),
  }))

/** The process goes on loading when the caller is gone. */
const load = async (process: MemoryProcess, address: string, recipe: Recipe): Promise<void> => {
  const { world } = process
  await process.write(`load of ${recipe.model}`, () => undefined)
  const pod = podAt(world, address)
  if (!pod) throw new Transient('EngineUnreachable', `${address} refused the connection`)
  await new Promise<void>(done => void world.clock.after(world.script.loadSeconds * 1000, done))
  const failure = world.script.loadFails.get(recipe.model)
  if (failure) throw new Transient('LoadFailed', failure)
  if (!storedIn(world, pod).has(recipe.model))
    throw new Transient('LoadFailed', `model ${recipe.model} not found`)
  world.edit(world.pods, pod.name, one => ({ ...one, loaded: [...new Set([...one.loaded, recipe.model])] }))
  if ((world.pods.get(pod.name)?.loaded.length ?? 0) > 1)
    world.violations.push(`two models are loaded in ${pod.name}`)
}

const unload = (process: MemoryProcess, address: string, keep: Recipe | undefined): Promise<void> => {
  const { world } = process
  return process.write('unload', () => {
    const pod = podAt(world, address)
    if (!pod) throw new Transient('EngineUnreachable', `${address} refused the connection`)
    const stored = storedIn(world, pod)
    world.edit(world.pods, pod.name, one => ({
      ...one,
      loaded: one.loaded.filter(name => stored.get(name) === keep?.identity && keep !== undefined),
    }))
  })
}
