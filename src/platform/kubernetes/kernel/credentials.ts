// What a kubeconfig says about reaching the server: headers and TLS, kept half a minute, read anew after a 401.
import { KubeConfig } from '@kubernetes/client-node'

type ApplyContext = Parameters<KubeConfig['applySecurityAuthentication']>[0]
export type Connection = ReturnType<KubeConfig['createDispatcherOptions']>

export interface Credentials {
  readonly headers: Readonly<Record<string, string>>
  readonly connection: Connection
  /** Equal texts mean that the same Agent may be used. */
  readonly fingerprint: string
}

export interface CredentialSource {
  /** scheme, host and port */
  readonly origin: string
  /** the path before `/api`, without a slash at its end; mostly empty */
  readonly prefix: string
  current(): Promise<Credentials>
  /** After a 401: nothing that was cached counts, unless somebody refreshed after `refused` was handed out. */
  refresh(refused: Credentials): Promise<Credentials>
}

const KEEP_MS = 30_000
const LONGEST_READING_MS = 15_000

export function createCredentialSource(kubeConfig: KubeConfig): CredentialSource {
  const cluster = kubeConfig.getCurrentCluster()
  if (cluster === null) throw new TypeError('the kubeconfig names no current cluster')
  const url = new URL(cluster.server)
  let config = kubeConfig
  let cached: Promise<Credentials> | undefined
  let readAt = 0
  const read = (): Promise<Credentials> => {
    const reading = withinLimit(readCredentials(config))
    cached = reading
    readAt = performance.now()
    reading.catch(() => {
      if (cached === reading) cached = undefined
    })
    return reading
  }
  const current = (): Promise<Credentials> =>
    cached !== undefined && performance.now() - readAt < KEEP_MS ? cached : read()
  const refresh = async (refused: Credentials): Promise<Credentials> => {
    const asked = current()
    const now = await asked
    if (!isSame(now, refused)) return now
    // Somebody else who was refused began the reading while this one waited.
    if (cached !== undefined && cached !== asked) return cached
    config = withoutCaches(kubeConfig)
    return read()
  }
  return { origin: url.origin, prefix: url.pathname.replace(/\/+$/, ''), current, refresh }
}

const isSame = (one: Credentials, other: Credentials): boolean =>
  one === other ||
  (one.fingerprint === other.fingerprint && JSON.stringify(one.headers) === JSON.stringify(other.headers))

/** client-node keeps tokens of files and of exec plugins inside the KubeConfig; a copy starts empty. */
function withoutCaches(kubeConfig: KubeConfig): KubeConfig {
  const copy = new KubeConfig()
  copy.clusters = kubeConfig.clusters
  copy.users = kubeConfig.users
  copy.contexts = kubeConfig.contexts
  copy.currentContext = kubeConfig.currentContext
  return copy
}

/** An exec plugin that waits for a person must not hold every request. */
async function withinLimit(reading: Promise<Credentials>): Promise<Credentials> {
  const late = Promise.withResolvers<never>()
  const text = `the credentials of the kubeconfig could not be read within ${LONGEST_READING_MS} ms`
  const timer = setTimeout(() => late.reject(new Error(text)), LONGEST_READING_MS)
  return Promise.race([reading, late.promise]).finally(() => clearTimeout(timer))
}

/** client-node makes an Agent per call; this lets it only say which options that Agent would have had. */
async function readCredentials(config: KubeConfig): Promise<Credentials> {
  const headers: Record<string, string> = {}
  let connection: Connection = { type: 'none' }
  const listening: KubeConfig = Object.create(config)
  listening.createDispatcherOptions = (cluster, options) => {
    connection = config.createDispatcherOptions(cluster, options)
    return { type: 'none' }
  }
  const context = {
    setHeaderParam(name: string, value: string) {
      headers[name.toLowerCase()] = value
    },
    setDispatcher() {},
  }
  await listening.applySecurityAuthentication(context as unknown as ApplyContext)
  return { headers, connection, fingerprint: fingerprintOf(connection) }
}

function fingerprintOf(connection: Connection): string {
  return JSON.stringify(connection, (_key, value: unknown) =>
    value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value,
  )
}
