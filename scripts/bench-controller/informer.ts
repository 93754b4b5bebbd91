// client-node's own informer with every Model and Runtime: what the product's caches are measured against. A program of its own.
import { CustomObjectsApi, KubeConfig, type KubernetesObject, makeInformer } from '@kubernetes/client-node'

const group = 'switchyard.dev'
const version = 'v1alpha1'
const config = new KubeConfig()
config.loadFromDefault()
const api = config.makeApiClient(CustomObjectsApi)

const informers = ['models', 'runtimes'].map(plural =>
  makeInformer<KubernetesObject>(config, `/apis/${group}/${version}/${plural}`, async () =>
    api.listClusterCustomObject({ group, version, plural }),
  ),
)

const held = (): number => informers.reduce((sum, informer) => sum + informer.list().length, 0)

process.on('message', async (count: number) => {
  await Promise.all(informers.map(informer => informer.start()))
  const timer = setInterval(() => {
    if (held() < count) return
    clearInterval(timer)
    process.send?.(held())
  }, 100)
})
