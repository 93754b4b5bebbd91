// A cluster as the commands see it: loaded only when one is spoken to.
import { KubeConfig } from '@kubernetes/client-node'
import { type Client, Refusal } from '../cli/client.ts'
import { createClusterClient } from '../cli/cluster-client.ts'
import { Client as ApiClient } from '../platform/kubernetes/kernel/client.ts'
import { DEPLOYMENT, EVENT, MODEL, POD, RUNTIME } from '../platform/kubernetes/kernel/resources.ts'
import { Transport } from '../platform/kubernetes/kernel/transport.ts'

export interface ClusterChoice {
  readonly context: string | undefined
  /** absent: as kubectl looks for it */
  readonly file: string | undefined
}

const readConfig = ({ context, file }: ClusterChoice): KubeConfig => {
  const config = new KubeConfig()
  try {
    // KUBECONFIG may name several files.
    if (file === undefined || file.includes(':')) config.loadFromDefault()
    else config.loadFromFile(file)
  } catch (error) {
    throw new Refusal(`the kubeconfig cannot be read: ${(error as Error).message}`)
  }
  if (context !== undefined && !config.getContextObject(context)) {
    const names = config.getContexts().map(({ name }) => name)
    throw new Refusal(`the kubeconfig has no context ${context}; it has ${names.join(', ') || 'none'}`)
  }
  if (context !== undefined) config.setCurrentContext(context)
  if (!config.getCurrentCluster())
    throw new Refusal('the kubeconfig names no cluster: choose one with --context')
  return config
}

export const openCluster = async (choice: ClusterChoice): Promise<Client> => {
  const config = readConfig(choice)
  const transport = new Transport(config, { userAgent: 'switchyard-cli' })
  const context = config.getContextObject(config.getCurrentContext())
  return createClusterClient({
    calls: new ApiClient(transport, { fieldValidation: 'Strict' }),
    resources: { Model: MODEL, Runtime: RUNTIME, event: EVENT, deployment: DEPLOYMENT, pod: POD },
    place: `cluster ${config.getCurrentContext()}`,
    namespace: context?.namespace ?? 'default',
    close: () => transport.close(),
  })
}
