// Settled worlds in which a Runtime serves a Model: adopted or made vLLM, one behind a key, Ollama in place; each plain and with every option set.
import { applyObject } from '../../src/platform/memory/memory-people.ts'
import type { World } from '../../src/platform/memory/memory-world.ts'
import { commit, manifest, publish, publishOllama } from '../builders/memory-cast.ts'
import { onGpu, onOllama } from '../builders/memory-scenes.ts'
import { addClaim, addDeployment } from '../builders/memory-stage.ts'
import { isReady, serves } from './scenario.ts'

type Spec = Readonly<Record<string, unknown>>

/** As people wrote them. */
export interface Cast {
  readonly name: string
  readonly scene: (world: World) => void
  /** of the Runtime that serves */
  readonly runtime: string
  readonly specs: Readonly<Record<`Runtime/${string}` | `Model/${string}`, Spec>>
}

const hub = (name: string, more: object = {}) => ({
  source: { huggingFace: { repo: `org/${name}` } },
  ...more,
})
const registry = (name: string, more: object = {}) => ({
  source: { ollama: { name: `${name}:latest` } },
  ...more,
})

/** Another claim, and another Deployment. */
export const spare = 'spare'

/** Beside what every story has: another claim and Deployment, a Model of the other engine, and one that is nowhere. */
const furnish = (world: World): void => {
  addClaim(world, spare)
  addDeployment(world, spare, 'VLLM')
  publish(world, 'org/alien', 'c')
  publishOllama(world, 'alien:latest', 'c')
  world.script.loadFails.set('--crash', 'error: unrecognized arguments: --crash')
}

const vllm = (scene: (world: World) => void, name: string, more: object): Omit<Cast, 'name'> => ({
  scene: world => {
    scene(world)
    furnish(world)
  },
  runtime: name,
  specs: {
    [`Runtime/${name}`]: { engine: 'VLLM', activeModel: 'a', ...more },
    'Model/a': hub('a'),
    'Model/b': hub('b', { runtimes: [{ name }] }),
    'Model/alien': registry('alien'),
    'Model/broken': hub('broken'),
  },
})

const behindKey = (world: World): void => {
  onGpu(world)
  world.script.engineKeys.set('default/gpu', 'engine-key')
  world.script.secrets.add('engine-key')
}

const podTemplate = { spec: { containers: [{ name: 'vllm' }] } }
const own = { kubernetes: { podTemplate }, storage: { claimName: 'models' } }
const gpu = { kubernetes: { deploymentName: 'gpu' } }

/** Fields whose loss would change how the model is launched, proved or kept. */
const optionsOf = (engine: string) => ({
  runtime: {
    alias: 'live',
    onModelUpdate: 'Auto',
    proof: { intervalSeconds: 30 },
    switch: { drainSeconds: 5, onFailure: 'Rollback' },
    ...(engine === 'VLLM' ? { engineArgs: ['--max-num-seqs', '4'] } : {}),
  },
  model: {
    capabilities: { task: 'Chat', contextLength: 2048 },
    deletionPolicy: 'Retain',
    ...(engine === 'VLLM' ? { engineArgs: [{ engine: 'VLLM', args: ['--max-model-len', '2048'] }] } : {}),
  },
})

const withOptions = (cast: Cast): Cast => {
  const { runtime: name, specs } = cast
  const { runtime, model } = optionsOf(String(specs[`Runtime/${name}`]?.['engine']))
  return {
    ...cast,
    name: `${cast.name}, with options`,
    specs: {
      ...specs,
      [`Runtime/${name}`]: { ...specs[`Runtime/${name}`], ...runtime },
      'Model/a': { ...specs['Model/a'], ...model, runtimes: [{ name }] },
    },
  }
}

const plain: readonly Cast[] = [
  { name: 'adopted vLLM', ...vllm(onGpu, 'gpu', gpu) },
  { name: 'made vLLM', ...vllm(onGpu, 'own', own) },
  {
    name: 'vLLM behind a key',
    ...vllm(behindKey, 'gpu', { ...gpu, apiKeySecretRef: { name: 'engine-key' } }),
  },
  {
    name: 'Ollama',
    scene: world => {
      onOllama(world)
      furnish(world)
    },
    runtime: 'ollama',
    specs: {
      'Runtime/ollama': { engine: 'Ollama', activeModel: 'a', kubernetes: { deploymentName: 'ollama' } },
      'Model/a': registry('a'),
      'Model/b': registry('b', { runtimes: [{ name: 'ollama' }] }),
      'Model/alien': hub('alien'),
      'Model/broken': registry('broken'),
    },
  },
]

export const casts: readonly Cast[] = plain.flatMap(cast => [cast, withOptions(cast)])

export const write = (world: World, key: string, spec: object): void => {
  const [kind, name = ''] = key.split('/')
  if (kind === 'Model') answerFor(world, spec as Spec)
  applyObject(world, { kind: kind as 'Model' | 'Runtime', name, spec })
}

export const writeAll = (world: World, { specs }: Cast): void => {
  for (const [key, spec] of Object.entries(specs)) write(world, key, spec)
}

export const isServing =
  ({ runtime }: Cast) =>
  (world: World): boolean =>
    serves(runtime, 'a')(world) && isReady('a')(world) && isReady('b')(world)

interface Wanted {
  readonly huggingFace?: { readonly repo?: unknown; readonly revision?: unknown }
  readonly ollama?: { readonly name?: unknown; readonly digest?: unknown }
}

/** The hub of the memory world knows one revision of each source: here it is the one that is asked for. */
const answerFor = ({ script: { sources } }: World, { source }: Spec): void => {
  const { huggingFace, ollama } = (source ?? {}) as Wanted
  if (huggingFace?.repo === 'org/a') answer('org/a', commit, huggingFace.revision)
  if (ollama?.name === 'a:latest') answer('a:latest', manifest, ollama.digest)

  function answer(name: string, revisionOf: (letter: string) => string, wanted: unknown): void {
    const letter = wanted === 'v2' || wanted === manifest('f') ? 'f' : 'a'
    const isGone = wanted === 'gone' || wanted === manifest('0')
    const known = sources.get(name) ?? { bytes: 8e9, format: 'Safetensors' as const }
    if (isGone) sources.delete(name)
    else sources.set(name, { ...known, revision: revisionOf(letter) })
  }
}
