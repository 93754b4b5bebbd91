// The persons' words in stories: models of both kinds, runtimes of both engines, adopted and made.
import { applyObject } from '../../src/platform/memory/memory-people.ts'
import type { World } from '../../src/platform/memory/memory-world.ts'

export const commit = (letter: string): string => letter.repeat(40)
export const manifest = (letter: string): string => `sha256:${letter.repeat(64)}`

/** A repository on the hub; the letter names its commit. */
export const publish = (world: World, repo: string, letter: string, bytes = 8e9): void =>
  void world.script.sources.set(repo, {
    revision: commit(letter),
    bytes,
    format: 'Safetensors',
    capabilities: { task: 'Chat', contextLength: 4096 },
  })

export const publishOllama = (world: World, name: string, letter: string, bytes = 2e9): void =>
  void world.script.sources.set(name, { revision: manifest(letter), bytes, format: 'Ollama' })

export const writeModel = (world: World, name: string, more: object = {}): void =>
  applyObject(world, {
    kind: 'Model',
    name,
    spec: { source: { huggingFace: { repo: `org/${name}` } }, ...more },
  })

export const writeOllamaModel = (world: World, name: string, more: object = {}): void =>
  applyObject(world, {
    kind: 'Model',
    name,
    spec: { source: { ollama: { name: `${name}:latest` } }, ...more },
  })

export const writeRuntime = (
  world: World,
  name: string,
  engine: 'VLLM' | 'Ollama',
  more: object = {},
): void =>
  applyObject(world, {
    kind: 'Runtime',
    name,
    spec: { engine, kubernetes: { deploymentName: name }, ...more },
  })

/** A Runtime whose Deployment we make. */
export const writeMadeRuntime = (world: World, name: string, more: object = {}): void =>
  applyObject(world, {
    kind: 'Runtime',
    name,
    spec: {
      engine: 'VLLM',
      kubernetes: { podTemplate: { spec: { containers: [{ name: 'vllm' }] } } },
      storage: { claimName: 'models' },
      ...more,
    },
  })
