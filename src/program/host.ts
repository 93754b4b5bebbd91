// `switchyard host`: the same controller on this machine, without a cluster.
import { setTimeout as sleep } from 'node:timers/promises'
import { type Host, openHost, type UnitsWish } from '../platform/host/host-platform.ts'
import { ManifestPrune } from '../platform/host/manifest-prune.ts'
import { Manifests } from '../platform/host/manifests.ts'
import { startNotify } from '../platform/host/systemd/notify.ts'
import { sightUnits } from '../platform/host/systemd/unit-keeper.ts'
import { readHostSettings } from '../settings.ts'
import { serveMetrics } from '../telemetry/health-server.ts'
import { registerHostFigures } from '../telemetry/host-metrics.ts'
import { serveApi } from './host-api.ts'
import { workerFlags } from './node-flags.ts'
import { drainMs, makeLoop, openTelemetry, stopSignal, type Telemetry, whenGiven } from './start.ts'

/** Start: store → socket → manifests → controllers. Stop: socket → controllers → store. Workers and engines go on without us. */
export const host = async (): Promise<number> => {
  const { manifestsFolder: folder, ...settings } = readHostSettings()
  const telemetry = openTelemetry(settings)
  const { log } = telemetry
  const onFailure = (err: unknown): void => log.error({ err }, 'a look at processes failed; it is repeated')
  const stopping = stopSignal(log)
  const program = nodeWith()
  const worker = nodeWith(...workerFlags)
  const onNotice = (sentence: string): void => log.warn(sentence)
  const units = await findUnits(settings.units, onNotice)
  const opened = openHost({ ...settings, program, worker, onFailure, onNotice, units })
  await openMetrics(settings, opened.monitor, telemetry)
  const loop = makeLoop(settings, { platform: opened.platform, mayChange: () => true }, telemetry)
  const onRefused = (file: string, sentence: string): void => log.warn({ file }, sentence)
  const api = await serveApi(opened, settings.socket, log)
  const { people, objects } = opened
  const prune = settings.isPruning
    ? { prune: new ManifestPrune({ people, objects, onPruned: onNotice }) }
    : {}
  const manifests = new Manifests({ people, folder, onRefused, ...prune })
  log.info(
    { state: settings.stateFolder, manifests: folder, socket: settings.socket, engines: opened.engines },
    'switchyard host runs',
  )
  const { notifySocket, watchdogMs } = settings
  const notify = startNotify({ socket: notifySocket, watchdogMs, onFailure })
  const done = loop.run()
  await whenGiven(stopping)
  notify.stopping()
  await api.close()
  manifests.stop()
  loop.stop()
  await Promise.race([done, sleep(drainMs)])
  opened.close()
  log.info('stopped; workers and engines go on')
  return 0
}

/** This program, as words. */
const nodeWith = (...flags: readonly string[]): readonly string[] => [
  process.execPath,
  ...process.execArgv,
  ...flags,
  process.argv[1] ?? '',
]

/** What install has written may be gone: an engine without a unit is better than none. */
const findUnits = async (
  scope: UnitsWish['scope'] | undefined,
  onNotice: (sentence: string) => void,
): Promise<UnitsWish | undefined> => {
  if (scope === undefined) return undefined
  const { why, lack } = await sightUnits(scope)
  if (why) onNotice(`engines are plain processes, without limits: ${why}`)
  if (lack) onNotice(`engines are not kept from the files of this user: ${lack}`)
  return why ? undefined : { scope, ...(lack ? { lack } : {}) }
}

/** Taken by somebody else, it is no reason to let engines go without a controller. */
const openMetrics = async (
  { metricsPlace }: Pick<ReturnType<typeof readHostSettings>, 'metricsPlace'>,
  monitor: Host['monitor'],
  { metrics, log }: Telemetry,
): Promise<void> => {
  if (!metricsPlace) return
  registerHostFigures(metrics.registry, monitor)
  try {
    await serveMetrics(metrics.registry, metricsPlace)
  } catch (error) {
    log.warn(
      `metrics are not served: ${(error as Error).message}. SWITCHYARD_METRICS_ADDRESS says where; off is none`,
    )
  }
}
