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

/** What the controller needs on every platform. */
const Shared = z.object({
  SWITCHYARD_HUB_ENDPOINT: z.url().optional(),
  SWITCHYARD_REGISTRY_ENDPOINT: z.url().optional(),
  SWITCHYARD_MAX_DOWNLOADS: whole(4, 1000),
  SWITCHYARD_MAX_BYTES_PER_SECOND: z.coerce.number().int().min(0).default(0),
  SWITCHYARD_MAX_RESOLVES: whole(8, 1000),
  SWITCHYARD_MAX_ATTEMPTS: whole(6, 100),
  SWITCHYARD_WORKERS: whole(8, 64),
  SWITCHYARD_LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error']).default('info'),
})

const toShared = (given: z.infer<typeof Shared>) => ({
  hubEndpoint: given.SWITCHYARD_HUB_ENDPOINT,
  registryEndpoint: given.SWITCHYARD_REGISTRY_ENDPOINT,
  maxDownloads: given.SWITCHYARD_MAX_DOWNLOADS,
  maxBytesPerSecond: given.SWITCHYARD_MAX_BYTES_PER_SECOND,
  maxResolves: given.SWITCHYARD_MAX_RESOLVES,
  maxAttempts: given.SWITCHYARD_MAX_ATTEMPTS,
  workers: given.SWITCHYARD_WORKERS,
  logLevel: given.SWITCHYARD_LOG_LEVEL,
})
export type ControllerSettings = Readonly<ReturnType<typeof toShared>>

const Environment = Shared.extend({
  SWITCHYARD_WORKER_IMAGE: z.string().min(1),
  SWITCHYARD_WORKER_PULL_POLICY: z.enum(['Always', 'IfNotPresent', 'Never']).default('IfNotPresent'),
  SWITCHYARD_WORKER_OVERLAY: json(z.looseObject({})).optional(),
  SWITCHYARD_WATCH_NAMESPACE: z.string().optional(),
  SWITCHYARD_NAMESPACED: z.enum(['true', 'false']).default('false'),
  SWITCHYARD_LEASE: z.string().default('switchyard'),
  SWITCHYARD_HEALTH_PORT: z.coerce.number().int().min(0).max(65535).default(8081),
  SWITCHYARD_METRICS_PORT: z.coerce.number().int().min(0).max(65535).default(8080),
  POD_NAME: z.string().default('switchyard'),
  POD_NAMESPACE: z.string().default('switchyard-system'),
})

export type Settings = Readonly<ReturnType<typeof toSettings>>

const toSettings = (given: z.infer<typeof Environment>) => ({
  ...toShared(given),
  workerImage: given.SWITCHYARD_WORKER_IMAGE,
  workerPullPolicy: given.SWITCHYARD_WORKER_PULL_POLICY,
  workerValues: given.SWITCHYARD_WORKER_OVERLAY ?? {},
  namespace: given.SWITCHYARD_WATCH_NAMESPACE,
  isNamespaced: given.SWITCHYARD_NAMESPACED === 'true',
  lease: given.SWITCHYARD_LEASE,
  healthPort: given.SWITCHYARD_HEALTH_PORT,
  metricsPort: given.SWITCHYARD_METRICS_PORT,
  podName: given.POD_NAME,
  podNamespace: given.POD_NAMESPACE,
})

/** Throws one sentence that names the variable. An empty variable counts as not set. */
const parse = <T extends z.ZodType>(
  schema: T,
  environment: NodeJS.ProcessEnv,
  where: string,
): z.output<T> => {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
  const parsed = schema.safeParse(given)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new Error(`${issue?.path.join('.')}: ${issue?.message}. See ${where} for what it may be.`)
}

export const readSettings = (environment: NodeJS.ProcessEnv = process.env): Settings =>
  Object.freeze(toSettings(parse(Environment, environment, 'charts/switchyard/values.yaml')))

const folder = () => z.string().startsWith('/', 'must be an absolute path').optional()

const addressRule = 'must be an address and a port, for example 127.0.0.1:9877, or off'

/** Undefined: off. */
const toPlace = (address: string) => {
  const at = address.lastIndexOf(':')
  if (at < 0) return undefined
  return { host: address.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(address.slice(at + 1)) }
}

const HostEnvironment = Shared.extend({
  HOME: z.string().default('/'),
  SWITCHYARD_STATE_FOLDER: folder(),
  SWITCHYARD_MODELS_FOLDER: folder(),
  SWITCHYARD_MANIFESTS_FOLDER: folder(),
  SWITCHYARD_SECRETS_FOLDER: folder(),
  SWITCHYARD_PRUNE_MANIFESTS: z.enum(['true', 'false']).default('false'),
  SWITCHYARD_JOURNAL_ENTRIES: whole(100_000, 100_000_000),
  SWITCHYARD_JOURNAL_DAYS: whole(90, 36_500),
  SWITCHYARD_ENGINES: z.enum(['process', 'systemd', 'systemd-user']).default('process'),
  NOTIFY_SOCKET: z.string().optional(),
  WATCHDOG_USEC: z.coerce.number().positive().optional(),
  SWITCHYARD_METRICS_ADDRESS: z
    .string()
    .regex(/^(\[[\da-fA-F:]+\]|[\w.-]+):\d{1,5}$|^off$/, addressRule)
    .default('127.0.0.1:9877'),
  SWITCHYARD_SOCKET: folder(),
  XDG_RUNTIME_DIR: folder(),
})

export const systemSocket = '/run/switchyard/switchyard.sock'

/** Where systemd makes the folder of who is logged in, also for a shell that was begun without being told. */
const usersSocket = (): string => `/run/user/${process.getuid?.() ?? 0}/switchyard/switchyard.sock`

/** A folder of one's own for the state has the socket in it: two daemons never share one. */
const socketOf = (given: z.infer<typeof HostEnvironment>): string => {
  if (given.SWITCHYARD_SOCKET) return given.SWITCHYARD_SOCKET
  if (given.SWITCHYARD_STATE_FOLDER) return `${given.SWITCHYARD_STATE_FOLDER}/switchyard.sock`
  if (process.getuid?.() === 0) return systemSocket
  if (given.XDG_RUNTIME_DIR) return `${given.XDG_RUNTIME_DIR}/switchyard/switchyard.sock`
  return `${homesOf(given.HOME).state}/switchyard.sock`
}

/** Whose systemd has the engines as units; undefined: they are plain processes. */
const unitScopes = { process: undefined, systemd: 'system', 'systemd-user': 'user' } as const

/** Where root keeps things, and where everybody else does. */
const homesOf = (home: string) =>
  process.getuid?.() === 0
    ? { state: '/var/lib/switchyard', config: '/etc/switchyard' }
    : { state: `${home}/.local/state/switchyard`, config: `${home}/.config/switchyard` }

const forWorkers = /^(PATH|HOME|TMPDIR|LANG|(https?|no|all)_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR))$/i
/** An engine needs what its machine says of devices and libraries, and nothing that only we were to know. */
const notForEngines =
  /^(SWITCHYARD_|NODE_|npm_|WATCHDOG_|SYSTEMD_|(NOTIFY_SOCKET|INVOCATION_ID|JOURNAL_STREAM|LISTEN_.*)$)|TOKEN|SECRET|PASSWORD|_KEY$/i

const pick = (environment: NodeJS.ProcessEnv, isGiven: (name: string) => boolean): Record<string, string> =>
  Object.fromEntries(
    Object.entries(environment).filter((entry): entry is [string, string] => {
      const [name, value] = entry
      return value !== undefined && isGiven(name)
    }),
  )

export const readHostSettings = (environment: NodeJS.ProcessEnv = process.env) => {
  const given = parse(HostEnvironment, environment, 'docs/host.md')
  const homes = homesOf(given.HOME)
  const state = given.SWITCHYARD_STATE_FOLDER ?? homes.state
  return Object.freeze({
    ...toShared(given),
    stateFolder: state,
    modelsFolder: given.SWITCHYARD_MODELS_FOLDER ?? `${state}/models`,
    manifestsFolder: given.SWITCHYARD_MANIFESTS_FOLDER ?? `${homes.config}/manifests`,
    secretsFolder: given.SWITCHYARD_SECRETS_FOLDER ?? `${homes.config}/secrets`,
    units: unitScopes[given.SWITCHYARD_ENGINES],
    notifySocket: given.NOTIFY_SOCKET,
    watchdogMs: given.WATCHDOG_USEC === undefined ? undefined : given.WATCHDOG_USEC / 1_000,
    isPruning: given.SWITCHYARD_PRUNE_MANIFESTS === 'true',
    journalKeeps: { entries: given.SWITCHYARD_JOURNAL_ENTRIES, days: given.SWITCHYARD_JOURNAL_DAYS },
    metricsPlace: toPlace(given.SWITCHYARD_METRICS_ADDRESS),
    socket: socketOf(given),
    workerEnvironment: pick(environment, name => forWorkers.test(name)),
    engineEnvironment: pick(environment, name => !notForEngines.test(name)),
  })
}

/** For who looks for what is wrong: settings that cannot be read are a sentence, and the environment is shown as it is. */
export const readDoctorSettings = (environment: NodeJS.ProcessEnv = process.env) => {
  try {
    return { environment, settings: readHostSettings(environment) }
  } catch (error) {
    return { environment, settings: { refused: (error as Error).message } }
  }
}

/** Where models lie on most machines: ours, the Hub's cache, Ollama's store of a person and of its service. */
const usualFoldersOf = (given: { HOME: string; SWITCHYARD_STATE_FOLDER?: string | undefined }) => [
  `${given.SWITCHYARD_STATE_FOLDER ?? homesOf(given.HOME).state}/models`,
  `${given.HOME}/.cache/huggingface/hub`,
  `${given.HOME}/.ollama/models`,
  '/usr/share/ollama/.ollama/models',
]

const ClientEnvironment = HostEnvironment.pick({
  HOME: true,
  SWITCHYARD_STATE_FOLDER: true,
  SWITCHYARD_SECRETS_FOLDER: true,
  SWITCHYARD_SOCKET: true,
  XDG_RUNTIME_DIR: true,
}).extend({
  KUBECONFIG: z.string().optional(),
  NO_COLOR: z.string().optional(),
  TERM: z.string().optional(),
})

/** What a command at a terminal needs: where a host's socket or a kubeconfig may be, and whether colour is wanted. */
export const readClientSettings = (environment: NodeJS.ProcessEnv = process.env) => {
  const given = parse(ClientEnvironment, environment, 'docs/cli.md')
  return Object.freeze({
    namedSocket: given.SWITCHYARD_SOCKET,
    sockets: [...new Set([socketOf(given as z.infer<typeof HostEnvironment>), usersSocket(), systemSocket])],
    namedKubeconfig: given.KUBECONFIG,
    kubeconfig: given.KUBECONFIG ?? `${given.HOME}/.kube/config`,
    secretsFolder: given.SWITCHYARD_SECRETS_FOLDER ?? `${homesOf(given.HOME).config}/secrets`,
    usualFolders: usualFoldersOf(given),
    wantsColour: given.NO_COLOR === undefined && given.TERM !== 'dumb',
  })
}
export type ClientSettings = ReturnType<typeof readClientSettings>

/** npm's own settings say which registry is asked, and how. */
const forNpm = /^(npm_config_.*|XDG_CONFIG_HOME)$/i

/** Where the engine inside the program is kept, and what fetches it. */
export const readEmbeddedSettings = (environment: NodeJS.ProcessEnv = process.env) =>
  Object.freeze({
    sharedFolder: environment['SWITCHYARD_SHARED_CACHE'] || undefined,
    cacheFolder: `${environment['XDG_CACHE_HOME'] || `${environment['HOME'] || '/'}/.cache`}/switchyard`,
    npmEnvironment: pick(environment, name => forWorkers.test(name) || forNpm.test(name)),
  })

/** What `install --user` must know of who runs it: where programs are found, and whether a systemd of his own is near. */
export const readUserSettings = (environment: NodeJS.ProcessEnv = process.env) =>
  Object.freeze({
    home: environment['HOME'] ?? '',
    path: environment['PATH'] ?? '',
    runtimeFolder: environment['XDG_RUNTIME_DIR'] || undefined,
  })

/** Whether the environment names a proxy for HTTP, as the chart's `worker.proxy` does. */
export const hasProxy = (environment: NodeJS.ProcessEnv = process.env): boolean =>
  ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy'].some(name => environment[name])
