// A place where a story can happen: Switchyard installed by Helm on a real cluster, with a hub and a registry beside it.
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AttachedCluster } from '../cluster/attached.ts'
import { filesOfFolder, startHub } from '../stand-ins/hub.ts'
import { startRegistry } from '../stand-ins/registry.ts'
import { ollamaLayers, type TinyModelOptions, writeTinyModel } from '../stand-ins/tiny-model.ts'

export type KubeObject = {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: Record<string, unknown>
  readonly [more: string]: unknown
}

// biome-ignore lint/suspicious/noExplicitAny: what kubectl prints is looked into freely by stories
export type Seen = any

const chart = new URL('../../charts/switchyard', import.meta.url).pathname
const system = 'switchyard-system'

export type Town = Awaited<ReturnType<typeof buildTown>>

/** Models by name; each is a repository `tiny/<name>` of the hub and `library/<name>:latest` of the registry. */
export async function buildTown(cluster: AttachedCluster, models: readonly TinyModelOptions[]) {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-town-'))
  const host = cluster.bridgeAddress
  const written = await Promise.all(models.map(model => writeTinyModel(join(folder, model.name), model)))
  const hub = await startHub({
    host,
    repos: written.map(model => ({ id: `tiny/${model.name}`, files: filesOfFolder(model.folder) })),
  })
  const images = written.map(model => [`library/${model.name}:latest`, ollamaLayers(model)] as const)
  const registry = await startRegistry({ host, models: Object.fromEntries(images) })
  const close = async () => {
    await uninstallSwitchyard(cluster)
    await Promise.all([hub.close(), registry.close()])
  }
  return { cluster, hub, registry, models: written, folder, close, ...kubectlOf(cluster) }
}

export const kubectlOf = (cluster: AttachedCluster) => {
  const apply = (objects: readonly object[], args: readonly string[] = []) =>
    cluster.kubectl(['apply', '-f', '-', ...args], {
      input: JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
    })
  const get = async (namespace: string, kind: string, name: string): Promise<Seen> =>
    JSON.parse(await cluster.kubectl(['get', kind, name, '-n', namespace, '-o', 'json']))
  const patch = (namespace: string, what: string, change: object) =>
    cluster.kubectl(['patch', what, '-n', namespace, '--type=merge', '-p', JSON.stringify(change)])
  return { apply, get, patch }
}

/** Polls until the object satisfies the wish; the error tells the last phase and message. */
export async function until(
  look: () => Promise<Seen>,
  wish: (seen: Seen) => boolean,
  seconds = 60,
): Promise<Seen> {
  const deadline = Date.now() + seconds * 1000
  let last: Seen
  while (Date.now() < deadline) {
    last = await look().catch(error => ({ error: String(error).slice(0, 300) }))
    if (!last.error && wish(last)) return last
    await sleep(250)
  }
  throw new Error(
    `not within ${seconds} s; last seen: ${JSON.stringify(last?.status ?? last, null, 1)?.slice(0, 3000)}`,
  )
}

export const conditionOf = (object: Seen, type: string): Seen =>
  object.status?.conditions?.find((one: Seen) => one.type === type)

export const isReady = (object: Seen): boolean =>
  conditionOf(object, 'Ready')?.status === 'True' &&
  object.status.observedGeneration === object.metadata.generation

export type Installation = {
  readonly hubUrl: string
  readonly registryUrl: string
  readonly image: string
  readonly values?: Readonly<Record<string, string>>
}

/** `helm install` with the stand-ins as endpoints; waits until the operator is available. */
export async function installSwitchyard(cluster: AttachedCluster, wish: Installation): Promise<void> {
  const [repository = '', tag = ''] = wish.image.split(/:(?=[^:]*$)/)
  const values: Record<string, string> = {
    'image.repository': repository,
    'image.tag': tag,
    'image.pullPolicy': 'Never',
    'worker.pullPolicy': 'Never',
    'worker.dnsPolicy': 'Default',
    'hub.endpoint': wish.hubUrl,
    'registry.endpoint': wish.registryUrl,
    ...wish.values,
  }
  const sets = Object.entries(values).flatMap(([key, value]) => ['--set-string', `${key}=${value}`])
  await cluster.helm([
    'upgrade',
    '--install',
    'switchyard',
    chart,
    '-n',
    system,
    '--create-namespace',
    ...sets,
  ])
  await cluster.kubectl(['-n', system, 'rollout', 'status', 'deployment/switchyard', '--timeout=60s'])
}

/** An operator that stayed would act on the objects of the next file's tests. CRDs and objects stay. */
const uninstallSwitchyard = async (cluster: AttachedCluster): Promise<void> => {
  await cluster.helm([
    'uninstall',
    'switchyard',
    '-n',
    system,
    '--ignore-not-found',
    '--wait',
    '--timeout',
    '60s',
  ])
  await cluster.kubectl(['-n', system, 'wait', 'pod', '--all', '--for=delete', '--timeout=60s'])
}

export const operatorLog = (cluster: AttachedCluster): Promise<string> =>
  cluster.kubectl(['-n', system, 'logs', 'deployment/switchyard', '--tail=200'])
