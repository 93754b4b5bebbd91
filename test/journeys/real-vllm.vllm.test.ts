// The main journey with a real vLLM on the CPU: adopted by its config file, to a second model and back, proved and asked.
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { clusterOrSkip } from '../cluster/access.ts'
import { vllmFolder, vllmMounts } from '../cluster/vllm.ts'
import { claim, configMap, deployment, hubModel, namespaceOf, runtime, service } from './engines.ts'
import { buildTown, installSwitchyard, isReady, type Seen, type Town, until } from './town.ts'

const access = clusterOrSkip('switchyard', 'vllm')
const namespace = 'real-vllm'

/** The stand-in's Deployment with the real program's mounts; it loads for half a minute, so nothing may kill it before. */
const engine = () => {
  const image = access.images?.vllm ?? ''
  const command = [`${vllmFolder()}/bin/vllm`, 'serve']
  const wish = {
    namespace,
    name: 'vllm',
    image,
    claim: 'models',
    port: 8000,
    command,
    configMap: 'vllm-engine',
  }
  const made: Seen = structuredClone(deployment({ ...wish, args: ['--config', '/etc/vllm/engine.yaml'] }))
  const pod = made.spec.template.spec
  const { volumes, volumeMounts } = vllmMounts()
  pod.volumes.push(...volumes, { name: 'shm', emptyDir: { medium: 'Memory' } })
  pod.containers[0].volumeMounts.push(...volumeMounts, { name: 'shm', mountPath: '/dev/shm' })
  return made
}

const args = ['--max-model-len', '512', '--dtype', 'bfloat16', '--enforce-eager']

describe.skipIf(access.reason !== undefined)('A real vLLM on a real cluster', () => {
  let town: Town

  beforeAll(async () => {
    const cluster = access.cluster()
    town = await buildTown(cluster, [
      { name: 'alpha', answer: 'I am alpha, really.' },
      { name: 'beta', answer: 'Beta speaks.' },
    ])
    const image = access.images?.switchyard ?? ''
    await installSwitchyard(cluster, { hubUrl: town.hub.url, registryUrl: town.registry.url, image })
    await town.apply([
      namespaceOf(namespace),
      claim(namespace, 'models'),
      configMap(namespace, 'vllm-engine'),
    ])
    await town.apply([service(namespace, 'vllm', 8000), engine()])
    await town.apply([
      hubModel(namespace, 'alpha'),
      hubModel(namespace, 'beta', { runtimes: [{ name: 'gpu' }] }),
    ])
  })
  afterAll(() => town?.close())

  const look = () => town.get(namespace, 'runtime', 'gpu')
  const serves = (name: string) => (seen: Seen) => isReady(seen) && seen.status.active?.model === name

  const ask = async (): Promise<string> => {
    const slices = await town.cluster.kubectl(['get', 'endpointslices', '-n', namespace, '-o', 'json'])
    const address = JSON.parse(slices).items[0].endpoints[0].addresses[0]
    const body = {
      model: 'active',
      messages: [{ role: 'user', content: 'Who?' }],
      max_tokens: 32,
      temperature: 0,
    }
    const answer = await fetch(`http://${address}:8000/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    return ((await answer.json()) as Seen).choices[0].message.content
  }

  it('comes to Active from nothing and gives the model’s own answer', async () => {
    const kubernetes = {
      deploymentName: 'vllm',
      configMap: { name: 'vllm-engine' },
      serviceName: 'vllm',
      port: 8000,
    }
    await town.apply([
      runtime(namespace, 'gpu', { engine: 'VLLM', activeModel: 'alpha', engineArgs: args, kubernetes }),
    ])
    await until(look, serves('alpha'), 400)
    expect(await ask()).toBe('I am alpha, really.')
  }, 500_000)

  it('is switched to a second model and back, with the downtime measured', async () => {
    for (const [name, answer] of [
      ['beta', 'Beta speaks.'],
      ['alpha', 'I am alpha, really.'],
    ] as const) {
      await town.patch(namespace, 'runtime/gpu', { spec: { activeModel: name } })
      const seen = await until(look, serves(name), 400)
      expect(await ask()).toBe(answer)
      expect(seen.status.lastSwitch).toMatchObject({ result: 'Committed', to: { model: name } })
      expect(seen.status.lastSwitch.downtimeMilliseconds).toBeGreaterThan(1000)
      console.log(`real vLLM → ${name}: down for ${seen.status.lastSwitch.downtimeMilliseconds} ms`)
    }
  }, 900_000)
})
