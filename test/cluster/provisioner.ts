// Gives claims of the StorageClass `standard` a folder on the node that the scheduler picked, as a local volume.
import { chmodSync, mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { ApiClient } from './api-client.ts'
import type { Instance } from './instance.ts'
import { foldersOf } from './node-settings.ts'

export const provisionerName = 'switchyard.dev/test-folders'
const selectedNode = 'volume.kubernetes.io/selected-node'

type Meta = { name: string; namespace: string; uid: string; annotations?: Record<string, string> }
type Claim = {
  metadata: Meta
  spec: {
    storageClassName?: string
    volumeName?: string
    accessModes: string[]
    resources: { requests: { storage: string } }
  }
}
type Volume = {
  metadata: Meta
  spec: { local?: { path: string } }
  status?: { phase?: string }
}
type List<T> = { items: T[] }

export type Provisioner = { stop(): Promise<void> }

export async function startProvisioner(api: ApiClient, instance: Instance): Promise<Provisioner> {
  await api.request('POST', '/apis/storage.k8s.io/v1/storageclasses', {
    metadata: { name: 'standard', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: provisionerName,
    volumeBindingMode: 'WaitForFirstConsumer',
    reclaimPolicy: 'Delete',
  })
  const stopping = new AbortController()
  const loops = ['persistentvolumeclaims', 'persistentvolumes'].map(kind =>
    follow(api, instance, { kind, stopping }),
  )
  return {
    stop: async () => {
      stopping.abort()
      await Promise.all(loops)
    },
  }
}

type Loop = { readonly kind: string; readonly stopping: AbortController }

/** Every event is only a reason to look at all claims and volumes again: passes may repeat, creates may meet a 409. */
async function follow(api: ApiClient, instance: Instance, { kind, stopping }: Loop): Promise<void> {
  while (!stopping.signal.aborted) {
    try {
      for await (const _event of api.watch(`/api/v1/${kind}`, stopping.signal)) await pass(api, instance)
    } catch {
      if (!stopping.signal.aborted) await new Promise(next => setTimeout(next, 200))
    }
  }
}

async function pass(api: ApiClient, instance: Instance): Promise<void> {
  const claims = (await api.request('GET', '/api/v1/persistentvolumeclaims')) as List<Claim>
  for (const claim of claims.items.filter(needsVolume)) await provide(api, instance, claim)
  const volumes = (await api.request('GET', '/api/v1/persistentvolumes')) as List<Volume>
  for (const volume of volumes.items.filter(isReleased)) {
    rmSync(volume.spec.local!.path, { recursive: true, force: true })
    await api.request('DELETE', `/api/v1/persistentvolumes/${volume.metadata.name}`)
  }
}

const needsVolume = ({ spec, metadata }: Claim) =>
  spec.storageClassName === 'standard' &&
  !spec.volumeName &&
  metadata.annotations?.[selectedNode] !== undefined

const isReleased = ({ metadata, spec, status }: Volume) =>
  status?.phase === 'Released' &&
  spec.local !== undefined &&
  metadata.annotations?.['pv.kubernetes.io/provisioned-by'] === provisionerName

async function provide(api: ApiClient, instance: Instance, claim: Claim): Promise<void> {
  const { name, namespace, uid, annotations } = claim.metadata
  const node = annotations?.[selectedNode] ?? ''
  const path = join(foldersOf(instance, node).volumes, `${namespace}_${name}_${uid}`)
  mkdirSync(path, { recursive: true })
  chmodSync(path, 0o777)
  const affinity = { key: 'kubernetes.io/hostname', operator: 'In', values: [node] }
  await api.request('POST', '/api/v1/persistentvolumes', {
    metadata: { name: `pvc-${uid}`, annotations: { 'pv.kubernetes.io/provisioned-by': provisionerName } },
    spec: {
      capacity: { storage: claim.spec.resources.requests.storage },
      accessModes: claim.spec.accessModes,
      persistentVolumeReclaimPolicy: 'Delete',
      storageClassName: 'standard',
      claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', name, namespace, uid },
      local: { path },
      nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [affinity] }] } },
    },
  })
}
