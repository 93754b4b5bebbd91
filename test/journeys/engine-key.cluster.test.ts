// The story of a vLLM behind an API key on a real cluster, played with the sample: the key comes late, and is seen nowhere.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { clusterOrSkip } from '../cluster/access.ts'
import { ensurePrograms } from '../cluster/programs.ts'
import { hubModel } from './engines.ts'
import { expectTold, openScene, type Scene } from './scene.ts'
import {
  buildTown,
  conditionOf,
  installSwitchyard,
  operatorLog,
  type Seen,
  type Town,
  until,
} from './town.ts'

const { cluster, reason, images } = clusterOrSkip('switchyard', 'engine')
const sample = new URL('../../config/samples/runtime-vllm-behind-key.yaml', import.meta.url)
const canary = 'sk-canary-0b5e1d7c93f24a68'
const name = 'vllm-key'
const asks = 'switchyard.dev/command=ask'

/** The sample as it stands, but for what this cluster has: the stand-in, its storage class, no GPU, and a Secret of the engine's own. */
const playable = (namespace: string): Seen[] =>
  parseAllDocuments(readFileSync(sample, 'utf8')).map(document => {
    const object: Seen = document.toJS()
    object.metadata.namespace = namespace
    if (object.kind === 'PersistentVolumeClaim') {
      object.spec.storageClassName = 'standard'
      object.spec.resources.requests.storage = '1Gi'
    }
    if (object.kind === 'Runtime') Object.assign(object.spec, { activeModel: 'alpha', engineArgs: [] })
    if (object.kind === 'Deployment') adapt(object.spec.template.spec)
    return object
  })

const adapt = (pod: Seen): void => {
  const [container] = pod.containers
  container.image = images?.engine
  container.imagePullPolicy = 'Never'
  container.resources = {}
  container.startupProbe.periodSeconds = 1
  container.readinessProbe.periodSeconds = 1
  pod.dnsPolicy = 'Default'
  pod.terminationGracePeriodSeconds = 5
  for (const variable of container.env)
    if (variable.valueFrom) variable.valueFrom.secretKeyRef.name = 'engine-own'
}

const secret = (namespace: string, called: string) => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: called, namespace },
  stringData: { 'api-key': canary },
})

describe.skipIf(reason !== undefined)('an engine behind an API key', () => {
  let town: Town
  let scene: Scene
  const seen: string[] = []
  const watches: { kill: () => unknown }[] = []

  beforeAll(async () => {
    town = await buildTown(cluster(), [{ name: 'alpha' }, { name: 'beta' }])
    await installSwitchyard(cluster(), {
      hubUrl: town.hub.url,
      registryUrl: town.registry.url,
      image: images?.switchyard ?? '',
      values: { 'log.level': 'debug' },
    })
  })
  afterAll(async () => {
    for (const watch of watches) watch.kill()
    scene?.story.end()
    if (scene) await cluster().kubectl(['delete', 'namespace', scene.namespace, '--wait=false'])
    await town?.close()
  })

  /** Keeps everything that the API server ever showed of these objects, also of those that are gone by now. */
  const record = async (kind: string): Promise<void> => {
    const kubectl = join((await ensurePrograms()).bin, 'kubectl')
    const args = ['get', kind, '-n', scene.namespace, '--watch', '-o', 'json']
    const env = { KUBECONFIG: cluster().kubeconfigPath }
    const watch = execa(kubectl, args, { env, reject: false, buffer: false })
    watch.stdout.on('data', chunk => void seen.push(String(chunk)))
    watches.push(watch)
  }

  const operatorMetrics = async (): Promise<string> => {
    const args = ['get', 'pods', '-n', 'switchyard-system', '-o', 'json']
    const { items }: Seen = JSON.parse(await cluster().kubectl(args))
    const answers = await Promise.all(
      items.map((pod: Seen) => fetch(`http://${pod.status.podIP}:8080/metrics`).then(one => one.text())),
    )
    return answers.join('\n')
  }

  const readyReason = (object: Seen): string => conditionOf(object, 'Ready')?.reason

  it('waits for its key at the proof, is Active by itself when the Secret comes, and switches there and back', async () => {
    scene = await openScene(town, 'engine-key')
    const { namespace } = scene
    await scene.kubectl('label', 'namespace', namespace, 'pod-security.kubernetes.io/enforce=restricted')
    const askPods = scene.watchPods(asks)
    watches.push({ kill: () => askPods.end() })
    for (const kind of ['pods', 'jobs', 'runtimes', 'models', 'events']) await record(kind)
    await scene.apply([secret(namespace, 'engine-own'), ...playable(namespace)])
    await scene.apply(['alpha', 'beta'].map(one => hubModel(namespace, one, { runtimes: [{ name }] })))

    const waiting = await until(
      () => scene.runtime(name),
      one => readyReason(one) === 'EngineKeyNeeded',
      60,
    )
    expect(waiting.status).toMatchObject({ phase: 'Switching', switch: { step: 'Verifying' } })
    expect(waiting.status.lastSwitch).toBeUndefined()
    expect(conditionOf(waiting, 'Ready').message).toContain('apiKeySecretRef')

    await scene.apply([secret(namespace, name)])
    const { status } = await scene.untilActive(name, 'alpha')
    expect(status.lastSwitch).toMatchObject({ result: 'Committed', to: { model: 'alpha' } })
    await expect(scene.ask(name)).rejects.toThrow('401')

    const before = askPods.seen()
    await scene.wish(name, 'beta')
    await scene.untilActive(name, 'beta')
    await scene.wish(name, 'alpha')
    await scene.untilActive(name, 'alpha')
    console.log(`ask pods: ${before} until the first Active, ${askPods.seen() - before} for two switches`)
    expect(askPods.seen() - before).toBe(2)
    await until(
      async () => JSON.parse(await scene.kubectl('get', 'jobs', '-l', asks, '-o', 'json')),
      jobs => jobs.items.length === 0,
      20,
    )
    await expectTold(scene, new URL('./golden/engine-key.txt', import.meta.url))
  })

  it('keeps the key out of status, events, logs, metrics and command lines, and has no right to read it', async () => {
    const objects = seen.join('')
    const metrics = await operatorMetrics()
    const places = { objects, log: await operatorLog(cluster()), metrics }
    expect(objects.includes('"command\\":\\"ask\\"'), 'an ask worker was recorded').toBe(true)
    expect(objects.includes('isProved'), 'its last word was recorded').toBe(true)
    expect(metrics.includes('controller_runtime_reconcile_total'), 'metrics were read').toBe(true)
    const spellings = [canary, Buffer.from(canary).toString('base64').replace(/=+$/, '')]
    const found = Object.entries(places).filter(([, text]) => spellings.some(one => text.includes(one)))
    expect(found.map(([place]) => place)).toEqual([])
    const operator = 'system:serviceaccount:switchyard-system:switchyard'
    const asked = cluster()
      .auditEvents()
      .filter(event => event.user.username === operator && event.objectRef?.resource === 'secrets')
    expect(asked).toEqual([])
    const may = cluster().kubectl(['auth', 'can-i', 'get', 'secrets', '-A', '--as', operator])
    await expect(may).rejects.toThrow('no')
  })
})
