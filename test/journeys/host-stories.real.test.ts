// The stories of a cluster on a host: the same objects pass through the same phases, held against the same golden files. A host has no part
// for `models-unbound-claim` (claims), `switching-field-conflict` and `switching-another-manager` (managers of fields).
// `switching-back-to-as-found` needs a unit of somebody else: host-vllm-unit.real.test.ts.
import { mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest'
import { bundleEngine } from '../stand-ins/engine/bundle.ts'
import { ollamaLayers, writeOllamaStore } from '../stand-ins/tiny-model.ts'
import { askWho } from './ask-who.ts'
import { type HostScene, openHostScene } from './host-scene.ts'
import { beginStory, type HostStory } from './host-story.ts'
import { randomFrom } from './random.ts'
import { awaitStory } from './story.ts'
import { conditionOf, isReady, type Seen } from './town.ts'

const golden = (name: string) => new URL(`./golden/${name}.txt`, import.meta.url)
const names = [
  'alpha',
  'beta',
  'broken',
  'big',
  'gated',
  'one',
  'two',
  'three',
  'thrifty',
  'revised',
] as const
const padBytes = 1_000_000

/** Of the stand-in's log: milliseconds by a clock that all processes share. */
const momentOf = (log: string, stamp: string): number => {
  const line = log.split('\n').findLast(one => one.startsWith(`{"stamp":"${stamp}"`))
  return (JSON.parse(line ?? '{}') as { readonly monotonic: number }).monotonic
}

describe.concurrent('The stories of a cluster, on a host', () => {
  let scene: HostScene

  beforeAll(async () => {
    scene = await openHostScene({
      models: names.map(name => ({ name, padBytes, ...(name === 'broken' ? { fault: 'load-fails' } : {}) })),
      engine: { ENGINE_LOAD_MS: '300' },
    })
    await scene.begin()
  })
  afterAll(() => scene?.close())

  const begin = async (name: string, { onTestFinished }: TestContext): Promise<HostStory> => {
    const story = await beginStory(scene, name)
    onTestFinished(story.end)
    return story
  }

  it('a Model and a Runtime that are applied become active, and the engine answers with the model', async context => {
    const { story, port, apply, runtime, fromHub, serves } = await begin('to-active', context)
    await apply(runtime('gpu-a', { activeModel: 'alpha' }), fromHub('alpha', 'gpu-a'))
    const { status } = await serves('gpu-a', 'alpha')
    expect(await askWho(port)).toBe('I am alpha.')
    expect(status.active.endpoint).toBe(`http://127.0.0.1:${port}`)
    expect(status.lastSwitch.result).toBe('Committed')
    await awaitStory(story, golden('switching-to-active'))
  })

  it.for([
    ['vLLM goes to a second model and back, with its downtime measured', 'gpu-a', 'vllm-there-and-back'],
    ['two models on one GPU never run beside each other, and no switch waits for ever', 'made', 'one-gpu'],
  ])('%s', async ([, name = '', file = ''], context) => {
    const { story, port, type, apply, runtime, fromHub, serves } = await begin(file, context)
    await apply(...['alpha', 'beta'].map(one => fromHub(one, name)), runtime(name, { activeModel: 'alpha' }))
    await serves(name, 'alpha')
    for (const model of ['beta', 'alpha']) {
      await type(['activate', model, '--on', name])
      const { status } = await serves(name, model)
      expect(status.lastSwitch).toMatchObject({ result: 'Committed', to: { model } })
      expect(status.lastSwitch.downtimeMilliseconds).toBeGreaterThan(0)
      expect(await askWho(port)).toBe(`I am ${model}.`)
      const [before, now] = [await type(['logs', name, '--previous']), await type(['logs', name])]
      expect(momentOf(before, 'unloaded')).toBeLessThan(momentOf(now, 'loading'))
    }
    await awaitStory(story, golden(`switching-${file}`))
  })

  it('an Ollama goes to a second model and back in the same process, and its alias goes with it', async context => {
    const { story, port, type, apply, runtime, fromRegistry, serves } = await begin('ollama', context)
    const runtimes = [{ name: 'box' }]
    await apply(
      ...['alpha', 'beta'].map(one => fromRegistry(one, { runtimes })),
      runtime('box', { engine: 'Ollama', activeModel: 'alpha-ollama' }),
    )
    await serves('box', 'alpha-ollama')
    for (const name of ['beta', 'alpha']) {
      await type(['activate', `${name}-ollama`, '--on', 'box'])
      const { status } = await serves('box', `${name}-ollama`)
      expect(status.lastSwitch).toMatchObject({ result: 'Committed', to: { model: `${name}-ollama` } })
      expect(await askWho(port)).toBe(`I am ${name}.`)
    }
    await awaitStory(story, golden('switching-ollama-there-and-back'))
  })

  it('a model that does not load is rolled back with its reason; another one, or a retry, is tried', async context => {
    const { story, port, type, apply, runtime, fromHub, serves, until } = await begin('rolled-back', context)
    const isBack = (before?: string) => (seen: Seen) =>
      seen.status.phase === 'RolledBack' && seen.status.lastSwitch.id !== before
    await apply(
      ...['alpha', 'beta', 'broken'].map(one => fromHub(one, 'gpu-a')),
      runtime('gpu-a', { activeModel: 'alpha' }),
    )
    await serves('gpu-a', 'alpha')
    await type(['activate', 'broken', '--on', 'gpu-a'])
    const back = await until(['Runtime', 'gpu-a'], 'is rolled back', isBack())
    expect(back.status.lastSwitch).toMatchObject({ result: 'RolledBack', reason: 'LoadFailed' })
    expect(conditionOf(back, 'Stalled')).toMatchObject({ status: 'True', reason: 'LoadFailed' })
    expect(conditionOf(back, 'Ready').message).toMatch(/rolled back to alpha: .*(Error|failed)/)
    expect(conditionOf(back, 'Serving')).toMatchObject({ status: 'True', message: 'alpha answers' })
    expect(await askWho(port)).toBe('I am alpha.')
    await type(['retry', 'runtime/gpu-a'])
    await until(['Runtime', 'gpu-a'], 'is rolled back again', isBack(back.status.lastSwitch.id))
    await type(['activate', 'beta', '--on', 'gpu-a'])
    await serves('gpu-a', 'beta')
    await awaitStory(story, golden('switching-rolled-back'))
  })

  it('a Runtime without activeModel tells what a live engine serves and leaves it untouched', async context => {
    const { story, folder, port, apply, runtime, until } = await begin('observing', context)
    writeOllamaStore(folder, 'library/found', ollamaLayers(scene.model('beta')))
    const engine = await scene.stranger('ollama', { OLLAMA_HOST: `127.0.0.1:${port}`, OLLAMA_MODELS: folder })
    const load = () =>
      fetch(`http://127.0.0.1:${port}/api/generate`, { method: 'POST', body: '{"model":"found"}' })
    await scene.until('it is loaded', async () => (await load().catch(() => undefined))?.ok)
    const before = readdirSync(folder, { recursive: true })
    const url = `http://127.0.0.1:${port}`
    await apply(runtime('gpu-a', { engine: 'Ollama', host: { url }, storage: { directory: folder } }))
    const seen = await until(['Runtime', 'gpu-a'], 'is ready', isReady)
    expect([seen.status.phase, seen.status.serving]).toEqual(['Observing', 'serves found:latest'])
    await sleep(1_000)
    expect(readdirSync(folder, { recursive: true })).toEqual(before)
    expect([engine.exitCode, engine.signalCode]).toEqual([null, null])
    await awaitStory(story, golden('switching-observing'))
  })

  it('a download is paused and goes on', async context => {
    const { story, type, apply, runtime, fromHub, until, isReady } = await begin('paused', context)
    scene.hub.setFault('tiny/big/model.safetensors', { kind: 'stall', after: padBytes / 3 })
    await apply(runtime('volume'), fromHub('big', 'volume'))
    await scene.until('a third of it has come', () => scene.sent('big') > padBytes / 3)
    await type(['pause', 'model/big'])
    await until(['Model', 'big'], 'is paused', seen => seen.status.phase === 'Paused')
    scene.hub.setFault('tiny/big/model.safetensors', undefined)
    await type(['resume', 'model/big'])
    await isReady('big')
    await awaitStory(story, golden('models-progress-and-pause'))
  })

  it('a quota that is too small is told with both numbers before the first byte, and raising it is enough', async context => {
    const { story, apply, runtime, fromHub, says, isReady } = await begin('quota', context)
    await apply(
      runtime('volume', { storage: { quota: '100Ki' } }),
      fromHub('beta', 'volume', { repo: 'tiny/thrifty' }),
    )
    const blocked = await says('Model', 'beta', 'OverBudget')
    const { failure } = blocked.status.copies[0]
    expect([blocked.status.phase, failure.haveBytes]).toEqual(['Blocked', 102_400])
    for (const bytes of [failure.needBytes, failure.haveBytes])
      expect(conditionOf(blocked, 'Ready').message).toContain(String(bytes))
    expect(scene.sent('thrifty')).toBe(0)
    await apply(runtime('volume', { storage: { quota: '1Gi' } }))
    await isReady('beta')
    expect(scene.sent('thrifty')).toBeGreaterThan(padBytes)
    await awaitStory(story, golden('models-quota'))
  })

  it('a missing token is waited for; it heals by itself and the token shows nowhere', async context => {
    const token = 'hf_ThisIsTheSecretOfTheStory0123456789'
    const { story, type, apply, runtime, fromHub, says, isReady } = await begin('token', context)
    scene.hub.gate('tiny/gated', token)
    await apply(runtime('volume'), fromHub('gated', 'volume', { tokenSecretRef: { name: 'hub-token' } }))
    const waiting = await says('Model', 'gated', 'TokenSecretMissing')
    expect([waiting.status.phase, conditionOf(waiting, 'Stalled')]).toEqual(['Waiting', undefined])
    expect(conditionOf(waiting, 'Ready').message).toContain('tokenSecretRef')
    await scene.done(['login', 'hub-token', '--key', 'endpoint'], scene.hub.url)
    await scene.done(['login', 'hub-token'], token)
    await isReady('gated')
    const told = [
      await type(['get', '-o', 'json']),
      await type(['events', '-o', 'json']),
      scene.machine.log(),
    ]
    expect(told.join()).toContain('hub-token')
    expect(told.join()).not.toContain(token)
    await awaitStory(story, golden('models-token-missing'))
  })

  it('two revisions of one repository share their blobs, and removing one keeps the other complete', async context => {
    const {
      story,
      folder,
      type,
      apply,
      runtime,
      fromHub,
      until,
      isReady: ready,
    } = await begin('revisions', context)
    const first = scene.hub.commitOf('tiny/revised')
    const second = scene.hub.addCommit('tiny/revised', 'main', {
      'generation_config.json': '{ "temperature": 0.5 }',
    })
    const pinned = (name: string, revision: string) => {
      const model = fromHub('revised', 'volume', { revision })
      return { ...model, metadata: { ...model.metadata, name } }
    }
    await apply(runtime('volume'), pinned('old', first))
    await ready('old')
    await apply(pinned('new', second))
    await ready('new')
    const repo = join(folder, 'hub/models--tiny--revised')
    const weights = (revision: string) => statSync(join(repo, 'snapshots', revision, 'model.safetensors'))
    const blobs = () => readdirSync(join(repo, 'blobs')).length
    expect(weights(first).ino).toBe(weights(second).ino)
    const files = readdirSync(join(repo, 'snapshots', second)).length
    expect(blobs()).toBe(files + 1)
    await type(['delete', 'model/old', '--wait', '60'])
    expect(readdirSync(join(repo, 'snapshots'))).toEqual([second])
    expect(blobs()).toBe(files)
    await until(['Model', 'new'], 'has the bytes', seen => seen.status.copies[0].bytesStored >= padBytes)
    await type(['verify', 'new'])
    await until(['Model', 'new'], 'is verified', seen => seen.status.lastHandled?.verify && isReady(seen))
    await awaitStory(story, golden('models-two-revisions'))
  })

  it('a Model that is active is not deleted; when another is active it goes, and its bytes go', async context => {
    const { story, folder, port, type, apply, runtime, fromRegistry, serves, says, until, ...rest } =
      await begin('in-use', context)
    const runtimes = [{ name: 'ollama' }]
    await apply(
      runtime('ollama', { engine: 'Ollama', activeModel: 'alpha-ollama' }),
      fromRegistry('alpha'),
      fromRegistry('beta', { runtimes }),
    )
    await serves('ollama', 'alpha-ollama')
    await rest.isReady('beta-ollama')
    const manifests = () => readdirSync(join(folder, 'ollama/manifests/registry.ollama.ai/library'))
    expect(manifests()).toContain('alpha')
    expect(await type(['delete', 'model/alpha-ollama'])).toContain('is being deleted')
    const kept = await says('Model', 'alpha-ollama', 'ModelInUse')
    expect([kept.status.phase, kept.status.inUseBy]).toEqual(['Deleting', ['ollama']])
    expect(await askWho(port)).toBe('I am alpha.')
    await type(['activate', 'beta-ollama', '--on', 'ollama'])
    await serves('ollama', 'beta-ollama')
    await scene.until('it is gone', async () => !(await rest.find('Model', 'alpha-ollama')))
    expect(manifests()).not.toContain('alpha')
    expect(await askWho(port)).toBe('I am beta.')
    await awaitStory(story, golden('models-delete-in-use'))
  })

  it('what is applied before the things it names waits for each by its name, and heals', async context => {
    const { story, folder, port, apply, runtime, fromRegistry, serves, says, isReady } = await begin(
      'too-early',
      context,
    )
    const place = { program: join(folder, 'bin/ollama'), directory: join(folder, 'models') }
    await apply(fromRegistry('beta', { runtimes: [{ name: 'late' }] }))
    await says('Model', 'beta-ollama', 'RuntimeNotFound')
    await apply(
      runtime('late', {
        engine: 'Ollama',
        activeModel: 'alpha-ollama',
        host: { port, command: [place.program, 'serve'] },
        storage: { directory: place.directory },
      }),
    )
    await says('Runtime', 'late', 'DeploymentNotFound')
    await bundleEngine(dirname(place.program), process.execPath)
    await says('Runtime', 'late', 'ClaimNotFound')
    await says('Model', 'beta-ollama', 'ClaimNotFound')
    mkdirSync(place.directory)
    await says('Runtime', 'late', 'ModelNotFound')
    await isReady('beta-ollama')
    await apply(fromRegistry('alpha'))
    await serves('late', 'alpha-ollama')
    // Nothing stands between clients and the engine of a host: there is no Service to wait for.
    await awaitStory(story, golden('models-too-early'), ['ServiceNotFound'])
  })

  it('an engine behind a key waits for it at the proof, and is Active by itself; the key shows nowhere', async context => {
    const key = 'sk-canary-0b5e1d7c93f24a68'
    const { story, folder, port, type, apply, runtime, fromHub, serves, says } = await begin('key', context)
    const program = join(folder, 'bin/vllm')
    const plain = join(scene.machine.programs, 'vllm')
    mkdirSync(dirname(program))
    const words = `process.env.VLLM_API_KEY = '${key}'\nawait import('${plain}')\n`
    writeFileSync(program, `#!${process.execPath}\n${words}`, { mode: 0o700 })
    await apply(
      ...['alpha', 'beta'].map(one => fromHub(one, 'vllm-key')),
      runtime('vllm-key', {
        activeModel: 'alpha',
        host: { port, command: [program, 'serve'] },
        apiKeySecretRef: { name: 'vllm-key', key: 'api-key' },
      }),
    )
    const waiting = await says('Runtime', 'vllm-key', 'EngineKeyNeeded')
    expect(waiting.status).toMatchObject({ phase: 'Switching', switch: { step: 'Verifying' } })
    expect(conditionOf(waiting, 'Ready').message).toContain('apiKeySecretRef')
    await scene.done(['login', 'vllm-key', '--key', 'api-key'], key)
    await serves('vllm-key', 'alpha')
    await expect(askWho(port)).rejects.toThrow()
    for (const name of ['beta', 'alpha']) {
      await type(['activate', name, '--on', 'vllm-key'])
      await serves('vllm-key', name)
    }
    const told = [
      await type(['get', '-o', 'json']),
      await type(['events', '-o', 'json']),
      await type(['logs', 'vllm-key']),
      await scene.machine.scrape(),
      scene.machine.log(),
    ]
    expect(told.join()).toContain('vllm-key')
    expect(told.join()).not.toContain(key)
    await awaitStory(story, golden('engine-key'))
  })

  it('a daemon killed at ten random moments ends with the right model, and no byte twice', {
    concurrent: false,
  }, async context => {
    const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000)
    console.log(`moments of the kills come from SEED=${seed}`)
    const random = randomFrom(seed)
    const { story, port, type, apply, runtime, fromHub, serves, isReady } = await begin('killed', context)
    const three = ['one', 'two', 'three']
    scene.hub.setFault('model.safetensors', { kind: 'slow', bytesPerSecond: padBytes / 2 })
    await apply(runtime('gpu-a', { activeModel: 'one' }), ...three.map(one => fromHub(one, 'gpu-a')))
    for (let n = 0; n < 10; n++) {
      await type(['activate', three[n % 3] ?? '', '--on', 'gpu-a'])
      await sleep(random() * 1_500)
      await scene.kill()
      await scene.begin()
    }
    await type(['activate', 'two', '--on', 'gpu-a'])
    await serves('gpu-a', 'two')
    expect(await askWho(port)).toBe('I am two.')
    for (const name of three) {
      const { status } = await isReady(name)
      expect(scene.sent(name)).toBeLessThanOrEqual(1.05 * status.resolved.bytes)
    }
    await awaitStory(story, golden('switching-killed'))
  })
})
