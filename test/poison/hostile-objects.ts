// Objects as a store may hold them that never asked our schema: hostile specs, statuses and metadata, made from a number.
import { ModelSpec, ModelStatus } from '../../src/domain/model.ts'
import {
  annotations,
  finalizer,
  type Kind,
  type Metadata,
  type Model,
  type Runtime,
} from '../../src/domain/object.ts'
import { RuntimeSpec, RuntimeStatus } from '../../src/domain/runtime.ts'
import { parseObject } from '../../src/domain/stored.ts'
import { putObject, tableOf } from '../../src/platform/memory/memory-people.ts'
import type { World } from '../../src/platform/memory/memory-world.ts'
import { type Field, fieldsOf, pick, poisoned, type Random } from './hostile-values.ts'

const fields: Readonly<Record<Kind, { readonly spec: readonly Field[]; readonly status: readonly Field[] }>> =
  {
    Model: { spec: fieldsOf(ModelSpec), status: fieldsOf(ModelStatus) },
    Runtime: { spec: fieldsOf(RuntimeSpec), status: fieldsOf(RuntimeStatus) },
  }

const stamp = '2026-01-01T00:00:00.000Z'
const served = { model: 'p0', revision: 'r', recipe: 'h' }

/** Specs and statuses with a value in most fields, so that one bad field meets good ones. */
const goodSpecs: Readonly<Record<Kind, (name: string) => readonly object[]>> = {
  Model: name => [
    { source: { huggingFace: { repo: `org/${name}`, revision: 'main' } }, runtimes: [{ name: `r-${name}` }] },
    { source: { ollama: { name: 'llama3.2:3b' } }, deletionPolicy: 'Retain' },
    {
      source: { huggingFace: { repo: 'org/none', tokenSecretRef: { name: 'hf', key: 'token' } } },
      runtimes: [{ name: 'nobody' }],
      engineArgs: [{ engine: 'VLLM', args: ['--max-model-len', '4096'] }],
      capabilities: { task: 'Chat', contextLength: 4096 },
    },
  ],
  Runtime: name => [
    { engine: 'VLLM', activeModel: name.replace(/^r-/, ''), kubernetes: { deploymentName: name } },
    { engine: 'Ollama', kubernetes: { deploymentName: name }, desiredState: 'Idle' },
    {
      engine: 'VLLM',
      activeModel: 'nothing',
      kubernetes: { podTemplate: { spec: { containers: [{ name: 'vllm', args: ['serve'] }] } } },
      storage: { claimName: 'poison', quota: '10G' },
      worker: { labels: { a: 'b' }, resources: { limits: { memory: '1Gi' } } },
      proof: { mode: 'Task', intervalSeconds: 5 },
      switch: { drainSeconds: 1, stallSeconds: 60 },
    },
  ],
}
const goodStatus: Readonly<Record<Kind, object>> = {
  Model: {
    phase: 'Downloading',
    observedGeneration: 7,
    resolved: {
      sourceHash: 'h',
      revision: 'a'.repeat(40),
      files: 3,
      bytes: 8e9,
      format: 'Safetensors',
      listDigest: 'd'.repeat(64),
    },
    failure: { reason: 'NotFound', message: 'it is gone', attempts: 3, at: stamp, retryAt: stamp },
    copies: [
      { claim: 'poison', subPath: '', runtimes: ['r-p0'], phase: 'Ready', receipt: 'r', revision: 'x' },
    ],
    operations: [{ id: 'o', type: 'Install', phase: 'Running', startedAt: stamp }],
    settledWorks: ['w'],
    conditions: [
      { type: 'Ready', status: 'True', reason: 'Downloaded', message: '', lastTransitionTime: stamp },
    ],
  },
  Runtime: {
    phase: 'Switching',
    active: { ...served, since: stamp },
    switch: {
      id: 's',
      from: served,
      to: { model: 'p1', revision: 'r', recipe: 'g' },
      step: 'Loading',
      startedAt: stamp,
      stepSince: stamp,
      lastProgressAt: stamp,
      attempt: 1,
    },
    lastSwitch: { id: 's', result: 'Failed', startedAt: stamp, finishedAt: stamp },
    operations: [{ id: 'o', type: 'Activate', phase: 'Running', startedAt: stamp }],
    conditions: [{ type: 'Ready', status: 'True', reason: 'Active', message: '', lastTransitionTime: stamp }],
  },
}

const megabyte = 'y'.repeat(1_000_000)

/** The API server itself sees to the types of metadata; nothing else of it can be trusted. */
const hostileMetadata = (random: Random): Partial<Metadata> =>
  pick<() => Partial<Metadata>>(random, [
    () => ({}),
    () => ({ annotations: { [annotations.retry]: megabyte, other: megabyte } }),
    () => ({ annotations: Object.fromEntries(Object.values(annotations).map(name => [name, '💥\u0000'])) }),
    () => ({ finalizers: ['example.com/other', finalizer, finalizer] }),
    () => ({ finalizers: ['example.com/other'] }),
    () => ({ generation: 0, creationTimestamp: '' }),
    () => ({ generation: 1_999_999_999, specManager: megabyte.slice(0, 128) }),
    () => ({ labels: { 'switchyard.dev/runtime': 'gpu' } }),
  ])()

interface Stored {
  readonly metadata: Metadata
  readonly spec: unknown
  readonly status: unknown
}

export interface Content {
  readonly spec: unknown
  readonly status: unknown
}

/** Nine in ten have a bad spec. */
export const hostileContent = (random: Random, kind: Kind, name: string): Content => {
  const good = pick(random, goodSpecs[kind](name))
  const spec = random() < 0.1 ? good : poisoned(random, fields[kind].spec, good)
  const status = pick<() => unknown>(random, [
    () => ({}),
    () => undefined,
    () => poisoned(random, fields[kind].status, goodStatus[kind]),
    () => goodStatus[kind],
  ])()
  return { spec, status }
}

export const putHostile = (world: World, random: Random, kind: Kind, name: string): void => {
  const { spec, status } = hostileContent(random, kind, name)
  const metadata = { ...metadataOf(world, name), ...hostileMetadata(random) }
  // As a cluster would hand it out: parsed by whoever reads it.
  putObject(tableOf(world, kind), { kind, metadata, ...parseObject(kind, spec, status) } as Model | Runtime)
}

const metadataOf = (world: World, name: string): Metadata => ({
  namespace: 'default',
  name,
  uid: `poison-${world.serial()}`,
  generation: 1,
  resourceVersion: '',
  creationTimestamp: world.now(),
  finalizers: [],
  annotations: {},
  labels: {},
})

/** What others do to an object that we look after. */
export const meddle = (world: World, random: Random, kind: Kind, name: string): void => {
  const old = tableOf(world, kind).get(`default/${name}`)
  if (!old) return
  const { metadata } = old
  const change = (raw: Partial<Pick<Stored, 'metadata' | 'spec' | 'status'>>): void =>
    void putObject(tableOf(world, kind), { ...old, ...raw } as Model | Runtime)
  const spec = (next: unknown): void => {
    const { status: _, ...content } = parseObject(kind, next, {})
    const { invalid: __, ...kept } = old
    const edited = { ...metadata, generation: metadata.generation + 1 }
    putObject(tableOf(world, kind), { ...kept, ...content, metadata: edited } as Model | Runtime)
  }
  const status = (next: unknown): void => change({ status: parseObject(kind, {}, next).status })
  pick(random, [
    () => {},
    () => status(undefined),
    () => status(poisoned(random, fields[kind].status, old.status)),
    () => change({ metadata: { ...metadata, generation: Math.max(0, metadata.generation - 1) } }),
    () => change({ metadata: { ...metadata, finalizers: [] } }),
    () => change({ metadata: { ...metadata, ...hostileMetadata(random), uid: metadata.uid } }),
    () => spec(poisoned(random, fields[kind].spec, pick(random, goodSpecs[kind](name)))),
    () => spec(pick(random, goodSpecs[kind](name))),
  ])()
}
