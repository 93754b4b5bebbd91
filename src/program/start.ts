// What an operator and a host start alike: the clock, log and metrics, the loop, and how a signal asks to stop.
import { createHash } from 'node:crypto'
import { createEngineWatch } from '../controller/engine-watch.ts'
import { createLoop, type Loop } from '../controller/loop.ts'
import { createPause } from '../controller/pause.ts'
import { createReporter } from '../controller/report.ts'
import { createStarted } from '../controller/started.ts'
import { createTurns } from '../controller/turns.ts'
import type { Clock, Platform } from '../domain/platform.ts'
import { createEngineFetch } from '../engines/engine-fetch.ts'
import { createLlamaCpp } from '../engines/llama-cpp.ts'
import { createOllama } from '../engines/ollama.ts'
import { createVllm } from '../engines/vllm.ts'
import type { ControllerSettings } from '../settings.ts'
import { createLog, type Log } from '../telemetry/log.ts'
import { createMetrics, type Metrics } from '../telemetry/metrics.ts'

const clock: Clock = {
  now: () => new Date(),
  after: (ms, call) => {
    const timer = setTimeout(call, Math.min(ms, 2_000_000_000))
    return () => clearTimeout(timer)
  },
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32)

export interface Telemetry {
  readonly log: Log
  readonly metrics: Metrics
}

export const openTelemetry = ({ logLevel, workers }: ControllerSettings): Telemetry => ({
  log: createLog(logLevel),
  metrics: createMetrics({ withProcess: true, workers }),
})

export interface Stage {
  readonly platform: Platform
  readonly mayChange: () => boolean
}

export const makeLoop = (
  settings: ControllerSettings,
  { platform, mayChange }: Stage,
  telemetry: Telemetry,
): Loop => {
  const watch = createEngineWatch(clock)
  const fetch = createEngineFetch()
  const engines = {
    VLLM: createVllm({ fetch }),
    Ollama: createOllama({ fetch }),
    LlamaCpp: createLlamaCpp({ fetch }),
  }
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

/** How long keys that are in work may go on after a stop was asked for. */
export const drainMs = 25_000

export const whenGiven = (signal: AbortSignal): Promise<void> =>
  new Promise(resolve => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })

/** The first SIGTERM or SIGINT asks to stop; the second ends at once. */
export const stopSignal = (log: Log): AbortSignal => {
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
