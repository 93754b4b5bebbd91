// The product's loop, store and kernel on the real API server with works that end at once: a program that the bench starts,
// feeds through messages and asks for its figures. No election; watches that broke are opened again within milliseconds.
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { KubeConfig } from '@kubernetes/client-node'
import { createEngineWatch } from '../../src/controller/engine-watch.ts'
import { createLoop } from '../../src/controller/loop.ts'
import { createPause } from '../../src/controller/pause.ts'
import { createReporter } from '../../src/controller/report.ts'
import { createStarted } from '../../src/controller/started.ts'
import { createTurns } from '../../src/controller/turns.ts'
import { toKey } from '../../src/domain/object.ts'
import type { Clock, Wake, Work, WorkView } from '../../src/domain/platform.ts'
import { createLlamaCpp } from '../../src/engines/llama-cpp.ts'
import { createOllama } from '../../src/engines/ollama.ts'
import { createVllm } from '../../src/engines/vllm.ts'
import { Client } from '../../src/platform/kubernetes/kernel/client.ts'
import { EventRecorder } from '../../src/platform/kubernetes/kernel/events.ts'
import { MODEL } from '../../src/platform/kubernetes/kernel/resources.ts'
import { Transport } from '../../src/platform/kubernetes/kernel/transport.ts'
import { createCaches } from '../../src/platform/kubernetes/kubernetes-caches.ts'
import { createKubernetesPlatform } from '../../src/platform/kubernetes/kubernetes-platform.ts'
import { createLog } from '../../src/telemetry/log.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'
import { resultOf } from './results.ts'
import { eachOf } from './stage.ts'

export type Wish =
  | { readonly do: 'start' }
  | { readonly do: 'run' }
  | {
      readonly do: 'write'
      readonly namespace: string
      readonly names: readonly string[]
      readonly times: number
    }
  /** `collect`: what is held after the garbage is gone */
  | { readonly do: 'look'; readonly collect?: true }
  | { readonly do: 'stop' }

export interface Look {
  readonly reconciles: number
  readonly ready: number
  readonly heapBytes: number
  readonly handles: number
  readonly milliseconds: number
}

const workers = 8
const clock: Clock = {
  now: () => new Date(),
  after: (ms, call) => {
    const timer = setTimeout(call, ms)
    return () => clearTimeout(timer)
  },
}
const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32)

/** Every work has succeeded the moment it was started. */
function createInstantWork(): Work {
  const works = new Map<string, WorkView>()
  let wake: Wake = () => undefined
  const drop = async (id: string): Promise<void> => void works.delete(id)
  return {
    list: owner => [...(byOwner.get(owner.uid) ?? [])].flatMap(id => works.get(id) ?? []),
    running: () => [],
    start: async ({ task, volume, owner, id, command, subject, attempt }) => {
      const at = clock.now().toISOString()
      const place = volume ? { volume: volume.key } : {}
      const identity = { id, owner, command, subject, attempt, ...place }
      works.set(id, { ...identity, phase: 'Succeeded', startedAt: at, endedAt: at, result: resultOf(task) })
      byOwner.set(owner.uid, (byOwner.get(owner.uid) ?? new Set()).add(id))
      wake(toKey('Model', owner), false)
    },
    cancel: drop,
    forget: drop,
    watch: call => {
      wake = call
    },
  }
}
const byOwner = new Map<string, Set<string>>()

const config = new KubeConfig()
config.loadFromDefault()
const metrics = createMetrics({ workers })
const log = createLog('error')
const client = new Client(new Transport(config, { connections: workers }))
const backoff = { firstMs: 5, longestMs: 50, healthyAfterMs: 1_000 }
const caches = createCaches(client, { backoff, recorderFor: metrics.reflector })
const recorder = new EventRecorder(client, { controller: 'switchyard.dev/operator', instance: 'bench' })
const kubernetes = createKubernetesPlatform({
  client,
  caches,
  recorder,
  worker: { image: 'localhost/none:1' },
})
const platform = { ...kubernetes, work: createInstantWork() }
const engines = {
  VLLM: createVllm({ fetch }),
  Ollama: createOllama({ fetch }),
  LlamaCpp: createLlamaCpp({ fetch }),
}

const how = { clock, random: Math.random, workers, log, metrics, pause: createPause() }
const loop = createLoop(how, wake => ({
  reporter: createReporter(platform),
  actor: {
    clock,
    wake,
    models: { platform, started: createStarted(clock), turns: createTurns(wake), digest, limits: limits() },
    runtimes: { platform, engines, watch: createEngineWatch(clock), digest },
  },
}))
function limits() {
  return { maxDownloads: 1000, maxResolves: 1000, maxAttempts: 6, taskDefaults: {} }
}

/** As many writes as the loop has workers at the same time, and nothing else: neither caches nor decisions. */
async function write({ namespace, names, times }: Extract<Wish, { do: 'write' }>): Promise<void> {
  for (let n = 0; n < times; n++) {
    const patch = [{ op: 'add', path: '/status', value: { phase: 'Ready', round: n } }]
    await eachOf(names, workers, name =>
      client.jsonPatch(
        MODEL,
        { namespace, name, patch },
        { subresource: 'status', fieldManager: 'switchyard' },
      ),
    )
  }
}

async function obey(wish: Wish): Promise<void> {
  if (wish.do === 'start') {
    caches.start()
    await caches.synced()
  } else if (wish.do === 'look' && wish.collect) await collect()
  else if (wish.do === 'run') void loop.run()
  else if (wish.do === 'write') await write(wish)
  else if (wish.do === 'stop') {
    loop.stop()
    await caches.stop()
    process.exit(0)
  }
}

async function collect(): Promise<void> {
  globalThis.gc?.()
  await sleep(0)
  globalThis.gc?.()
}

async function look(milliseconds: number): Promise<Look> {
  const counts = await metrics.registry.getSingleMetric('controller_runtime_reconcile_total')?.get()
  const ready = caches.models.list().filter(({ object }) => object.status.phase === 'Ready')
  return {
    reconciles: counts?.values.reduce((sum, { value }) => sum + value, 0) ?? 0,
    ready: ready.length,
    heapBytes: process.memoryUsage().heapUsed,
    handles: process.getActiveResourcesInfo().length,
    milliseconds,
  }
}

// Ends in order, so that a profile is written.
process.on('SIGTERM', () => process.exit(0))

process.on('message', async (wish: Wish) => {
  const begun = performance.now()
  await obey(wish)
  process.send?.(await look(performance.now() - begun))
})
