// A WorkOrder and the operator's settings as a Job: pure, golden files in test/platform/kubernetes/golden/.
import type { WorkOrder } from '../../domain/platform.ts'
import { ownerKind, type WorkerTask, withSecretFiles } from '../../domain/worker-task.ts'
import { renderPlacement, renderSecurity } from './job-where-render.ts'
import { parseVolumeAccess, type VolumeAccess } from './volume-access.ts'
import { printIdentity, toJobName, toWorkLabels, workAnnotation, workerContainer } from './work-identity.ts'
import type { WorkerSettings } from './worker-settings.ts'

type Json = Record<string, unknown>

const resultFile = '/dev/termination-log'
const tokenFolder = '/var/run/switchyard/token'
const caFolder = '/etc/switchyard/ca'

export interface RenderedJob extends Json {
  readonly metadata: Json & { readonly name: string; readonly namespace: string }
}

export const renderJob = (order: WorkOrder, settings: WorkerSettings): RenderedJob => {
  const access = order.volume ? parseVolumeAccess(order.volume.access) : undefined
  const overlays = [settings.overlay, order.runtime?.spec.worker]
  const labels = { ...merged(overlays.map(overlay => overlay?.labels)), ...toWorkLabels(order) }
  const annotations = merged(overlays.map(overlay => overlay?.annotations))
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: toJobName(order.id),
      namespace: order.owner.namespace,
      labels,
      annotations: { [workAnnotation]: printIdentity(order) },
      ownerReferences: [ownerReference(order)],
    },
    // Attempts are counted by the controller, and an ended Job stays until its result stands in status: no retry, no TTL.
    spec: {
      backoffLimit: 0,
      template: {
        metadata: { labels, ...(Object.keys(annotations).length > 0 ? { annotations } : {}) },
        spec: renderPod(order, settings, access),
      },
    },
  }
}

// blockOwnerDeletion stays unset: it would need a right on its owner's finalizers.
const ownerReference = ({ owner, command }: WorkOrder): Json => ({
  apiVersion: 'switchyard.dev/v1alpha1',
  kind: ownerKind(command),
  name: owner.name,
  uid: owner.uid,
  controller: true,
})

const renderPod = (order: WorkOrder, settings: WorkerSettings, access: VolumeAccess | undefined): Json => {
  const worker = order.runtime?.spec.worker
  const pullSecrets = worker?.imagePullSecrets ?? settings.overlay?.imagePullSecrets
  const priority = worker?.priorityClassName ?? settings.overlay?.priorityClassName
  return {
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 30,
    ...(settings.dnsPolicy ? { dnsPolicy: settings.dnsPolicy } : {}),
    ...(pullSecrets ? { imagePullSecrets: pullSecrets } : {}),
    ...(priority ? { priorityClassName: priority } : {}),
    securityContext: renderSecurity(access, [settings.overlay?.securityContext, worker?.securityContext]),
    ...renderPlacement(access, access ? order.runtime?.spec.placement : settings.placement),
    containers: [renderContainer(order, settings, access)],
    volumes: renderVolumes(order, settings),
  }
}

const renderContainer = (
  order: WorkOrder,
  settings: WorkerSettings,
  access: VolumeAccess | undefined,
): Json => ({
  name: workerContainer,
  image: settings.image,
  ...(settings.imagePullPolicy ? { imagePullPolicy: settings.imagePullPolicy } : {}),
  args: ['worker', 'run', '--task', JSON.stringify(withTokenFile(order)), '--result-file', resultFile],
  env: renderEnv(settings),
  resources: renderResources(settings.overlay?.resources, order.runtime?.spec.worker?.resources),
  securityContext: {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    readOnlyRootFilesystem: true,
  },
  terminationMessagePath: resultFile,
  terminationMessagePolicy: 'File',
  volumeMounts: renderMounts(order, settings, access),
})

/** Where a token stands is the platform's to say. */
const withTokenFile = ({ task, tokenSecret, mirrorSecrets = [] }: WorkOrder): WorkerTask =>
  withSecretFiles(task, {
    ...(tokenSecret ? { own: `${tokenFolder}/token` } : {}),
    mirrors: mirrorSecrets.map(({ mirror }) => ({ mirror, file: `${mirrorFolder(mirror)}/token` })),
  })

const mirrorFolder = (mirror: number): string => `${tokenFolder}-of-mirror-${mirror}`

const renderEnv = (settings: WorkerSettings): Json[] => {
  const ca = settings.caConfigMap ? { NODE_EXTRA_CA_CERTS: `${caFolder}/${settings.caConfigMap.key}` } : {}
  const env: Record<string, string> = { HOME: '/tmp', ...settings.env, ...ca }
  return Object.keys(env)
    .sort()
    .map(name => ({ name, value: env[name] }))
}

const smallRequests = { cpu: '100m', memory: '128Mi' }
const plain = ['cpu', 'memory', 'ephemeral-storage']

/** Only what a process needs: an extended resource (a GPU) or a device claim is never asked for, whatever an overlay says. */
const renderResources = (...overlays: readonly (Json | undefined)[]): Json => {
  const part = (name: string) =>
    Object.fromEntries(
      Object.entries(merged(overlays.map(overlay => overlay?.[name] as Json | undefined))).filter(([key]) =>
        plain.includes(key),
      ),
    )
  const limits = part('limits')
  // A resource with a limit gets its request from the API server, which refuses a request above it.
  const small = Object.entries(smallRequests).filter(([name]) => limits[name] === undefined)
  return {
    requests: { ...Object.fromEntries(small), ...part('requests') },
    ...(Object.keys(limits).length > 0 ? { limits } : {}),
  }
}

const renderMounts = (
  order: WorkOrder,
  settings: WorkerSettings,
  access: VolumeAccess | undefined,
): Json[] => [
  ...(access?.mountPath === '/tmp' ? [] : [{ name: 'tmp', mountPath: '/tmp' }]),
  ...(access
    ? [
        {
          name: 'models',
          mountPath: access.mountPath,
          ...(access.subPath ? { subPath: access.subPath } : {}),
        },
      ]
    : []),
  ...(order.tokenSecret ? [{ name: 'token', mountPath: tokenFolder, readOnly: true }] : []),
  ...(order.mirrorSecrets ?? []).map(({ mirror }) => ({
    name: `token-of-mirror-${mirror}`,
    mountPath: mirrorFolder(mirror),
    readOnly: true,
  })),
  ...(settings.caConfigMap ? [{ name: 'ca', mountPath: caFolder, readOnly: true }] : []),
]

const renderSecret = (name: string, secret: { readonly name: string }, items: readonly Json[]): Json => ({
  name,
  secret: { secretName: secret.name, optional: true, defaultMode: 0o444, items },
})

// 0444: the files are for this pod alone, whose group is not always known. Optional: a missing Secret is the worker's to report.
const renderVolumes = (
  { command, volume, tokenSecret, mirrorSecrets = [] }: WorkOrder,
  { caConfigMap }: WorkerSettings,
): Json[] => [
  { name: 'tmp', emptyDir: {} },
  ...(volume ? [{ name: 'models', persistentVolumeClaim: { claimName: volume.claim } }] : []),
  ...(tokenSecret
    ? [
        renderSecret('token', tokenSecret, [
          { key: tokenSecret.key, path: 'token' },
          ...(command === 'ask' || tokenSecret.key === 'endpoint'
            ? []
            : [{ key: 'endpoint', path: 'endpoint' }]),
        ]),
      ]
    : []),
  ...mirrorSecrets.map(secret =>
    renderSecret(`token-of-mirror-${secret.mirror}`, secret, [{ key: secret.key, path: 'token' }]),
  ),
  ...(caConfigMap ? [{ name: 'ca', configMap: { name: caConfigMap.name } }] : []),
]

const merged = <V>(layers: readonly (Readonly<Record<string, V>> | undefined)[]): Record<string, V> =>
  Object.assign({}, ...layers)
