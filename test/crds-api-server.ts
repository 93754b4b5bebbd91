// Plain calls to the API server of the test cluster: what was asked and what it said, also when it refused.
import { KubeConfig } from '@kubernetes/client-node'
import { Agent, request } from 'undici'

type Json = Record<string, unknown>

export interface Said {
  readonly code: number
  readonly body: Json
  /** the sentence of a refusal; empty when it was accepted */
  readonly message: string
}

export interface Call {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly body?: unknown
  readonly query?: Record<string, string>
  readonly type?: string
  readonly accept?: string
}

export interface ApiServer {
  call(path: string, call?: Call): Promise<Said>
  /** server-side apply, forced, strict; only a try with `isDry` */
  apply(object: Json, path: string, isDry?: boolean): Promise<Said>
  close(): Promise<void>
}

export const connect = async (kubeconfig: string): Promise<ApiServer> => {
  const config = new KubeConfig()
  config.loadFromFile(kubeconfig)
  const options: Json = {}
  await config.applyToHTTPSOptions(options)
  const { ca, cert, key, headers } = options as { ca?: Buffer; cert?: Buffer; key?: Buffer; headers?: Json }
  const dispatcher = new Agent({ connect: { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) } })
  const server = config.getCurrentCluster()?.server ?? ''

  const call = async (
    path: string,
    { method = 'GET', body, query = {}, type, accept }: Call = {},
  ): Promise<Said> => {
    const reply = await request(`${server}${path}?${new URLSearchParams(query)}`, {
      method,
      dispatcher,
      headers: {
        ...(headers as Record<string, string>),
        accept: accept ?? 'application/json',
        'content-type': type ?? 'application/json',
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const said = (await reply.body.json()) as Json
    const code = reply.statusCode
    return { code, body: said, message: code < 300 ? '' : String(said['message']) }
  }

  const apply = (object: Json, path: string, isDry = false): Promise<Said> =>
    call(`${path}/${(object['metadata'] as Json)['name']}`, {
      method: 'PATCH',
      body: object,
      type: 'application/apply-patch+yaml',
      query: {
        fieldManager: 'crds-test',
        force: 'true',
        fieldValidation: 'Strict',
        ...(isDry && { dryRun: 'All' }),
      },
    })

  return { call, apply, close: () => dispatcher.close() }
}

const plurals: Record<string, string> = {
  NetworkPolicy: 'networkpolicies',
  HorizontalPodAutoscaler: 'horizontalpodautoscalers',
}
const clusterWide = ['CustomResourceDefinition', 'ClusterRole', 'ClusterRoleBinding', 'Namespace']

/** Where objects of this apiVersion and kind are listed. */
export const pathOf = (object: Json, namespace: string): string => {
  const { apiVersion, kind } = object as { apiVersion: string; kind: string }
  const prefix = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  const plural = plurals[kind] ?? `${kind.toLowerCase()}s`
  return clusterWide.includes(kind) ? `${prefix}/${plural}` : `${prefix}/namespaces/${namespace}/${plural}`
}
