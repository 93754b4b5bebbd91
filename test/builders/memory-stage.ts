// A stage: the memory world with its people, and the real loop of the controller on it, turned by hand.
import { createHash } from 'node:crypto'
import { createEngineWatch } from '../../src/controller/engine-watch.ts'
import { createLoop, type Loop } from '../../src/controller/loop.ts'
import { createReporter } from '../../src/controller/report.ts'
import { createStarted } from '../../src/controller/started.ts'
import { createTurns } from '../../src/controller/turns.ts'
import type { Engine } from '../../src/domain/engine.ts'
import type { Key, Model, Runtime } from '../../src/domain/object.ts'
import type { EngineName } from '../../src/domain/parts.ts'
import { doers } from '../../src/platform/memory/memory-deeds.ts'
import { createMemoryEngines } from '../../src/platform/memory/memory-engines.ts'
import { createMemoryPlatform } from '../../src/platform/memory/memory-platform.ts'
import { runDeployments } from '../../src/platform/memory/memory-pods.ts'
import { MemoryProcess, type ProcessOptions } from '../../src/platform/memory/memory-process.ts'
import { type Deployment, World } from '../../src/platform/memory/memory-world.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'

export const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32)

export interface Controller {
  readonly process: MemoryProcess
  readonly loop: Loop
  readonly wake: (key: Key) => void
  readonly stop: () => void
}

export interface ControllerOptions extends ProcessOptions {
  readonly workers?: number
  readonly maxDownloads?: number
  readonly maxResolves?: number
  readonly random?: () => number
  readonly onError?: (line: string) => void
  /** nothing is looked at before; when it rejects, the process ends */
  readonly ready?: () => Promise<void>
  /** default: engines of the memory world */
  readonly engines?: Readonly<Record<EngineName, Engine>>
}

const metrics = createMetrics()

/** The wiring of main.ts, on memory. */
export const startController = (world: World, options: ControllerOptions = {}): Controller => {
  const { workers = 2, maxDownloads = 2, random = () => 0.5, onError = () => undefined } = options
  const process = new MemoryProcess(world, options)
  const { clock } = process
  const platform = createMemoryPlatform(process)
  const { engines = createMemoryEngines(process) } = options
  const limits = { maxDownloads, maxResolves: options.maxResolves ?? 8, maxAttempts: 5, taskDefaults: {} }
  const log = createLog('error', { write: onError })
  const loop = createLoop({ clock, random, workers, log, metrics }, wake => ({
    reporter: createReporter(platform),
    actor: {
      clock,
      wake,
      models: { platform, limits, started: createStarted(clock), turns: createTurns(wake), digest },
      runtimes: { platform, engines, watch: createEngineWatch(clock), digest },
    },
  }))
  const stop = (): void => {
    process.kill()
    loop.stop()
  }
  if (options.ready) void options.ready().then(() => loop.run(), stop)
  else void loop.run()
  return { process, loop, wake: key => loop.wake(key), stop }
}

/** `runs` makes pods come and go; default: as the memory world does. */
export const createWorld = (runs: (world: World) => void = runDeployments): World => {
  const world = new World(doers)
  runs(world)
  return world
}

export const addClaim = (world: World, name = 'models', sizeBytes = 100e9): void =>
  void world.claims.put(`default/${name}`, () => ({
    namespace: 'default',
    name,
    uid: `claim-${world.serial()}`,
    sizeBytes,
    copies: [],
  }))

const found = {
  VLLM: { command: [], args: ['serve', '/models/as-found', '--max-model-len', '4096'] },
  Ollama: { command: ['ollama', 'serve'], args: [] },
}

/** A Deployment that somebody else made: with rolling updates, as they come by default. */
export const addDeployment = (
  world: World,
  name: string,
  engine: 'VLLM' | 'Ollama',
  change: Partial<Deployment> = {},
): void =>
  void world.deployments.put(`default/${name}`, () => ({
    name,
    namespace: 'default',
    engine,
    claim: 'models',
    template: found[engine],
    strategy: 'RollingUpdate',
    replicas: 1,
    generation: 1,
    observedGeneration: 0,
    ...change,
  }))

export const modelIn = (world: World, name: string): Model | undefined => world.models.get(`default/${name}`)
export const runtimeIn = (world: World, name: string): Runtime | undefined =>
  world.runtimes.get(`default/${name}`)
