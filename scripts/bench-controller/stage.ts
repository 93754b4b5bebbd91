// Where the controller is measured: a real API server with the product's CRDs and rights, no nodes, and the operator's own account.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node'
import { Client } from '../../src/platform/kubernetes/kernel/client.ts'
import { Transport } from '../../src/platform/kubernetes/kernel/transport.ts'
import { type ApiClient, openApi } from '../../test/cluster/api-client.ts'
import { type Cluster, startCluster } from '../../test/cluster/cluster.ts'
import type { Say } from '../bench/place.ts'

const chart = new URL('../../charts/switchyard', import.meta.url).pathname
export const system = 'switchyard-system'

export interface Stage {
  readonly cluster: Cluster
  /** as administrator */
  readonly api: ApiClient
  /** the product's own client, as administrator: for what plays the rest of the cluster */
  readonly admin: Client
  readonly say: Say
  /** Models that stand there since a part filled it */
  settled: number
  /** A kubeconfig with the operator's token, for the API server or for what stands before it. */
  kubeconfigFor(server: string): string
  close(): Promise<void>
}

export async function openStage(say: Say): Promise<Stage> {
  const cluster = await startCluster({ nodes: [] })
  try {
    const sets = ['replicas=0', 'image.repository=localhost/none']
    const flags = sets.flatMap(each => ['--set', each])
    await cluster.helm(['install', 'switchyard', chart, '-n', system, '--create-namespace', ...flags])
    const token = await cluster.kubectl(['create', 'token', 'switchyard', '-n', system, '--duration=24h'])
    const api = openApi(cluster.kubeconfigPath)
    const transport = new Transport(configFrom(cluster.kubeconfigPath), { connections: 32 })
    say('a control plane without nodes runs; CRDs and rights are installed')
    return {
      ...{ cluster, api, say, settled: 0, admin: new Client(transport) },
      kubeconfigFor: server => writeKubeconfig(cluster, server, token.trim()),
      close: async () => {
        await Promise.all([api.close(), transport.close()])
        await cluster.stop()
      },
    }
  } catch (error) {
    await cluster.stop()
    throw error
  }
}

function configFrom(path: string): KubeConfig {
  const config = new KubeConfig()
  config.loadFromFile(path)
  return config
}

const keyFolder = (cluster: Cluster): string => join(cluster.stateDir, 'pki')

/** What a server of ours shows, so that who trusts the API server trusts it. */
export const serverKeys = (cluster: Cluster) => ({
  key: readFileSync(join(keyFolder(cluster), 'apiserver.key')),
  cert: readFileSync(join(keyFolder(cluster), 'apiserver.crt')),
  ca: readFileSync(join(keyFolder(cluster), 'ca.crt')),
})

function writeKubeconfig(cluster: Cluster, server: string, token: string): string {
  const ca = serverKeys(cluster).ca.toString('base64')
  const file = join(cluster.stateDir, `operator-${new URL(server).port}.kubeconfig`)
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'test', cluster: { server, 'certificate-authority-data': ca } }],
    users: [{ name: 'operator', user: { token } }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'operator' } }],
    'current-context': 'test',
  }
  writeFileSync(file, JSON.stringify(config), { mode: 0o600 })
  return file
}

/** Each item once, so many at the same time, in order. */
export async function eachOf<T>(
  items: readonly T[],
  atOnce: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) await work(item)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}
