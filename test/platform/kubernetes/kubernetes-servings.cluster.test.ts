// The Servings part on a real cluster: the contract by arguments, and what only a cluster has: other managers and config files.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Runtime } from '../../../src/domain/object.ts'
import type { Servings, ServingView } from '../../../src/domain/platform.ts'
import { createClusterReads } from '../../../src/platform/kubernetes/cluster-reads.ts'
import { createClusterWrites } from '../../../src/platform/kubernetes/cluster-writes.ts'
import { createKubernetesServings } from '../../../src/platform/kubernetes/kubernetes-servings.ts'
import { clusterOrSkip } from '../../cluster/access.ts'
import { servingsContract } from '../../contracts/servings-contract.ts'
import { patiently } from '../../contracts/servings-world.ts'
import type { Json } from './serving-objects.ts'
import { aClaim, ensureCrds, openWorld, pass, seen, type World } from './work-cluster.ts'

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
const aRuntimeObject = (name: string, kubernetes: Json, more: Json) => ({
  apiVersion: 'switchyard.dev/v1alpha1',
  kind: 'Runtime',
  metadata: { name },
  spec: { engine: 'VLLM', kubernetes, switch: { drainSeconds: 0 }, ...more },
})
const dies = "console.log('CUDA out of memory'); process.exit(1)"
const patient = (write: () => Promise<void>) => patiently(pass, write)
const say = (hash: string) => ({ hash, args: ['-e', serve(`'${hash}'`)] })

describe.skipIf(reason !== undefined)('engines on a real cluster', () => {
  let world: World
  let servings: Servings
  let removeCrds = async () => {}

  const keys: string[] = []

  const runtimeOf = async (name: string, kubernetes: Json, more: Json = {}): Promise<Runtime> => {
    await kubectl(['create', '-f', '-'], aRuntimeObject(name, kubernetes, more))
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
      metadata: { generation: number; annotations?: Record<string, string> }
      spec: { strategy: Json; template: { spec: { containers: [{ args: string[] }] } } }
      data?: Record<string, string>
    }

  beforeAll(async () => {
    removeCrds = await ensureCrds(cluster())
    await cluster().kubectl(['create', 'namespace', namespace])
    world = await openWorld(kubeconfigPath, namespace)
    const reads = createClusterReads(world.caches, of => world.store.listRuntimes(of))
    servings = createKubernetesServings(reads, createClusterWrites(world))
    servings.watch(key => keys.push(key))
  })
  afterAll(async () => {
    await world?.close()
    await cluster().kubectl(['delete', 'namespace', namespace, '--wait=true', '--timeout=60s'])
    await removeCrds()
  })

  servingsContract(() => ({
    namespace,
    pass,
    servings,
    keys,
    launch: (hash, part) => (part ? { hash, args: ['-e', dies] } : say(hash)),
    deploy: (name, replicas = 1) => {
      // Paused, no pod is made: two replicas are only to be seen.
      const more = { replicas, ...(replicas > 1 ? { paused: true } : {}) }
      return kubectl(['create', '-f', '-'], aDeployment(name, podSpec(engine("'as found'")), more))
    },
    claim: name => kubectl(['create', '-f', '-'], aClaim(name)),
    runtime: (name, { engine: family = 'VLLM', isMade, claim } = {}) => {
      const podTemplate = { spec: podSpec(engine("'bare'")) }
      const kubernetes = isMade ? { podTemplate, serviceName: name } : { deploymentName: name }
      return runtimeOf(name, kubernetes, {
        engine: family,
        ...(claim ? { storage: { claimName: claim } } : {}),
      })
    },
    written: async name => {
      const { generation, annotations } = (await get('deployment', name)).metadata
      // numbered by the Deployment's controller
      const { ['deployment.kubernetes.io/revision']: _, ...notes } = annotations ?? {}
      return JSON.stringify({ generation, notes })
    },
    isReached: async service => {
      const path = 'jsonpath={.subsets[*].addresses[*].ip}'
      return (await kubectl(['get', 'endpoints', service, '-o', path])) !== ''
    },
  }))

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

  it('a podTemplate that the server does not take is Rejected before anything is made', async () => {
    const podTemplate = { spec: podSpec(engine("'bare'", { ports: [{ containerPort: 99_999 }] })) }
    const wrong = await runtimeOf('wrong', { podTemplate })
    await expect(servings.prepare(wrong)).rejects.toMatchObject({
      reason: 'InvalidSpec',
      message: expect.stringContaining('containerPort'),
    })
  })
})
