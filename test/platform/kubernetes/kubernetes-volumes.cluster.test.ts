// The Volumes part on a real cluster: the contract, and what only a cluster has: a node that has the device.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Runtime } from '../../../src/domain/object.ts'
import type { Volumes } from '../../../src/domain/platform.ts'
import { createClusterReads } from '../../../src/platform/kubernetes/cluster-reads.ts'
import { createKubernetesVolumes } from '../../../src/platform/kubernetes/kubernetes-volumes.ts'
import { clusterOrSkip } from '../../cluster/access.ts'
import { volumesContract } from '../../contracts/volumes-contract.ts'
import type { Json } from './serving-objects.ts'
import { aClaim, ensureCrds, openWorld, pass, seen, type World } from './work-cluster.ts'

const { cluster, reason, kubeconfigPath = '' } = clusterOrSkip()
const namespace = `volumes-${Date.now().toString(36)}`
const kubectl = (args: readonly string[], input?: object) =>
  cluster().kubectl(['-n', namespace, ...args], input ? { input: JSON.stringify(input) } : {})
const create = (object: object) => kubectl(['create', '-f', '-'], object)

const podSpec = (claimName: string, more: Json = {}) => ({
  containers: [
    {
      name: 'engine',
      image: 'localhost/nothing:runs',
      env: [{ name: 'OLLAMA_MODELS', value: '/models/ollama' }],
      volumeMounts: [{ name: 'models', mountPath: '/models' }],
      ...more,
    },
  ],
  volumes: [{ name: 'models', persistentVolumeClaim: { claimName } }],
})
const aDeployment = (name: string, spec: Json) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    replicas: 0,
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec },
  },
})

describe.skipIf(reason !== undefined)('claims of a real cluster', () => {
  let world: World
  let volumes: Volumes
  let removeCrds = async () => {}

  const runtimeOf = async (name: string, spec: Json): Promise<Runtime> => {
    await create({ apiVersion: 'switchyard.dev/v1alpha1', kind: 'Runtime', metadata: { name }, spec })
    return seen(`Runtime ${name}`, () => world.store.getRuntime({ namespace, name }))
  }

  beforeAll(async () => {
    removeCrds = await ensureCrds(cluster())
    await cluster().kubectl(['create', 'namespace', namespace])
    world = await openWorld(kubeconfigPath, namespace)
    volumes = createKubernetesVolumes(createClusterReads(world.caches, of => world.store.listRuntimes(of)))
  })
  afterAll(async () => {
    await world?.close()
    // Claims take their time to go, and nothing after this looks at them.
    await cluster().kubectl(['delete', 'namespace', namespace, '--wait=false'])
    await removeCrds()
  })

  volumesContract(() => ({
    namespace,
    pass,
    volumes,
    claim: (name, bytes) => create(aClaim(name, String(bytes))),
    removeClaim: name => kubectl(['delete', 'persistentvolumeclaim', name]),
    deploy: (name, _engine, claim) => create(aDeployment(name, podSpec(claim))),
    runtime: (name, { engine = 'VLLM', madeOn, quota } = {}) => {
      const podTemplate = { spec: podSpec(madeOn ?? '') }
      const kubernetes = madeOn ? { podTemplate } : { deploymentName: name }
      const storage = { ...(madeOn ? { claimName: madeOn } : {}), ...(quota ? { quota } : {}) }
      return runtimeOf(name, { engine, kubernetes, storage })
    },
  }))

  it('an unbound claim is pinned to the node that has the engine’s device', async () => {
    await create(aClaim('models', '1Gi'))
    const spec = podSpec('models', { resources: { limits: { 'nvidia.com/gpu': 1 } } })
    await create(aDeployment('gpu', spec))
    const runtime = await runtimeOf('gpu', { engine: 'VLLM', kubernetes: { deploymentName: 'gpu' } })
    const view = await seen('the volume', () => {
      const found = volumes.find(runtime)
      return 'key' in found ? found : undefined
    })
    expect(view).toMatchObject({ key: `${namespace}/models/`, quotaBytes: 2 ** 30, runtimes: ['gpu'] })
    expect(JSON.stringify(view.access)).toContain('"values":["gpu-node"]')
  })
})
