// The stories of a cluster on a host: the same objects pass through the same phases, held against the same golden files.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { freePort } from '../stand-ins/engine/start.ts'
import { filesOfFolder, type Hub, startHub } from '../stand-ins/hub.ts'
import { writeTinyModel } from '../stand-ins/tiny-model.ts'
import { openMachine } from './host-daemon.ts'
import { awaitStory, followBy, type Story } from './story.ts'
import type { Seen } from './town.ts'

const apiVersion = 'switchyard.dev/v1alpha1'
const golden = (name: string) => new URL(`./golden/${name}.txt`, import.meta.url)
const names = ['alpha', 'beta', 'broken', 'big'] as const
const weights = 2_000_000
/** A small part of the shortest phase: an engine ends slowly here, so that no look can miss it. */
const lookMs = 25

describe('The stories of a cluster, on a host', () => {
  const folder = mkdtempSync(join(tmpdir(), 'switchyard-stories-'))
  let hub: Hub
  let machine: Awaited<ReturnType<typeof openMachine>>
  let daemon: ReturnType<typeof machine.begin>
  const stories: Story[] = []

  beforeAll(async () => {
    const models = names.map(name =>
      writeTinyModel(join(folder, name), {
        name,
        answer: `I am ${name}.`,
        padBytes: weights,
        forms: ['huggingFace'],
        ...(name === 'broken' ? { fault: 'load-fails' } : {}),
      }),
    )
    hub = await startHub({
      repos: models.map(one => ({ id: `tiny/${one.name}`, files: filesOfFolder(one.folder) })),
    })
    machine = await openMachine({
      hubUrl: hub.url,
      engine: { ENGINE_LOAD_MS: '1000', ENGINE_STOP_MS: '700' },
    })
    daemon = machine.begin()
    await until('it runs', () => machine.starts() > 0)
  })
  afterAll(async () => {
    for (const story of stories) story.end()
    daemon?.kill('SIGKILL')
    await daemon
    machine?.close()
    await hub?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const until = async (what: string, holds: () => unknown | Promise<unknown>): Promise<void> => {
    for (const end = Date.now() + 90_000; Date.now() < end; await sleep(50)) if (await holds()) return
    throw new Error(`not seen: ${what}\n${stories.at(-1)?.lines.join('\n')}\n${machine.log()}`)
  }

  /** One namespace and one folder for a story. */
  const begin = async (namespace: string) => {
    const items = async (): Promise<readonly Seen[]> =>
      (
        await Promise.all(
          ['models', 'runtimes'].map(plural => machine.look(`/api/v1/${plural}?namespace=${namespace}`)),
        )
      ).flatMap(answer => (answer as { items: readonly Seen[] }).items)
    const story = followBy(items, lookMs)
    stories.push(story)
    const port = await freePort()
    const done = async (words: readonly string[], input?: string): Promise<void> => {
      const { exitCode, stderr } = await machine.type([...words, '-n', namespace], input)
      expect(exitCode, `switchyard ${words.join(' ')}: ${stderr}`).toBe(0)
    }
    const apply = (...objects: readonly object[]) =>
      done(['apply', '-f', '-'], objects.map(one => stringify(one)).join('---\n'))
    const storage = { directory: join(folder, namespace) }
    const runtime = (spec: object = {}) => ({
      apiVersion,
      kind: 'Runtime',
      metadata: { name: 'gpu-a', namespace },
      spec: { engine: 'VLLM', host: { port }, storage, switch: { drainSeconds: 1 }, ...spec },
    })
    const model = (name: string) => ({
      apiVersion,
      kind: 'Model',
      metadata: { name, namespace },
      spec: { source: { huggingFace: { repo: `tiny/${name}` } }, runtimes: [{ name: 'gpu-a' }] },
    })
    mkdirSync(storage.directory)
    const find = async (kind: string, name: string): Promise<Seen> =>
      (await items()).find(one => one.kind === kind && one.metadata.name === name)
    const serves = (name: string) =>
      until(`${name} serves`, async () => {
        const { status } = await find('Runtime', 'gpu-a')
        return status?.phase === 'Active' && status.active?.model === name
      })
    const isIn = (name: string, phase: string) =>
      until(`${name} is ${phase}`, async () => (await find('Model', name))?.status?.phase === phase)
    return { story, done, apply, runtime, model, find, serves, isIn }
  }

  it('vLLM goes to a second model and back, with its downtime measured', async () => {
    const { story, done, apply, runtime, model, find, serves } = await begin('there-and-back')
    await apply(model('alpha'), model('beta'), runtime({ activeModel: 'alpha' }))
    await serves('alpha')
    for (const name of ['beta', 'alpha']) {
      await done(['activate', name, '--on', 'gpu-a'])
      await serves(name)
      const { lastSwitch } = (await find('Runtime', 'gpu-a')).status
      expect(lastSwitch).toMatchObject({ result: 'Committed', to: { model: name } })
      expect(lastSwitch.downtimeMilliseconds).toBeGreaterThan(0)
    }
    await awaitStory(story, golden('switching-vllm-there-and-back'))
  })

  it('a model that does not load is rolled back with its reason; another one, or a retry, is tried', async () => {
    const { story, done, apply, runtime, model, find, serves } = await begin('rolled-back')
    const lastId = async () => {
      const { status } = await find('Runtime', 'gpu-a')
      return status.phase === 'RolledBack' ? status.lastSwitch.id : undefined
    }
    await apply(model('alpha'), model('beta'), model('broken'), runtime({ activeModel: 'alpha' }))
    await serves('alpha')
    await done(['activate', 'broken', '--on', 'gpu-a'])
    await until('it is rolled back', lastId)
    const first = await lastId()
    await done(['retry', 'runtime/gpu-a'])
    await until('it is rolled back again', async () => ![undefined, first].includes(await lastId()))
    await done(['activate', 'beta', '--on', 'gpu-a'])
    await serves('beta')
    await awaitStory(story, golden('switching-rolled-back'))
  })

  it('a download is paused and goes on', async () => {
    const { story, done, apply, runtime, model, isIn } = await begin('paused')
    hub.setFault('tiny/big/model.safetensors', { kind: 'slow', bytesPerSecond: weights / 10 })
    await apply(runtime(), model('big'))
    await isIn('big', 'Downloading')
    await done(['pause', 'model/big'])
    await isIn('big', 'Paused')
    hub.setFault('tiny/big/model.safetensors', { kind: 'slow', bytesPerSecond: weights / 2 })
    await done(['resume', 'model/big'])
    await isIn('big', 'Ready')
    await awaitStory(story, golden('models-progress-and-pause'))
  })
})
