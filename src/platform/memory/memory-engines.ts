// Engines of the memory world: a recipe and launch as the real ones make them, and answers from what the pods hold.
import { createHash } from 'node:crypto'
import type { Reason } from '../../domain/conditions.ts'
import type { Engine, EngineAnswer, Listed, ProofOptions, ProofResult, Recipe } from '../../domain/engine.ts'
import { readSign } from '../../domain/engine-facts/load-log.ts'
import { ollamaLog } from '../../domain/engine-facts/ollama-log.ts'
import { toListedName } from '../../domain/engine-facts/ollama-names.ts'
import { findOllamaStore, toOllamaRecipe } from '../../domain/engine-facts/ollama-recipe.ts'
import { launchVllm } from '../../domain/engine-facts/vllm-launch.ts'
import { vllmLog } from '../../domain/engine-facts/vllm-log.ts'
import { toVllmRecipe } from '../../domain/engine-facts/vllm-recipe.ts'
import { NotSupported, Transient } from '../../domain/failure.ts'
import type { EngineName } from '../../domain/parts.ts'
import { storedIn } from './memory-pods.ts'
import type { MemoryProcess } from './memory-process.ts'
import type { Pod, World } from './memory-world.ts'

export const createMemoryEngines = (process: MemoryProcess): Readonly<Record<EngineName, Engine>> => ({
  VLLM: createVllm(process),
  Ollama: createOllama(process),
  // Of hosts alone; no story of this world asks for it.
  LlamaCpp: createVllm(process),
})

export const podAt = (world: World, address: string): Pod | undefined => {
  const pod = world.pods.get(address.replace('memory://', ''))
  return pod?.isRunning ? pod : undefined
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

const answer = (state: EngineAnswer['state'], listed: readonly Listed[] = []): EngineAnswer => ({
  state,
  listed,
  isAsleep: false,
  running: 0,
})

interface Place {
  readonly world: World
  readonly pod: Pod | undefined
}

export const proofOf = ({ world, pod }: Place, recipe: Recipe, options: ProofOptions): ProofResult => {
  const lists = pod && (pod.engine === 'Ollama' ? listedByOllama(world, pod) : listedByVllm(pod))
  if (!pod || !lists) return unproved('EngineUnreachable', 'refused the connection')
  const { mode, listed = lists } = options
  const loaded = listed.filter(one => one.isLoaded)
  if (!loaded.some(one => one.identity === recipe.identity && isNamed(one, recipe)))
    return unproved(misfit(loaded, recipe), `listed: ${loaded.map(one => one.name).join(', ') || 'nothing'}`)
  if (recipe.engine === 'Ollama' && recipe.task === 'Rerank' && mode === 'Task')
    return unproved('TaskNotServed', 'Ollama has no route to rerank')
  world.proved.add(`${pod.name} ${recipe.identity}`)
  return { isProved: true, reason: 'Active', message: 'answered with usage', milliseconds: 1 }
}

const isLocked = (world: World, pod: Pod): boolean => world.script.engineKeys.has(pod.deployment)

const unproved = (reason: Reason, message: string): ProofResult => ({
  isProved: false,
  reason,
  message,
  milliseconds: 1,
})

const misfit = (loaded: readonly Listed[], { engine, model }: Recipe): Reason =>
  engine === 'Ollama' && !loaded.some(one => one.name === model) ? 'ModelEvicted' : 'WrongModel'

/** vLLM answers to the names it was started with; Ollama by whichever name its digest has. */
const isNamed = ({ name }: Listed, { engine, servedNames }: Recipe): boolean =>
  engine === 'Ollama' || servedNames.includes(name)

const refused = (address: string): Transient =>
  new Transient('EngineUnreachable', `${address} refused the connection`)

const never = async (): Promise<never> => {
  throw new NotSupported('vLLM changes its model only with a new process')
}

const createVllm = ({ world }: MemoryProcess): Engine => ({
  name: 'VLLM',
  strategy: 'Recreate',
  defaultPort: 8000,
  layout: 'HubCache',
  recipe: wish => toVllmRecipe(wish, sha256),
  launch: launchVllm,
  loadSign: line => readSign(line, vllmLog),
  storePath: () => undefined,
  ask: async (address, _, isBehindKey) => {
    const pod = podAt(world, address)
    const listed = pod && listedByVllm(pod)
    if (!listed) return answer('Refused')
    if (isBehindKey) return { ...answer('Answers'), isBehindKey }
    if (isLocked(world, pod)) return answer('KeyNeeded')
    return { ...answer('Answers', listed), running: world.script.requests.get(pod.deployment) ?? 0 }
  },
  prove: async (address, recipe, options) => {
    const pod = podAt(world, address)
    if (pod?.isReady && isLocked(world, pod)) return unproved('EngineKeyNeeded', 'it wants an API key')
    return proofOf({ world, pod }, recipe, options)
  },
  load: never,
  unload: never,
  commit: async () => {},
})

/** As it lists them when it was started by us: each served name with the folder. Undefined until it listens. */
const listedByVllm = ({ template, isReady }: Pod): Listed[] | undefined => {
  const identity = template.args.find(word => word.startsWith('/')) ?? 'unknown'
  const told = template.args.slice(template.args.indexOf('--served_model_name') + 1)
  const end = told.findIndex(word => word.startsWith('--'))
  const names = template.args.includes('--served_model_name')
    ? told.slice(0, end < 0 ? undefined : end)
    : [identity.slice(identity.lastIndexOf('/') + 1)]
  return isReady ? names.map(name => ({ name, identity, isLoaded: true })) : undefined
}

const createOllama = (process: MemoryProcess): Engine => ({
  name: 'Ollama',
  strategy: 'InPlace',
  defaultPort: 11_434,
  layout: 'OllamaStore',
  recipe: wish => toOllamaRecipe(wish, sha256),
  launch: recipe => ({ hash: recipe.hash }),
  loadSign: line => readSign(line, ollamaLog),
  storePath: findOllamaStore,
  ask: async address => {
    const pod = podAt(process.world, address)
    return pod ? answer('Answers', listedByOllama(process.world, pod)) : answer('Refused')
  },
  prove: async (address, recipe, options) =>
    proofOf({ world: process.world, pod: podAt(process.world, address) }, recipe, options),
  load: (address, recipe, timeoutMs) => load(process, { address, recipe, timeoutMs }),
  unload: (address, keep) => unload(process, address, keep),
  commit: (address, recipe) =>
    process.write(`alias of ${recipe.model}`, () => commit(process.world, address, recipe)),
})

const listedByOllama = (world: World, pod: Pod): Listed[] => {
  const stored = storedIn(world, pod)
  const aliases = [...(world.aliases.get(pod.deployment) ?? [])].filter(([, identity]) =>
    [...stored.values()].includes(identity),
  )
  const known = [...stored, ...aliases].map(([name, identity]) => ({ name, identity, isLoaded: false }))
  const loaded = pod.loaded.map(name => ({ name, identity: runningAs(world, pod, name), isLoaded: true }))
  return [...loaded, ...known.filter(one => !loaded.some(({ name }) => name === one.name))]
}

/** What runs stays what it was, whatever its name means by now. */
const runningAs = (world: World, pod: Pod, name: string): string =>
  pod.loadedAs?.[name] ?? storedIn(world, pod).get(name) ?? 'unknown'

const commit = (world: World, address: string, { servedNames, model, identity }: Recipe): void => {
  const pod = podAt(world, address)
  if (!pod) throw refused(address)
  const aliases = new Map(world.aliases.get(pod.deployment))
  for (const alias of servedNames.filter(name => name !== model)) aliases.set(toListedName(alias), identity)
  world.aliases.set(pod.deployment, aliases)
}

interface LoadWish {
  readonly address: string
  readonly recipe: Recipe
  readonly timeoutMs: number
}

/** The process goes on loading when the caller is gone, or waits no longer. */
const load = async (process: MemoryProcess, { address, recipe, timeoutMs }: LoadWish): Promise<void> => {
  const { world } = process
  await process.write(`load of ${recipe.model}`, () => undefined)
  const pod = podAt(world, address)
  if (!pod) throw refused(address)
  const loadMs = world.script.loadSeconds * 1000
  const ended = later(world, loadMs).then(() => finishLoad(world, pod, recipe))
  if (loadMs <= timeoutMs) return ended
  ended.catch(() => undefined)
  await later(world, timeoutMs)
  throw new Transient('LoadStalled', `${address} did not answer within ${timeoutMs} ms`)
}

const later = (world: World, ms: number): Promise<void> =>
  new Promise(done => void world.clock.after(ms, done))

const finishLoad = (world: World, pod: Pod, { model }: Recipe): void => {
  const failure = world.script.loadFails.get(model)
  if (failure) throw new Transient('LoadFailed', failure)
  const identity = storedIn(world, pod).get(model)
  if (identity === undefined) throw new Transient('LoadFailed', `model ${model} not found`)
  world.edit(world.pods, pod.name, one => ({
    ...one,
    loaded: [...new Set([...one.loaded, model])],
    loadedAs: { ...one.loadedAs, [model]: identity },
  }))
  if ((world.pods.get(pod.name)?.loaded.length ?? 0) > 1)
    world.violations.push(`two models are loaded in ${pod.name}`)
}

const unload = (process: MemoryProcess, address: string, keep: Recipe | undefined): Promise<void> => {
  const { world } = process
  return process.write('unload', () => {
    const pod = podAt(world, address)
    if (!pod) throw refused(address)
    world.edit(world.pods, pod.name, one => ({
      ...one,
      loaded: one.loaded.filter(name => keep !== undefined && runningAs(world, one, name) === keep.identity),
    }))
  })
}
