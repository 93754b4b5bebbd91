// The switchboard: the first argument says what this process is; the only file that names a platform.
import { createHash } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { KubeConfig } from '@kubernetes/client-node'
import { createEngineWatch } from './controller/engine-watch.ts'
import { createLoop, type Loop } from './controller/loop.ts'
import { createPause } from './controller/pause.ts'
import { createReporter } from './controller/report.ts'
import { createStarted } from './controller/started.ts'
import { createTurns } from './controller/turns.ts'
import { kinds, toCrd } from './domain/crd.ts'
import { finalizer, type Kind } from './domain/object.ts'
import type { Clock, Platform } from './domain/platform.ts'
import { createOllama } from './engines/ollama.ts'
import { createVllm } from './engines/vllm.ts'
import { Client } from './platform/kubernetes/kernel/client.ts'
import { Elector, newIdentity } from './platform/kubernetes/kernel/elector.ts'
import { EventRecorder } from './platform/kubernetes/kernel/events.ts'
import { Transport } from './platform/kubernetes/kernel/transport.ts'
import { type Caches, createCaches } from './platform/kubernetes/kubernetes-caches.ts'
import { createKubernetesPlatform } from './platform/kubernetes/kubernetes-platform.ts'
import { toWorkerSettings } from './platform/kubernetes/worker-settings.ts'
import {
  type ControllerSettings,
  hasProxy,
  readHostSettings,
  readSettings,
  type Settings,
} from './settings.ts'
import { serveHealth, serveMetrics } from './telemetry/health-server.ts'
import { createLog, type Log } from './telemetry/log.ts'
import { createMetrics, type Metrics } from './telemetry/metrics.ts'
import type { OpenEngine } from './worker/ask.ts'
import { workerMain } from './worker/entry.ts'

const clock: Clock = {
  now: () => new Date(),
  after: (ms, call) => {
    const timer = setTimeout(call, Math.min(ms, 2_000_000_000))
    return () => clearTimeout(timer)
  },
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32)

interface Telemetry {
  readonly log: Log
  readonly metrics: Metrics
}

interface Stage {
  readonly platform: Platform
  readonly mayChange: () => boolean
}

const makeLoop = (
  settings: ControllerSettings,
  { platform, mayChange }: Stage,
  telemetry: Telemetry,
): Loop => {
  const watch = createEngineWatch(clock)
  const engines = { VLLM: createVllm({ fetch }), Ollama: createOllama({ fetch }) }
  const { hubEndpoint, registryEndpoint, maxDownloads, maxBytesPerSecond, maxResolves, maxAttempts } =
    settings
  const taskDefaults = {
    ...(hubEndpoint ? { hubEndpoint } : {}),
    ...(registryEndpoint ? { registryEndpoint } : {}),
    ...(maxBytesPerSecond
      ? { bytesPerSecond: Math.max(1, Math.floor(maxBytesPerSecond / maxDownloads)) }
      : {}),
  }
  const limits = { maxDownloads, maxResolves, maxAttempts, taskDefaults }
  const how = { clock, random: Math.random, workers: settings.workers, pause: createPause(), ...telemetry }
  return createLoop(how, wake => ({
    reporter: createReporter(platform),
    actor: {
      clock,
      wake,
      mayChange,
      models: { platform, limits, started: createStarted(clock), turns: createTurns(wake), digest },
      runtimes: { platform, engines, watch, digest },
    },
  }))
}

const connect = ({ metrics, log }: Telemetry): Client => {
  const config = new KubeConfig()
  config.loadFromDefault()
  const onWarning = (warning: string, call: string): void => log.warn({ call }, warning)
  return new Client(new Transport(config, { recorder: metrics.rest, onWarning }))
}

const cacheScope = ({ namespace, isNamespaced }: Settings) => ({
  isNamespaced,
  ...(namespace ? { namespace } : {}),
})

/** No operator has begun anything: its first write to an object is the finalizer. */
const isUntouched = ({ models, runtimes }: Caches): boolean =>
  [...models.list(), ...runtimes.list()].every(({ metadata }) => !metadata.finalizers?.includes(finalizer))

const whenGiven = (signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

/** Start: health → caches → election → controllers. Stop: controllers → caches → the Lease last. */
const operator = async (): Promise<number> => {
  const settings = readSettings()
  const telemetry = {
    log: createLog(settings.logLevel),
    metrics: createMetrics({ withProcess: true, workers: settings.workers }),
  }
  const { log, metrics } = telemetry
  const open = connect(telemetry)
  const elector: Elector = new Elector(open, {
    namespace: settings.podNamespace,
    name: settings.lease,
    identity: newIdentity(settings.podName),
    isNew: () => isUntouched(caches),
    log,
    recorder: { leads: metrics.led },
  })
  const client = open.fencedBy(elector)
  const caches = createCaches(client, { ...cacheScope(settings), log, recorderFor: metrics.reflector })
  const stopping = stopSignal(log)
  await serveHealth(
    { isAlive: () => elector.isSane, isReady: () => caches.isSynced && !stopping.aborted },
    settings.healthPort,
  )
  await serveMetrics(metrics.registry, settings.metricsPort)
  const recorder = new EventRecorder(client, {
    controller: 'switchyard.dev/operator',
    instance: settings.podName,
    log,
  })
  const worker = toWorkerSettings(settings.workerImage, settings.workerPullPolicy, settings.workerValues)
  const platform = createKubernetesPlatform({
    client,
    caches,
    recorder,
    worker,
    onStale: toldStale(telemetry),
  })
  const loop = makeLoop(settings, { platform, mayChange: () => elector.mutationsAllowed() }, telemetry)
  caches.start()
  await caches.synced()
  log.info({ namespace: settings.namespace ?? 'all' }, 'caches are warm; waiting to lead')
  return lead({ elector, loop, caches, recorder, log, stopping })
}

/** Waited for half a minute; the cache is read afresh and the key is looked at all the same. */
const toldStale =
  ({ metrics, log }: Telemetry) =>
  (key: string): void => {
    metrics.skippedStaleCheck()
    log.warn({ key }, 'a cache stayed behind our own write')
  }

interface Running {
  readonly elector: Elector
  readonly loop: Loop
  readonly caches: Caches
  readonly recorder: EventRecorder
  readonly log: Log
  readonly stopping: AbortSignal
}

const drainMs = 25_000

const lead = async ({ elector, loop, caches, recorder, log, stopping }: Running): Promise<number> => {
  const leadership = await elector.acquire(stopping).catch(() => undefined)
  if (!leadership) return stopping.aborted ? 0 : 1
  leadership.signal.addEventListener('abort', () => {
    log.error('the lease is lost: ending at once')
    process.exit(1)
  })
  const done = loop.run()
  await whenGiven(stopping)
  loop.stop()
  await Promise.race([done, sleep(drainMs)])
  await recorder.close()
  await caches.stop()
  await leadership.release()
  log.info('stopped')
  return 0
}

/** Start: store → manifests → controllers. Stop: controllers → store. Workers and engines go on without us. */
const host = async (): Promise<number> => {
  // Only here: an operator is to be small.
  const { openHost } = await import('./platform/host/host-platform.ts')
  const { Manifests } = await import('./platform/host/manifests.ts')
  const { manifestsFolder: folder, ...settings } = readHostSettings()
  const telemetry = {
    log: createLog(settings.logLevel),
    metrics: createMetrics({ withProcess: true, workers: settings.workers }),
  }
  const { log } = telemetry
  const onFailure = (err: unknown): void => log.error({ err }, 'a look at processes failed; it is repeated')
  const stopping = stopSignal(log)
  const program = [process.execPath, ...process.execArgv, process.argv[1] ?? '']
  const opened = openHost({ ...settings, program, onFailure })
  const loop = makeLoop(settings, { platform: opened.platform, mayChange: () => true }, telemetry)
  const onRefused = (file: string, sentence: string): void => log.warn({ file }, sentence)
  const manifests = new Manifests({ people: opened.people, folder, onRefused })
  log.info({ state: settings.stateFolder, manifests: folder }, 'switchyard host runs')
  const done = loop.run()
  await whenGiven(stopping)
  manifests.stop()
  loop.stop()
  await Promise.race([done, sleep(drainMs)])
  opened.close()
  log.info('stopped; workers and engines go on')
  return 0
}

/** The first SIGTERM or SIGINT asks to stop; the second ends at once. */
const stopSignal = (log: Log): AbortSignal => {
  const controller = new AbortController()
  const stop = (signal: string): void => {
    if (controller.signal.aborted) process.exit(1)
    log.info({ signal }, 'stopping')
    controller.abort()
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  for (const event of ['unhandledRejection', 'uncaughtException'] as const) {
    process.on(event, (error: unknown) => {
      log.fatal({ err: error, event }, 'a defect: ending so that another replica takes over')
      process.exit(1)
    })
  }
  return controller.signal
}

const openEngine: OpenEngine = (name, fetch) => ({ VLLM: createVllm, Ollama: createOllama })[name]({ fetch })

const printCrds = async (): Promise<number> => {
  for (const kind of Object.keys(kinds) as Kind[]) console.log(`---\n${JSON.stringify(toCrd(kind), null, 2)}`)
  return 0
}

const usage = `switchyard <command>

  host                 run the controller on this machine, without a cluster (docs/host.md)
  operator             run the controller on Kubernetes (settings come from SWITCHYARD_* variables)
  worker run …         one short-lived work on bytes; started by the controller
  worker discover …    what lies on the volume at --root DIR, as JSON
  crds                 print the custom resource definitions
  version              print the version`

const version = '0.1.0'

const run = async ([command = '', ...rest]: readonly string[]): Promise<number> => {
  if (command === 'operator') return operator()
  if (command === 'host') return host()
  if (command === 'worker') return workerMain(rest, { openEngine, hasProxy: hasProxy() })
  if (command === 'crds') return printCrds()
  if (command === 'version' || command === '--version') return console.log(version) ?? 0
  console.error(usage)
  return command === 'help' || command === '--help' ? 0 : 2
}

process.exit(
  await run(process.argv.slice(2)).catch((error: Error) => {
    console.error(`switchyard: ${error.message}`)
    return 1
  }),
)
