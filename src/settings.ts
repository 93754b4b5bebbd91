// Environment and flags → one frozen Settings; the only reader of process.env.
import * as z from 'zod'

const json = <T extends z.ZodType>(schema: T) =>
  z.string().transform((text, context) => {
    try {
      return schema.parse(JSON.parse(text)) as z.infer<T>
    } catch {
      context.addIssue({ code: 'custom', message: 'is not the JSON object it should be' })
      return z.NEVER
    }
  })

const whole = (fallback: number, max: number) => z.coerce.number().int().min(1).max(max).default(fallback)

const Environment = z.object({
  SWITCHYARD_WORKER_IMAGE: z.string().min(1),
  SWITCHYARD_WORKER_PULL_POLICY: z.enum(['Always', 'IfNotPresent', 'Never']).default('IfNotPresent'),
  SWITCHYARD_WORKER_OVERLAY: json(z.looseObject({})).optional(),
  SWITCHYARD_HUB_ENDPOINT: z.url().optional(),
  SWITCHYARD_REGISTRY_ENDPOINT: z.url().optional(),
  SWITCHYARD_MAX_DOWNLOADS: whole(4, 1000),
  SWITCHYARD_MAX_BYTES_PER_SECOND: z.coerce.number().int().min(0).default(0),
  SWITCHYARD_MAX_RESOLVES: whole(8, 1000),
  SWITCHYARD_MAX_ATTEMPTS: whole(6, 100),
  SWITCHYARD_WORKERS: whole(8, 64),
  SWITCHYARD_WATCH_NAMESPACE: z.string().optional(),
  SWITCHYARD_NAMESPACED: z.enum(['true', 'false']).default('false'),
  SWITCHYARD_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
  SWITCHYARD_LEASE: z.string().default('switchyard'),
  SWITCHYARD_HEALTH_PORT: z.coerce.number().int().min(0).max(65535).default(8081),
  SWITCHYARD_METRICS_PORT: z.coerce.number().int().min(0).max(65535).default(8080),
  POD_NAME: z.string().default('switchyard'),
  POD_NAMESPACE: z.string().default('switchyard-system'),
})

export type Settings = Readonly<ReturnType<typeof toSettings>>

const toSettings = (given: z.infer<typeof Environment>) => ({
  workerImage: given.SWITCHYARD_WORKER_IMAGE,
  workerPullPolicy: given.SWITCHYARD_WORKER_PULL_POLICY,
  workerValues: given.SWITCHYARD_WORKER_OVERLAY ?? {},
  hubEndpoint: given.SWITCHYARD_HUB_ENDPOINT,
  registryEndpoint: given.SWITCHYARD_REGISTRY_ENDPOINT,
  maxDownloads: given.SWITCHYARD_MAX_DOWNLOADS,
  maxBytesPerSecond: given.SWITCHYARD_MAX_BYTES_PER_SECOND,
  maxResolves: given.SWITCHYARD_MAX_RESOLVES,
  maxAttempts: given.SWITCHYARD_MAX_ATTEMPTS,
  workers: given.SWITCHYARD_WORKERS,
  namespace: given.SWITCHYARD_WATCH_NAMESPACE,
  isNamespaced: given.SWITCHYARD_NAMESPACED === 'true',
  logLevel: given.SWITCHYARD_LOG_LEVEL,
  lease: given.SWITCHYARD_LEASE,
  healthPort: given.SWITCHYARD_HEALTH_PORT,
  metricsPort: given.SWITCHYARD_METRICS_PORT,
  podName: given.POD_NAME,
  podNamespace: given.POD_NAMESPACE,
})

/** Throws one sentence that names the variable. An empty variable counts as not set. */
export const readSettings = (environment: NodeJS.ProcessEnv = process.env): Settings => {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
  const parsed = Environment.safeParse(given)
  if (parsed.success) return Object.freeze(toSettings(parsed.data))
  const [issue] = parsed.error.issues
  throw new Error(
    `${issue?.path.join('.')}: ${issue?.message}. See charts/switchyard/values.yaml for what it may be.`,
  )
}

/** Whether the environment names a proxy for HTTP, as the chart's `worker.proxy` does. */
export const hasProxy = (environment: NodeJS.ProcessEnv = process.env): boolean =>
  ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy'].some(name => environment[name])
