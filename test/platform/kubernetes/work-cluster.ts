// A namespace of the real cluster with our CRDs, the kernel, caches, store and work on it, and an image that plays the worker.
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { KubeConfig } from '@kubernetes/client-node'
import { nodeLayer } from '../../../scripts/image.ts'
import type { Model } from '../../../src/domain/object.ts'
import { Client } from '../../../src/platform/kubernetes/kernel/client.ts'
import { Freshness } from '../../../src/platform/kubernetes/kernel/freshness.ts'
import { CONFIG_MAP, NAMESPACE } from '../../../src/platform/kubernetes/kernel/resources.ts'
import { Transport } from '../../../src/platform/kubernetes/kernel/transport.ts'
import { createCaches } from '../../../src/platform/kubernetes/kubernetes-caches.ts'
import { KubernetesStore } from '../../../src/platform/kubernetes/kubernetes-store.ts'
import { KubernetesWork } from '../../../src/platform/kubernetes/kubernetes-work.ts'
import type { WorkerSettings } from '../../../src/platform/kubernetes/worker-settings.ts'
import type { AttachedCluster } from '../../cluster/attached.ts'
import { buildImage } from '../../cluster/image.ts'
import { seen as seenBy } from '../../contracts/eventually.ts'
import { recordWakes } from '../../contracts/store-contract.ts'

export const workerImage = 'localhost/scripted-worker:test'

const root = join(import.meta.dirname, '../../..')
const crds = ['models', 'runtimes'].map(name => join(root, 'crds', `${name}.yaml`))

export const importWorkerImage = async (cluster: AttachedCluster): Promise<void> => {
  const script = join(import.meta.dirname, 'scripted-worker.mjs')
  const image = {
    name: workerImage,
    layers: [await nodeLayer(), { '/app/worker.mjs': { from: script, mode: 0o644 } }],
    entrypoint: ['/usr/bin/node', '/app/worker.mjs'],
    user: '65532:65532',
  }
  await cluster.importImage(await buildImage(image, join(tmpdir(), 'switchyard-scripted-worker.tar')))
}

/** Returns what takes away those that were not there before. */
export const ensureCrds = async (cluster: AttachedCluster): Promise<() => Promise<void>> => {
  const before = await cluster.kubectl(['get', 'crd', '-o', 'name'])
  const isThere = before.includes('models.switchyard.dev')
  if (!isThere) await cluster.kubectl(['create', ...crds.flatMap(file => ['-f', file])])
  await cluster.kubectl(['wait', '--for=condition=Established', ...crds.flatMap(file => ['-f', file])])
  return async () => {
    if (!isThere) await cluster.kubectl(['delete', ...crds.flatMap(file => ['-f', file])])
  }
}

export const settings: WorkerSettings = {
  image: workerImage,
  imagePullPolicy: 'Never',
  dnsPolicy: 'Default',
}

export const openWorld = async (
  kubeconfig: string,
  namespace: string,
  more: Partial<WorkerSettings> = {},
) => {
  const config = new KubeConfig()
  config.loadFromString(readFileSync(kubeconfig, 'utf8'))
  const transport = new Transport(config)
  const client = new Client(transport, { fieldValidation: 'Strict' })
  const caches = createCaches(client, { namespace, isFrozen: true })
  const freshness = new Freshness()
  const store = new KubernetesStore({ client, caches, freshness })
  const work = new KubernetesWork({
    client,
    caches,
    freshness,
    settings: { ...settings, ...more },
    eventsAfterMs: 500,
  })
  const keys: string[] = []
  work.watch(key => keys.push(key))
  const wakes = recordWakes(store)
  caches.start()
  await caches.synced()
  const close = async () => {
    work.stop()
    await caches.stop()
    await transport.close()
  }
  return { client, caches, freshness, store, work, keys, wakes, close }
}

export type World = Awaited<ReturnType<typeof openWorld>>

export const aClaim = (name: string, storage = '10Mi') => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name },
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
})

export const pass = (): Promise<void> => sleep(50)

export const seen = <T>(what: string, ask: () => T | undefined | false): Promise<T> => seenBy(pass, what, ask)

/** A namespace that is being deleted and stays so, because something in it is held, until `end`. */
export const openTerminating = async (client: Client, namespace: string) => {
  const name = 'stays'
  const fieldManager = 'person'
  const space: { metadata: { name: string; namespace?: string } } = { metadata: { name: namespace } }
  const held = { metadata: { namespace, name, finalizers: ['example.com/stay'] } }
  await client.create(NAMESPACE, space)
  await client.create(CONFIG_MAP, held)
  await client.delete(NAMESPACE, { name: namespace })
  const patch = { metadata: { finalizers: null } }
  const end = () => client.mergePatch(CONFIG_MAP, { namespace, name, patch }, { fieldManager })
  return { namespace, end }
}

export const modelOf = (world: World, namespace: string, name: string): Promise<Model> =>
  seen(`Model ${name}`, () => world.store.getModel({ namespace, name }))
