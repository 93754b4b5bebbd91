// The objects of stories: claims, Deployments of engines as people write them, Models and Runtimes.
import type { KubeObject } from './town.ts'

export const namespaceOf = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name },
})

export const claim = (namespace: string, name: string, storage = '1Gi'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace },
  spec: {
    accessModes: ['ReadWriteOnce'],
    storageClassName: 'standard',
    resources: { requests: { storage } },
  },
})

export const service = (namespace: string, name: string, port: number): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace },
  spec: { selector: { app: name }, ports: [{ name: 'http', port, targetPort: port }] },
})

const restricted = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } }
const podUser = {
  runAsNonRoot: true,
  runAsUser: 1000,
  runAsGroup: 1000,
  fsGroup: 1000,
  seccompProfile: { type: 'RuntimeDefault' },
}

export type EngineWish = {
  readonly namespace: string
  readonly name: string
  readonly image: string
  readonly claim: string
  readonly port: number
  readonly command?: readonly string[]
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly configMap?: string
  readonly gpus?: number
  /** default 1 */
  readonly replicas?: number
  readonly strategy?: object
}

export const podSpec = (wish: EngineWish) => ({
  dnsPolicy: 'Default',
  enableServiceLinks: false,
  terminationGracePeriodSeconds: 5,
  securityContext: podUser,
  containers: [
    {
      name: 'engine',
      image: wish.image,
      imagePullPolicy: 'Never',
      ...(wish.command ? { command: wish.command } : {}),
      ...(wish.args ? { args: wish.args } : {}),
      env: Object.entries({ HOME: '/tmp', ...wish.env }).map(([name, value]) => ({ name, value })),
      ports: [{ name: 'http', containerPort: wish.port }],
      readinessProbe: {
        httpGet: { path: wish.port === 11434 ? '/api/version' : '/health', port: wish.port },
        periodSeconds: 1,
      },
      resources: wish.gpus ? { limits: { 'nvidia.com/gpu': wish.gpus } } : {},
      securityContext: restricted,
      volumeMounts: [
        { name: 'models', mountPath: '/models' },
        ...(wish.configMap ? [{ name: 'config', mountPath: '/etc/vllm' }] : []),
      ],
    },
  ],
  volumes: [
    { name: 'models', persistentVolumeClaim: { claimName: wish.claim } },
    ...(wish.configMap ? [{ name: 'config', configMap: { name: wish.configMap, optional: true } }] : []),
  ],
})

export const deployment = (wish: EngineWish): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: wish.name, namespace: wish.namespace },
  spec: {
    replicas: wish.replicas ?? 1,
    ...(wish.strategy ? { strategy: wish.strategy } : {}),
    selector: { matchLabels: { app: wish.name } },
    template: { metadata: { labels: { app: wish.name } }, spec: podSpec(wish) },
  },
})

export const configMap = (namespace: string, name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace },
})

const group = 'switchyard.dev/v1alpha1'

export const model = (namespace: string, name: string, spec: object): KubeObject => ({
  apiVersion: group,
  kind: 'Model',
  metadata: { name, namespace },
  spec,
})

export const hubModel = (namespace: string, name: string, more: object = {}): KubeObject =>
  model(namespace, name, { source: { huggingFace: { repo: `tiny/${name}` } }, ...more })

export const ollamaModel = (namespace: string, name: string, more: object = {}): KubeObject =>
  model(namespace, `${name}-ollama`, { source: { ollama: { name } }, ...more })

export const runtime = (namespace: string, name: string, spec: object): KubeObject => ({
  apiVersion: group,
  kind: 'Runtime',
  metadata: { name, namespace },
  spec,
})

/** Deployment without a pod, its claim and a Runtime that wants nothing: a volume to download to, at no cost. */
export const volumeOnly = (
  wish: Pick<EngineWish, 'namespace' | 'name' | 'image'> & Partial<EngineWish>,
  spec: object = {},
): KubeObject[] => {
  const { namespace, name } = wish
  const engine = { claim: name, port: 8000, command: ['vllm', 'serve'], replicas: 0, ...wish }
  return [
    claim(namespace, name),
    deployment(engine),
    runtime(namespace, name, { engine: 'VLLM', kubernetes: { deploymentName: name }, ...spec }),
  ]
}
