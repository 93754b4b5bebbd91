// Where the bench measures: a cluster of its own with one node, the product installed by Helm, tiny models to fetch.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ApiClient, openApi } from '../../test/cluster/api-client.ts'
import { type Cluster, startCluster } from '../../test/cluster/cluster.ts'
import { buildEngineImage, buildOllamaImage, imageNames } from '../../test/cluster/images.ts'
import { whyNoOllama } from '../../test/cluster/ollama.ts'
import { cacheRoot, ensurePrograms } from '../../test/cluster/programs.ts'
import { namespaceOf } from '../../test/journeys/engines.ts'
import {
  buildTown,
  installSwitchyard,
  isReady,
  type KubeObject,
  type Seen,
} from '../../test/journeys/town.ts'
import { buildProductImage } from '../image.ts'
import { operatorWrites } from './audit.ts'

export type Say = (line: string) => void
export type Place = Awaited<ReturnType<typeof openPlace>>

/** The cluster ends with `close`, and with this process. */
export async function openPlace(say: Say) {
  await ensurePrograms(say)
  const images = await buildImages(say)
  const cluster = await startCluster({ nodes: [{ name: 'node' }] })
  try {
    for (const tar of images) await cluster.importImage(tar)
    const town = await buildTown(cluster, [{ name: 'alpha' }, { name: 'beta' }])
    const api = openApi(cluster.kubeconfigPath)
    say('a cluster with one node runs')
    const installMilliseconds = await install(cluster, town.hub.url, town.registry.url)
    say(`installed by Helm and available after ${(installMilliseconds / 1000).toFixed(1)} s`)
    const close = async (): Promise<void> => {
      await Promise.all([api.close(), town.close()])
      await cluster.stop()
    }
    return { cluster, api, installMilliseconds, close }
  } catch (error) {
    await cluster.stop()
    throw error
  }
}

async function buildImages(say: Say): Promise<string[]> {
  const reason = whyNoOllama()
  if (reason) throw new Error(`the real Ollama cannot be built here: ${reason}`)
  const folder = join(cacheRoot(), 'bench-images')
  mkdirSync(folder, { recursive: true })
  return [
    await buildProductImage(imageNames.switchyard, join(folder, 'switchyard.tar')),
    await buildEngineImage(folder),
    await buildOllamaImage(folder, say),
  ]
}

async function install(cluster: Cluster, hubUrl: string, registryUrl: string): Promise<number> {
  const begun = Date.now()
  await installSwitchyard(cluster, { hubUrl, registryUrl, image: imageNames.switchyard })
  return Date.now() - begun
}

const group = '/apis/switchyard.dev/v1alpha1/namespaces'

const pathOf = ({ apiVersion, kind, metadata }: KubeObject): string => {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`
  const inside = metadata['namespace'] ? `/namespaces/${metadata['namespace']}` : ''
  return `${root}${inside}/${kind.toLowerCase()}s`
}

/** Over a warm connection: no start of a program lies between the wish and the request. */
export async function create(api: ApiClient, objects: readonly KubeObject[]): Promise<void> {
  for (const object of objects) await api.request('POST', pathOf(object), object)
}

export const openNamespace = (api: ApiClient, name: string): Promise<void> => create(api, [namespaceOf(name)])

export const activate = (api: ApiClient, namespace: string, runtime: string, model: string) =>
  api.request('PATCH', `${group}/${namespace}/runtimes/${runtime}`, { spec: { activeModel: model } })

export const runtimeOf = (api: ApiClient, namespace: string, name: string): Promise<Seen> =>
  api.request('GET', `${group}/${namespace}/runtimes/${name}`)

export const modelsOf = async (api: ApiClient, namespace: string): Promise<Seen[]> =>
  ((await api.request('GET', `${group}/${namespace}/models`)) as Seen).items

export const untilReady = (api: ApiClient, namespace: string, model: string): Promise<void> =>
  until(`Model ${namespace}/${model} is Ready`, async () =>
    (await modelsOf(api, namespace)).some(seen => seen.metadata.name === model && isReady(seen)),
  )

export const untilActive = (api: ApiClient, namespace: string, runtime: string, model: string) =>
  until(`${model} is active on ${namespace}/${runtime}`, async () =>
    isActive(await runtimeOf(api, namespace, runtime), model),
  )

export const isActive = (seen: Seen, model: string): boolean =>
  isReady(seen) && seen.status.active?.model === model && !seen.status.switch

/** Until the operator has written nothing for so long that what it was about is surely over. */
export async function untilQuiet(place: Place, seconds = 4): Promise<void> {
  await until(`the operator is quiet for ${seconds} s`, async () => {
    const now = Date.now()
    const span = { from: now - seconds * 1000, to: now + 1000 }
    return operatorWrites(place.cluster, span).length === 0
  })
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 240_000
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`not within 4 minutes: ${what}`)
    await sleep(250)
  }
}
