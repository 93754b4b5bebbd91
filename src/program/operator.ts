// `switchyard operator`: the controller on Kubernetes, one replica of which leads.
import { setTimeout as sleep } from 'node:timers/promises'
import { KubeConfig } from '@kubernetes/client-node'
import type { Loop } from '../controller/loop.ts'
import { finalizer } from '../domain/object.ts'
import { Client } from '../platform/kubernetes/kernel/client.ts'
import { Elector, newIdentity } from '../platform/kubernetes/kernel/elector.ts'
import { EventRecorder } from '../platform/kubernetes/kernel/events.ts'
import { Transport } from '../platform/kubernetes/kernel/transport.ts'
import { type Caches, createCaches } from '../platform/kubernetes/kubernetes-caches.ts'
import { createKubernetesPlatform } from '../platform/kubernetes/kubernetes-platform.ts'
import { toWorkerSettings } from '../platform/kubernetes/worker-settings.ts'
import { readSettings, type Settings } from '../settings.ts'
import { serveHealth, serveMetrics } from '../telemetry/health-server.ts'
import type { Log } from '../telemetry/log.ts'
import { drainMs, makeLoop, openTelemetry, stopSignal, type Telemetry, whenGiven } from './start.ts'

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

/** Start: health → caches → election → controllers. Stop: controllers → caches → the Lease last. */
export const operator = async (): Promise<number> => {
  const settings = readSettings()
  const telemetry = openTelemetry(settings)
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
  elector.observe()
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
