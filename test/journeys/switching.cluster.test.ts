// Stories of switches on a real cluster: there and back, rolled back, beside other managers, on one GPU, and with the operator killed.
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { clusterOrSkip } from '../cluster/access.ts'
import { claim, configMap, deployment, hubModel, ollamaModel, podSpec, runtime, service } from './engines.ts'
import { killOperator } from './kill-operator.ts'
import { randomFrom } from './random.ts'
import { expectTold, ollama, openScene, type Scene, vllm } from './scene.ts'
import {
  buildTown,
  conditionOf,
  installSwitchyard,
  isReady,
  operatorLog,
  type Seen,
  type Town,
  until,
} from './town.ts'

const { cluster, reason, images } = clusterOrSkip('switchyard', 'engine', 'ollama')
const image = images?.engine ?? ''
const golden = (name: string) => new URL(`./golden/switching-${name}.txt`, import.meta.url)
const proof = { intervalSeconds: 5 }
const bigBytes = 12_000_000

describe.skipIf(reason !== undefined)('switches on a real cluster', () => {
  let town: Town
  const scenes: Scene[] = []

  beforeAll(async () => {
    town = await buildTown(cluster(), [
      { name: 'alpha' },
      { name: 'beta' },
      { name: 'broken', fault: 'load-fails' },
      ...['one', 'two', 'three'].map(name => ({ name, padBytes: bigBytes })),
    ])
    await installSwitchyard(cluster(), {
      hubUrl: town.hub.url,
      registryUrl: town.registry.url,
      image: images?.switchyard ?? '',
    })
  })
  afterAll(() => town?.close())
  afterEach(async ({ task }) => {
    const scene = scenes.pop()
    scene?.story.end()
    if (task.result?.state === 'fail') {
      console.log(`${task.name}:\n${scene?.story.lines.join('\n')}`, await operatorLog(cluster()))
      if (scene)
        console.log(
          JSON.stringify(
            JSON.parse(await scene.kubectl('get', 'runtimes', '-o', 'json')).items.map(
              (one: Seen) => one.status,
            ),
            null,
            1,
          ),
        )
    }
    if (scene && !process.env['KEEP_SCENES'])
      await cluster().kubectl(['delete', 'namespace', scene.namespace, '--wait=false'])
  })

  const begin = async (name: string): Promise<Scene> => {
    const scene = await openScene(town, name)
    scenes.push(scene)
    return scene
  }

  const hubModels = (namespace: string, ...names: string[]) =>
    names.map(name => hubModel(namespace, name, { runtimes: [{ name: 'gpu-a' }] }))

  /** A vLLM that reads its arguments from a file which does not exist yet, and the Runtime that adopts it. */
  const adoptByConfig = (namespace: string, activeModel: string, more: object = {}) => [
    claim(namespace, 'models'),
    configMap(namespace, 'vllm-engine'),
    service(namespace, 'vllm', 8000),
    deployment(vllm(namespace, image, { configMap: 'vllm-engine' })),
    runtime(namespace, 'gpu-a', {
      engine: 'VLLM',
      activeModel,
      kubernetes: { deploymentName: 'vllm', configMap: { name: 'vllm-engine' }, serviceName: 'vllm' },
      proof,
      ...more,
    }),
  ]

  /** A vLLM that serves a folder of its own, which nobody but its Deployment knows. */
  const runFound = async (scene: Scene, more: object = {}, flags: readonly string[] = []) => {
    const { namespace } = scene
    const args = ['/models/found', '--served-model-name', 'found']
    const objects = [
      claim(namespace, 'models'),
      service(namespace, 'vllm', 8000),
      deployment(vllm(namespace, image, { args, ...more })),
    ]
    await scene.apply(objects, flags)
    const folder = () => cluster().volumePath(namespace, 'models')
    await until(
      async () => ({ folder: await folder() }),
      () => true,
      60,
    )
    cpSync(town.models[1]?.folder ?? '', join(await folder(), 'found'), { recursive: true })
    await until(
      () => scene.deployment('vllm'),
      seen => seen.status.readyReplicas === 1,
      90,
    )
  }

  const adoptByArgs = (namespace: string, spec: object) =>
    runtime(namespace, 'gpu-a', {
      engine: 'VLLM',
      kubernetes: { deploymentName: 'vllm', serviceName: 'vllm' },
      proof,
      ...spec,
    })

  const stateOf = async (scene: Scene) => {
    const { metadata, spec } = await scene.deployment('vllm')
    const pods = await scene.pods('vllm')
    return { generation: metadata.generation, spec, pods: pods.map(pod => pod.metadata.uid) }
  }

  it('a Model and a Runtime that are applied become active, and the Service answers with the model', async () => {
    const scene = await begin('story-a')
    await scene.apply([...adoptByConfig('story-a', 'alpha'), ...hubModels('story-a', 'alpha')])
    const active = await scene.untilActive('gpu-a', 'alpha')
    expect(await scene.ask('vllm')).toBe('I am alpha.')
    expect(await scene.ask('vllm', 'alpha')).toBe('I am alpha.')
    expect(active.status.active.endpoint).toBe('http://vllm.story-a.svc:8000')
    expect(active.status.lastSwitch.result).toBe('Committed')
    await expectTold(scene, golden('to-active'))
  })

  it('vLLM by config file goes to a second model and back, with its downtime measured', async () => {
    const scene = await begin('story-b-vllm')
    await scene.apply([
      ...adoptByConfig(scene.namespace, 'alpha'),
      ...hubModels(scene.namespace, 'alpha', 'beta'),
    ])
    await scene.untilActive('gpu-a', 'alpha')
    for (const name of ['beta', 'alpha']) {
      await scene.wish('gpu-a', name)
      const { status } = await scene.untilActive('gpu-a', name)
      expect(status.lastSwitch).toMatchObject({ result: 'Committed', to: { model: name } })
      expect(status.lastSwitch.downtimeMilliseconds).toBeGreaterThan(0)
      expect(await scene.ask('vllm')).toBe(`I am ${name}.`)
    }
    await expectTold(scene, golden('vllm-there-and-back'))
  })

  it('a real Ollama goes to a second model and back in the same pod, and its alias goes with it', async () => {
    const scene = await begin('story-b-ollama')
    const { namespace } = scene
    const kubernetes = { deploymentName: 'ollama', serviceName: 'ollama' }
    const runtimes = [{ name: 'box' }]
    await scene.apply([
      claim(namespace, 'models'),
      service(namespace, 'ollama', 11434),
      deployment(ollama(namespace, images?.ollama ?? '')),
      ollamaModel(namespace, 'alpha', { runtimes }),
      ollamaModel(namespace, 'beta', { runtimes }),
      runtime(namespace, 'box', { engine: 'Ollama', activeModel: 'alpha-ollama', kubernetes, proof }),
    ])
    await scene.untilActive('box', 'alpha-ollama', 120)
    const [pod] = await scene.pods('ollama')
    expect(await scene.ask('ollama')).toBe('I am alpha.')
    for (const name of ['beta', 'alpha']) {
      await scene.wish('box', `${name}-ollama`)
      const { status } = await scene.untilActive('box', `${name}-ollama`)
      expect(status.lastSwitch).toMatchObject({ result: 'Committed', to: { model: `${name}-ollama` } })
      expect(status.lastSwitch.downtimeMilliseconds).toBeGreaterThan(0)
      expect(await scene.ask('ollama')).toBe(`I am ${name}.`)
      expect(await scene.ask('ollama', name)).toBe(`I am ${name}.`)
    }
    expect((await scene.pods('ollama')).map(one => one.metadata.uid)).toEqual([pod.metadata.uid])
    await expectTold(scene, golden('ollama-there-and-back'))
  })

  it('a model that does not load is rolled back with its reason; another one, or a retry, is tried', async () => {
    const scene = await begin('story-c')
    await scene.apply([
      ...adoptByConfig(scene.namespace, 'alpha'),
      ...hubModels(scene.namespace, 'alpha', 'beta', 'broken'),
    ])
    await scene.untilActive('gpu-a', 'alpha')
    await scene.wish('gpu-a', 'broken')
    const back = await scene.untilPhase('gpu-a', 'RolledBack')
    expect(back.status.lastSwitch).toMatchObject({ result: 'RolledBack', reason: 'LoadFailed' })
    expect(back.status.active.model).toBe('alpha')
    expect(conditionOf(back, 'Stalled')).toMatchObject({ status: 'True', reason: 'LoadFailed' })
    expect(conditionOf(back, 'Ready')).toMatchObject({ status: 'False', reason: 'LoadFailed' })
    expect(conditionOf(back, 'Ready').message).toMatch(/rolled back to alpha: .*(Error|failed)/)
    expect(conditionOf(back, 'Serving')).toMatchObject({ status: 'True', message: 'alpha answers' })
    expect(await scene.ask('vllm')).toBe('I am alpha.')

    const { id } = back.status.lastSwitch
    await scene.kubectl('annotate', 'runtime/gpu-a', 'switchyard.dev/retry-requested-at=now')
    const again = await until(
      () => scene.runtime('gpu-a'),
      ({ status }) => status.phase === 'RolledBack' && status.lastSwitch.id !== id,
    )
    expect(again.status.lastHandled.retry).toBe('now')

    await scene.wish('gpu-a', 'beta')
    await scene.untilActive('gpu-a', 'beta')
    expect(await scene.ask('vllm')).toBe('I am beta.')
    await expectTold(scene, golden('rolled-back'))
  })

  it('a second manager that applies a Deployment adopted by config file again breaks nothing', async () => {
    const scene = await begin('story-i-config')
    const objects = adoptByConfig(scene.namespace, 'alpha')
    const engine = objects.filter(one => one.kind === 'Deployment')
    await scene.apply([...objects, ...hubModels(scene.namespace, 'alpha', 'beta')])
    await scene.untilActive('gpu-a', 'alpha')
    await scene.wish('gpu-a', 'beta')
    await scene.untilActive('gpu-a', 'beta')
    const before = await stateOf(scene)

    await scene.apply(engine)
    await scene.apply(engine, ['--server-side', '--force-conflicts', '--field-manager=another'])
    // An annotation that kubectl adds or takes away counts as a generation, too.
    expect({ ...(await stateOf(scene)), generation: 0 }).toEqual({ ...before, generation: 0 })
    const changed = deployment(
      vllm(scene.namespace, image, { configMap: 'vllm-engine', env: { ENGINE_LOAD_MS: '500' } }),
    )
    await scene.apply([changed], ['--server-side', '--force-conflicts', '--field-manager=another'])
    await until(
      () => stateOf(scene).then(seen => ({ pods: seen.pods })),
      seen => seen.pods.length === 1 && seen.pods[0] !== before.pods[0],
    )
    await scene.untilActive('gpu-a', 'beta')
    await until(
      async () => ({ answer: await scene.ask('vllm') }),
      seen => seen.answer === 'I am beta.',
    )

    await cluster().kubectl(['replace', '-f', '-'], { input: JSON.stringify(engine[0]) })
    await sleep(3_000)
    await scene.untilActive('gpu-a', 'beta')
    await until(
      async () => ({ answer: await scene.ask('vllm') }),
      seen => seen.answer === 'I am beta.',
    )
    await scene.wish('gpu-a', 'alpha')
    await scene.untilActive('gpu-a', 'alpha')
    expect(await scene.ask('vllm')).toBe('I am alpha.')
    await expectTold(scene, golden('another-manager'))
  })

  it('by arguments, a rollingUpdate that another manager declares is named before anything is touched', async () => {
    const scene = await begin('story-i-conflict')
    const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } }
    await runFound(scene, { strategy }, ['--server-side', '--field-manager=another'])
    const before = await stateOf(scene)
    await scene.apply([
      adoptByArgs(scene.namespace, { activeModel: 'alpha' }),
      ...hubModels(scene.namespace, 'alpha'),
    ])
    const stopped = await until(
      () => scene.runtime('gpu-a'),
      seen => conditionOf(seen, 'Stalled') !== undefined,
    )
    expect(conditionOf(stopped, 'Stalled').reason).toBe('FieldConflict')
    expect(conditionOf(stopped, 'Stalled').message).toMatch(/another owns spec\.strategy/)
    expect(conditionOf(stopped, 'Serving').status).toBe('True')
    await sleep(3_000)
    expect(await stateOf(scene)).toEqual(before)
    expect(await scene.ask('vllm', 'found')).toBe('I am beta.')
    await expectTold(scene, golden('field-conflict'))
  })

  it('by arguments, a first switch that fails gives back what was found, and the next one switches', async () => {
    const scene = await begin('story-i-args')
    await runFound(scene)
    const found = await stateOf(scene)
    await scene.apply([
      adoptByArgs(scene.namespace, { activeModel: 'broken' }),
      ...hubModels(scene.namespace, 'alpha', 'broken'),
    ])
    const back = await scene.untilPhase('gpu-a', 'RolledBack', 120)
    expect(back.status.lastSwitch).toMatchObject({
      result: 'RolledBack',
      from: { recipe: 'AsFound' },
      reason: 'LoadFailed',
    })
    const now = await stateOf(scene)
    expect(now.spec.template).toEqual(found.spec.template)
    expect(now.spec.strategy.type).toBe('Recreate')
    expect(await scene.ask('vllm', 'found')).toBe('I am beta.')

    await scene.wish('gpu-a', 'alpha')
    await scene.untilActive('gpu-a', 'alpha')
    expect(await scene.ask('vllm')).toBe('I am alpha.')
    await expectTold(scene, golden('back-to-as-found'))
  })

  it('two models on one GPU never run beside each other, and no switch waits for ever', async () => {
    const scene = await begin('story-j')
    const { namespace } = scene
    const wish = vllm(namespace, image, { gpus: 1, args: [] })
    const runtimes = [{ name: 'made' }]
    await scene.apply([
      claim(namespace, 'models'),
      runtime(namespace, 'made', {
        engine: 'VLLM',
        activeModel: 'alpha',
        kubernetes: { podTemplate: { spec: podSpec(wish) }, serviceName: 'made' },
        proof,
        switch: { drainSeconds: 2 },
      }),
      hubModel(namespace, 'alpha', { runtimes }),
      hubModel(namespace, 'beta', { runtimes }),
    ])
    const pods = scene.watchPods('switchyard.dev/runtime=made')
    await scene.untilActive('made', 'alpha')
    for (const name of ['beta', 'alpha']) {
      await scene.wish('made', name)
      const { status } = await scene.untilActive('made', name)
      expect(status.lastSwitch).toMatchObject({ result: 'Committed', to: { model: name } })
      expect(await scene.ask('made')).toBe(`I am ${name}.`)
    }
    pods.end()
    expect(pods.seen()).toBe(3)
    expect(pods.mostRunning()).toBe(1)
    await expectTold(scene, golden('one-gpu'))
  })

  it('a Runtime without activeModel tells what a live Deployment serves and leaves it untouched', async () => {
    const scene = await begin('story-l')
    await runFound(scene)
    const before = await stateOf(scene)
    await scene.apply([adoptByArgs(scene.namespace, {})])
    const seen = await scene.untilPhase('gpu-a', 'Observing')
    expect(seen.status.serving).toBe('serves found')
    await until(
      () => scene.runtime('gpu-a'),
      one => conditionOf(one, 'Ready').status === 'True',
      20,
    )
    await sleep(3_000)
    expect(await stateOf(scene)).toEqual(before)
    const { metadata } = await scene.deployment('vllm')
    expect(Object.keys(metadata.annotations).filter(name => name.startsWith('switchyard.dev/'))).toEqual([])
    await expectTold(scene, golden('observing'))
  })

  it('an operator killed at ten random moments ends with the right model, and no byte or Job twice', async () => {
    const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
    console.log(`moments of the kills come from SEED=${seed}`)
    const random = randomFrom(seed)
    const scene = await begin('story-e')
    const { namespace } = scene
    const names = ['one', 'two', 'three']
    town.hub.setFault('model.safetensors', { kind: 'slow', bytesPerSecond: 2_000_000 })
    await scene.apply([...adoptByConfig(namespace, 'one'), ...hubModels(namespace, ...names)])
    for (let n = 0; n < 10; n++) {
      await scene.wish('gpu-a', names[n % 3] ?? '')
      await sleep(random() * 8_000)
      await killOperator(cluster())
    }
    await scene.wish('gpu-a', 'two')
    await scene.untilActive('gpu-a', 'two', 240)
    expect(await scene.ask('vllm')).toBe('I am two.')
    for (const name of names) {
      const model = await until(() => town.get(namespace, 'model', name), isReady, 60)
      expect(bytesFetched(name)).toBeLessThanOrEqual(1.05 * model.status.resolved.bytes)
    }
    const jobs = cluster()
      .auditEvents()
      .filter(event => event.verb === 'create' && event.objectRef?.resource === 'jobs')
      .filter(event => event.objectRef?.namespace === namespace && event.responseStatus?.code === 201)
      .map(event => event.objectRef?.name)
    expect(new Set(jobs).size).toBe(jobs.length)
    expect(jobs).toHaveLength(2 * names.length)
    await expectTold(scene, golden('killed'))
  }, 600_000)

  /** Of weights alone: what else there is, is small and may be read again by a resolve. */
  const bytesFetched = (name: string): number =>
    town.hub.requests
      .filter(request => request.origin === 'cdn' && request.path.includes(`tiny/${name}/`))
      .reduce((sum, request) => sum + request.bytesSent, 0)
})
