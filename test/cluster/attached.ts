// What a test does with a running cluster. It needs only plain data, so any process of the test run can have it.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { type ApiClient, openApi } from './api-client.ts'
import { awaitNode, importInto, killNode, type NodeWorld, startEngine, startKubelet } from './cluster-node.ts'

export type ClusterData = NodeWorld & {
  readonly kubeconfigPath: string
  readonly auditLogPath: string
}

/** One line of the audit log, the parts that tests ask about. */
export type AuditEvent = {
  readonly verb: string
  readonly requestURI: string
  readonly user: { readonly username: string; readonly groups?: readonly string[] }
  readonly userAgent?: string
  readonly objectRef?: {
    readonly resource?: string
    readonly subresource?: string
    readonly namespace?: string
    readonly name?: string
    readonly apiGroup?: string
  }
  readonly responseStatus?: { readonly code?: number }
  readonly requestReceivedTimestamp: string
  readonly stageTimestamp: string
}

export type AttachedCluster = {
  readonly kubeconfigPath: string
  readonly server: string
  /** The host's address that pods can reach: stand-ins bind it. */
  readonly bridgeAddress: string
  readonly nodes: readonly { readonly name: string; readonly gpus: number }[]
  readonly stateDir: string
  readonly auditLogPath: string
  kubectl(args: readonly string[], options?: { input?: string }): Promise<string>
  helm(args: readonly string[]): Promise<string>
  /** Into one node, or into all. */
  importImage(tarPath: string, node?: string): Promise<void>
  /** Every audited request so far, oldest first. */
  auditEvents(): AuditEvent[]
  /** Where the bytes of a bound claim lie on this machine. */
  volumePath(namespace: string, claim: string): Promise<string>
  /** Ends the node at once, as a power cut would. */
  killNode(name: string): Promise<void>
  /** Starts a killed node again. From a test worker it lives no longer than the cluster, whatever ends the worker. */
  startNode(name: string): Promise<void>
}

export function attachCluster(data: ClusterData): AttachedCluster {
  const { instance, kubeconfigPath, bin } = data
  const env = { ...process.env, KUBECONFIG: kubeconfigPath, ...helmFolders(instance.stateDir) }
  const run = async (program: string, args: readonly string[], input?: string) =>
    (await execa(join(bin, program), args, input === undefined ? { env, stdin: 'ignore' } : { env, input }))
      .stdout
  return {
    kubeconfigPath,
    server: `https://127.0.0.1:${instance.ports.api}`,
    bridgeAddress: instance.hostAddress,
    nodes: data.nodes.map(({ name, gpus }) => ({ name, gpus })),
    stateDir: instance.stateDir,
    auditLogPath: data.auditLogPath,
    kubectl: (args, options = {}) => run('kubectl', args, options.input),
    helm: args => run('helm', args),
    importImage: async (tar, node) => {
      const names = data.nodes.map(each => each.name).filter(name => node === undefined || name === node)
      await Promise.all(names.map(name => importInto(data, name, tar)))
    },
    auditEvents: () => readAudit(data.auditLogPath),
    volumePath: (namespace, claim) => withApi(data, api => findVolumePath(api, namespace, claim)),
    killNode: name => killNode(data, name),
    startNode: name => withApi(data, api => restartNode(data, name, api)),
  }
}

const helmFolders = (stateDir: string) => ({
  HELM_CACHE_HOME: join(stateDir, 'helm/cache'),
  HELM_CONFIG_HOME: join(stateDir, 'helm/config'),
  HELM_DATA_HOME: join(stateDir, 'helm/data'),
})

async function withApi<T>(data: ClusterData, work: (api: ApiClient) => Promise<T>): Promise<T> {
  const api = openApi(join(data.instance.stateDir, 'harness.kubeconfig'))
  try {
    return await work(api)
  } finally {
    await api.close()
  }
}

/** The last line may be half written. */
function readAudit(path: string): AuditEvent[] {
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1)
  return lines.map(line => JSON.parse(line) as AuditEvent)
}

async function findVolumePath(api: ApiClient, namespace: string, claim: string): Promise<string> {
  const claimPath = `/api/v1/namespaces/${namespace}/persistentvolumeclaims/${claim}`
  const found = (await api.request('GET', claimPath)) as { spec: { volumeName?: string } } | undefined
  if (!found?.spec.volumeName)
    throw new Error(`claim ${namespace}/${claim} is ${found ? 'not bound' : 'not there'}`)
  const volumePath = `/api/v1/persistentvolumes/${found.spec.volumeName}`
  const volume = (await api.request('GET', volumePath)) as { spec: { local?: { path: string } } }
  if (!volume.spec.local) throw new Error(`claim ${namespace}/${claim} is not on a folder of this machine`)
  return volume.spec.local.path
}

async function restartNode(data: ClusterData, name: string, api: ApiClient): Promise<void> {
  const node = data.nodes.find(each => each.name === name)
  if (!node) throw new Error(`the cluster has no node ${name}`)
  await startEngine(data, node, false)
  startKubelet(data, node)
  await awaitNode(api, node)
}
