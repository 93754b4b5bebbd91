// Servings and Volumes on a real cluster: Deployments adopted by arguments and by config file, made ones, and other managers.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Transient } from '../../../src/domain/failure.ts'
import type { Runtime } from '../../../src/domain/object.ts'
import type { Servings, ServingView } from '../../../src/domain/platform.ts'
import { createClusterReads } from '../../../src/platform/kubernetes/cluster-reads.ts'
import { createClusterWrites } from '../../../src/platform/kubernetes/cluster-writes.ts'
import { createKubernetesServings } from '../../../src/platform/kubernetes/kubernetes-servings.ts'
import { createKubernetesVolumes } from '../../../src/platform/kubernetes/kubernetes-volumes.ts'
import { clusterOrSkip } from '../../cluster/access.ts'
import type { Json } from './serving-objects.ts'
import { ensureCrds, openWorld, seen, type World } from './work-cluster.ts'

const { cluster, reason, images, kubeconfigPath = '' } = clusterOrSkip('engine')
const namespace = `servings-${Date.now().toString(36)}`
const kubectl = (args: readonly string[], input?: object) =>
  cluster().kubectl(['-n', namespace, ...args], input ? { input: JSON.stringify(input) } : {})

const serve = (words: string) =>
  `console.log(${words}); process.on('SIGTERM', () => process.exit(0)); require('http').createServer((_, r) => r.end()).listen(8000)`
const engine = (words: string, more: Json = {}) => ({
  name: 'vllm',
  image: images?.engine ?? '',
  imagePullPolicy: 'Never',
  command: ['/usr/bin/node'],
  args: ['-e', serve(words)],
  ports: [{ name: 'http', containerPort: 8000 }],
  readinessProbe: { httpGet: { path: '/', port: 8000 }, periodSeconds: 1 },
  ...more,
})
const podSpec = (container: Json, more: Json = {}) => ({
  dnsPolicy: 'Default',
  terminationGracePeriodSeconds: 1,
  containers: [container],
  ...more,
})
const aDeployment = (name: string, spec: Json, more: Json = {}) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec },
    ...more,
  },
})
const aRuntimeObject = (name: string, kubernetes: Json) => ({
  apiVersion: 'switchyard.dev/v1alpha1',
  kind: 'Runtime',
  metadata: { name },
  spec: { engine: 'VLLM', kubernetes, switch: { drainSeconds: 0 } },
})
/** As the loop does: status writes of others make a view stale, and the next look has the new one. */
const patient = async (write: () => Promise<void>): Promise<void> => {
  const deadline = Date.now() + 20_000
  for (;;) {
    try {
      return await write()
    } catch (error) {
      if (!(error instanceof Transient) || Date.now() > deadline) throw error
      await sleep(100)
    }
  }
}
const say = (hash: string) => ({ hash, args: ['-e', serve(`'${hash}'`)] })

describe.skipIf(reason !== undefined)('engines on a real cluster', () => {
  let world: World
  let servings: Servings
  let removeCrds = async () => {}

  const runtimeOf = async (name: string, kubernetes: Json): Promise<Runtime> => {
    await kubectl(['create', '-f', '-'], aRuntimeObject(name, kubernetes))
    return seen(`Runtime ${name}`, () => world.store.getRuntime({ namespace, name }))
  }
  const until = (runtime: Runtime, what: string, holds: (view: ServingView) => unknown) =>
    seen(`${runtime.metadata.name}: ${what}`, () => {
      const view = servings.observe(runtime)
      return holds(view) ? view : undefined
    })
  /** exactly one pod, ready, with that recipe */
  const serving = (runtime: Runtime, recipe: string | undefined) =>
    until(
      runtime,
      `serves ${recipe ?? 'as found'}`,
      ({ pods, recipe: told }) =>
        told === recipe && pods.length === 1 && pods[0]?.isReady && pods[0].recipe === recipe,
    )
  const get = async (kind: string, name: string) =>
    JSON.parse(await kubectl(['get', kind, name, '-o', 'json', '--show-managed-fields'])) as {
      metadata: { resourceVersion: string; annotations?: Record<string, string> }
      spec: { strategy: Json; template: { spec: { containers: [{ args: string[] }] } } }
      data?: Record<string, string>
    }

  beforeAll(async () => {
    removeCrds = await ensureCrds(cluster())
    await cluster().kubectl(['create', 'namespace', namespace])
    world = await openWorld(kubeconfigPath, namespace)
    const reads = createClusterReads(world.caches, of => world.store.listRuntimes(of))
    servings = createKubernetesServings(reads, createClusterWrites(world))
  })
  afterAll(async () => {
    await world?.close()
    await cluster().kubectl(['delete', 'namespace', namespace, '--wait=true', '--timeout=60s'])
    await removeCrds()
  })

  it('by arguments: prepared without a restart, switched, reverted to as found, restored, let go', async () => {
    await kubectl(['create', '-f', '-'], aDeployment('args', podSpec(engine("'as found'"))))
    const runtime = await runtimeOf('args', { deploymentName: 'args' })
    const [found] = (await serving(runtime, undefined)).pods
    await patient(() => servings.prepare(runtime))
    const ready = await until(runtime, 'is prepared', view => view.isExclusive && view.isPrepared)
    expect(ready.pods.map(pod => pod.uid)).toEqual([found?.uid])

    await patient(() => servings.apply(runtime, say('aaaa')))
    const first = await serving(runtime, 'aaaa')
    expect([first.previousRecipe, first.drift, first.problems]).toEqual(['AsFound', undefined, []])
    expect(await servings.logs(runtime, first.pods[0]?.name ?? '', 5)).toEqual(['aaaa'])
    const { resourceVersion } = (await get('deployment', 'args')).metadata
    await patient(() => servings.apply(runtime, say('aaaa')))
    expect((await get('deployment', 'args')).metadata.resourceVersion).toBe(resourceVersion)

    await patient(() => servings.apply(runtime, say('bbbb')))
    expect((await serving(runtime, 'bbbb')).previousRecipe).toBe('aaaa')
    await patient(() => servings.revert(runtime, 'aaaa'))
    await serving(runtime, 'aaaa')
    await patient(() => servings.revert(runtime, 'AsFound'))
    await serving(runtime, undefined)
    const back = await get('deployment', 'args')
    expect(back.spec.template.spec.containers[0].args).toEqual(engine("'as found'").args)

    await patient(() => servings.scale(runtime, 0))
    await until(runtime, 'is down', view => view.replicas === 0 && view.pods.length === 0)
    await patient(() => servings.scale(runtime, 1))
    const [last] = (await serving(runtime, undefined)).pods
    const { template } = (await get('deployment', 'args')).spec
    await patient(() => servings.release(runtime))
    const released = await get('deployment', 'args')
    expect(released.spec.template).toEqual(template)
    expect(released.metadata.annotations).not.toHaveProperty(['switchyard.dev/runtime'])
    const { pods } = await until(runtime, 'is let go', view => !view.isPrepared && view.isSettled)
    expect(pods.map(pod => pod.uid)).toEqual([last?.uid])
    await patient(() => servings.restore(runtime))
    const restored = await get('deployment', 'args')
    expect(restored.spec.strategy).toMatchObject({ type: 'RollingUpdate' })
    expect(JSON.stringify(restored.metadata.annotations)).not.toContain('switchyard.dev/')
  })

  it('by arguments: another manager that writes them back is named, and nobody fights', async () => {
    const source = aDeployment('fought', podSpec(engine("'as found'")))
    await kubectl(['create', '-f', '-'], source)
    const runtime = await runtimeOf('fought', { deploymentName: 'fought' })
    await serving(runtime, undefined)
    await patient(() => servings.prepare(runtime))
    await until(runtime, 'is prepared', view => view.isPrepared)
    await patient(() => servings.apply(runtime, say('aaaa')))
    await serving(runtime, 'aaaa')
    await kubectl(
      ['apply', '--server-side', '--force-conflicts', '--field-manager=argocd', '-f', '-'],
      source,
    )
    const { drift } = await until(runtime, 'has drifted', view => view.drift)
    expect(drift).toMatchObject({
      reason: 'FieldConflict',
      message: expect.stringContaining('argocd owns args'),
    })
    await expect(servings.apply(runtime, say('aaaa'))).rejects.toMatchObject({ reason: 'FieldConflict' })
  })

  it('a rollingUpdate that somebody declares is a FieldConflict before anything is touched', async () => {
    const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } }
    const source = (name: string) => aDeployment(name, podSpec(engine("'x'")), { strategy, replicas: 0 })
    await kubectl(['apply', '-f', '-'], source('client-side'))
    await kubectl(['apply', '--server-side', '--field-manager=flux', '-f', '-'], source('server-side'))
    for (const [name, manager] of [
      ['client-side', 'kubectl-client-side-apply'],
      ['server-side', 'flux'],
    ] as const) {
      const runtime = await runtimeOf(name, { deploymentName: name })
      await until(runtime, 'is seen', view => view.exists)
      await expect(servings.prepare(runtime)).rejects.toMatchObject({
        reason: 'FieldConflict',
        message: expect.stringContaining(`${manager} owns spec.strategy`),
      })
      const untouched = await get('deployment', name)
      expect(untouched.metadata.annotations ?? {}).not.toHaveProperty(['switchyard.dev/originals'])
      expect(untouched.spec.strategy).toMatchObject({ type: 'RollingUpdate' })
    }
  })

  it('by config file: a second manager applies the Deployment again in three ways, and nothing breaks', async () => {
    const mount = { name: 'engine', mountPath: '/etc/vllm' }
    const read = "require('fs').readFileSync('/etc/vllm/engine.yaml', 'utf8')"
    const volumes = [
      { name: 'engine', configMap: { name: 'config', items: [{ key: 'engine.yaml', path: 'engine.yaml' }] } },
    ]
    const spec = podSpec(engine(read, { volumeMounts: [mount] }), { volumes })
    const source = aDeployment('config', spec)
    await kubectl(['apply', '-f', '-'], { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'config' } })
    await kubectl(['apply', '-f', '-'], source)
    const runtime = await runtimeOf('config', { deploymentName: 'config', configMap: { name: 'config' } })
    const seenFirst = await until(runtime, 'is seen', view => view.exists && view.container?.config === '')
    expect(seenFirst.container?.configPath).toBe('/etc/vllm/engine.yaml')
    await patient(() => servings.prepare(runtime))
    await until(runtime, 'is prepared', view => view.isExclusive && view.isPrepared)
    await patient(() => servings.apply(runtime, { hash: 'aaaa', config: 'model: a\n' }))
    const [pod] = (await serving(runtime, 'aaaa')).pods
    expect((await servings.logs(runtime, pod?.name ?? '', 9)).join('\n')).toContain('model: a')

    await kubectl(['apply', '-f', '-'], source)
    await kubectl(
      ['apply', '--server-side', '--force-conflicts', '--field-manager=argocd', '-f', '-'],
      source,
    )
    const again = await serving(runtime, 'aaaa')
    expect([again.drift, again.isExclusive, again.pods[0]?.uid]).toEqual([undefined, true, pod?.uid])

    const edited = aDeployment(
      'config',
      { ...spec, terminationGracePeriodSeconds: 2 },
      { strategy: { type: 'Recreate' } },
    )
    await kubectl(['replace', '-f', '-'], edited)
    const stripped = await until(
      runtime,
      'serves from a new pod',
      ({ pods }) => pods.length === 1 && pods[0]?.isReady && pods[0].uid !== pod?.uid,
    )
    expect([stripped.recipe, stripped.pods[0]?.recipe, stripped.drift]).toEqual(['aaaa', 'aaaa', undefined])

    await patient(() => servings.prepare(runtime))
    await until(runtime, 'is prepared again', view => view.isPrepared)
    await patient(() => servings.apply(runtime, { hash: 'bbbb', config: 'model: b\n' }))
    await serving(runtime, 'bbbb')
    const theirs = '{"data":{"engine.yaml":"model: theirs"}}'
    await kubectl(['patch', 'configmap', 'config', '--type=merge', '-p', theirs])
    const { drift } = await until(runtime, 'has drifted', view => view.drift)
    expect(drift?.message).toContain('kubectl-patch owns data.engine.yaml of ConfigMap config')
  })

  it('made: tried, created with its Service, drained by a label, switched, deleted', async () => {
    const podTemplate = { spec: podSpec(engine("'bare'")) }
    const broken = { spec: podSpec(engine("'bare'", { ports: [{ containerPort: 99_999 }] })) }
    const wrong = await runtimeOf('wrong', { podTemplate: broken })
    await expect(servings.prepare(wrong)).rejects.toMatchObject({
      reason: 'InvalidSpec',
      message: expect.stringContaining('containerPort'),
    })
    const runtime = await runtimeOf('made', { podTemplate, serviceName: 'made-service' })
    await patient(() => servings.prepare(runtime))
    expect(servings.observe(runtime)).toMatchObject({ origin: 'Made', exists: false, problems: [] })
    await patient(() => servings.apply(runtime, say('aaaa')))
    const view = await serving(runtime, 'aaaa')
    const [pod] = view.pods
    expect(view.endpoint).toBe(`http://made-service.${namespace}.svc:8000`)
    const addresses = async () =>
      kubectl(['get', 'endpoints', 'made-service', '-o', 'jsonpath={.subsets[*].addresses[*].ip}'])

    await patient(() => servings.setInService(runtime, pod?.name ?? '', false))
    const drained = await until(runtime, 'is drained', ({ pods }) => pods[0]?.isInService === false)
    expect(drained.pods.map(one => [one.uid, one.isReady])).toEqual([[pod?.uid, true]])
    await expect.poll(addresses, { timeout: 10_000 }).toBe('')
    await patient(() => servings.setInService(runtime, pod?.name ?? '', true))
    await expect.poll(addresses, { timeout: 10_000 }).not.toBe('')

    await patient(() => servings.apply(runtime, say('bbbb')))
    const second = await serving(runtime, 'bbbb')
    expect([second.previousRecipe, second.drift]).toEqual(['aaaa', undefined])
    await patient(() => servings.scale(runtime, 0))
    await until(runtime, 'is down', ({ replicas, pods }) => replicas === 0 && pods.length === 0)
    await patient(() => servings.scale(runtime, 1))
    await serving(runtime, 'bbbb')
    await patient(() => servings.revert(runtime, 'aaaa'))
    await serving(runtime, 'aaaa')
    await patient(() => servings.release(runtime))
    await until(runtime, 'is gone', seenNow => !seenNow.exists && seenNow.endpoint === undefined)
    await patient(() => servings.release(runtime))
  })

  it('an unbound claim is pinned to the node that has the engine’s device', async () => {
    const claim = {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: { name: 'models' },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
    }
    await kubectl(['create', '-f', '-'], claim)
    const container = engine("'x'", {
      resources: { limits: { 'nvidia.com/gpu': 1 } },
      volumeMounts: [{ name: 'models', mountPath: '/models' }],
    })
    const volumes = [{ name: 'models', persistentVolumeClaim: { claimName: 'models' } }]
    await kubectl(['create', '-f', '-'], aDeployment('gpu', podSpec(container, { volumes }), { replicas: 0 }))
    const runtime = await runtimeOf('gpu', { deploymentName: 'gpu' })
    const reads = createClusterReads(world.caches, of => world.store.listRuntimes(of))
    const view = await seen('the volume', () => {
      const found = createKubernetesVolumes(reads).find(runtime)
      return 'key' in found ? found : undefined
    })
    expect(view).toMatchObject({ key: `${namespace}/models/`, quotaBytes: 2 ** 30, runtimes: ['gpu'] })
    expect(JSON.stringify(view.access)).toContain('"values":["gpu-node"]')
  })
})
