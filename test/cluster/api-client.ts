// A small client of the API server for the harness itself: requests with a kubeconfig's certificate, and watches.
import { readFileSync } from 'node:fs'
import { Agent, fetch } from 'undici'
import { parse } from 'yaml'

export type ApiClient = {
  readonly server: string
  /** The answer's status code, whatever it is. */
  status(path: string): Promise<number>
  /** The answer's JSON; throws on every status from 400 on but 404 and 409, which give undefined. */
  request(method: string, path: string, body?: unknown): Promise<unknown>
  /** One element per watch event until the server ends the watch or the signal is given. */
  watch(path: string, signal: AbortSignal): AsyncGenerator<void>
  close(): Promise<void>
}

type Kubeconfig = {
  clusters: { cluster: { server: string; 'certificate-authority-data': string } }[]
  users: { user: { 'client-certificate-data': string; 'client-key-data': string } }[]
}

/** Reads the kind of kubeconfig that the harness writes: one cluster, one user with a certificate. */
export function openApi(kubeconfigPath: string): ApiClient {
  const config = parse(readFileSync(kubeconfigPath, 'utf8')) as Kubeconfig
  const { cluster } = config.clusters[0]!
  const { user } = config.users[0]!
  const decode = (text: string) => Buffer.from(text, 'base64').toString()
  const dispatcher = new Agent({
    bodyTimeout: 0,
    connect: {
      ca: decode(cluster['certificate-authority-data']),
      cert: decode(user['client-certificate-data']),
      key: decode(user['client-key-data']),
    },
  })
  const server = cluster.server
  return {
    server,
    status: async path => {
      const answer = await fetch(server + path, { dispatcher })
      await answer.text()
      return answer.status
    },
    request: (method, path, body) => send(dispatcher, server + path, { method, body }),
    watch: (path, signal) => watchLines(dispatcher, server + path, signal),
    close: () => dispatcher.destroy(),
  }
}

async function send(dispatcher: Agent, url: string, { method, body }: { method: string; body?: unknown }) {
  const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'
  const sent = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': type } }
  const answer = await fetch(url, { method, dispatcher, ...sent })
  const text = await answer.text()
  if (answer.status === 404 || answer.status === 409) return undefined
  if (!answer.ok) throw new Error(`${method} ${url}: ${answer.status} ${text.slice(0, 300)}`)
  return JSON.parse(text) as unknown
}

async function* watchLines(dispatcher: Agent, url: string, signal: AbortSignal): AsyncGenerator<void> {
  const answer = await fetch(`${url}?watch=true`, { dispatcher, signal })
  if (!answer.ok || !answer.body) throw new Error(`watch ${url}: ${answer.status}`)
  for await (const _chunk of answer.body) yield
}
