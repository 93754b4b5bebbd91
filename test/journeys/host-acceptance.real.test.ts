// The points of the acceptance list that need a whole host: two stores on one volume, a daemon that is killed, engines, and a stranger among the processes.
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ModelStatus } from '../../src/domain/model.ts'
import type { RuntimeStatus } from '../../src/domain/runtime.ts'
import { freePort } from '../stand-ins/engine/start.ts'
import { ollamaLayers, writeTinyModel } from '../stand-ins/tiny-model.ts'
import { openTmpfs, whyNoMount } from '../worker/small-volume.ts'
import { askWho } from './ask-who.ts'
import { type HostScene, openHostScene } from './host-scene.ts'

const weights = 3_000_000
/** So slowly that what a test looks for is seen on any machine, until it has been. */
const slowly = (until: AbortController) =>
  ({ kind: 'slow', bytesPerSecond: weights / 60, until: until.signal }) as const
const apiVersion = 'switchyard.dev/v1alpha1'

const aModel = (name: string, source: object, runtime: string) => ({
  apiVersion,
  kind: 'Model',
  metadata: { name },
  spec: { source, runtimes: [{ name: runtime }] },
})
const aRuntime = (name: string, spec: object) => ({
  apiVersion,
  kind: 'Runtime',
  metadata: { name },
  spec: { host: {}, switch: { drainSeconds: 1 }, ...spec },
})
const fromHub = (name: string, repo = name) => aModel(name, { huggingFace: { repo: `tiny/${repo}` } }, 'gpu')
const fromRegistry = (name: string) => aModel(name, { ollama: { name } }, 'ollama')

/** Each file once, however many names it has; links are not followed. */
const filesIn = (folder: string): ReadonlyMap<number, { readonly path: string; readonly size: number }> =>
  new Map(
    readdirSync(folder, { recursive: true, encoding: 'utf8' }).flatMap(name => {
      const path = join(folder, name)
      const entry = lstatSync(path)
      return entry.isFile() ? [[entry.ino, { path, size: entry.size }] as const] : []
    }),
  )
const bytesIn = (folder: string): number =>
  [...filesIn(folder).values()].reduce((sum, { size }) => sum + size, 0)
const sha256 = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex')

const commandLines = (): readonly string[] =>
  readdirSync('/proc').flatMap(pid => {
    try {
      return /^\d+$/.test(pid) ? [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')] : []
    } catch {
      return []
    }
  })

const noMount = whyNoMount()
if (noMount) console.log(`11. is tried without a disk that is full: ${noMount}`)

describe('The acceptance list of a host', () => {
  const ports = { gpu: 0, ollama: 0 }
  const seen = { gamma: new AbortController(), alpha: new AbortController(), beta: new AbortController() }
  let scene: HostScene

  beforeAll(async () => {
    scene = await openHostScene({
      models: [
        ...(['alpha', 'beta', 'broken', 'later'] as const).map(name => ({
          name,
          padBytes: weights,
          forms: ['huggingFace'] as const,
          ...(name === 'broken' ? { fault: 'load-fails' } : {}),
        })),
        { name: 'gamma', padBytes: weights, forms: ['gguf'] },
      ],
    })
    scene.hub.setFault('model.safetensors', slowly(seen.alpha))
    scene.registry.setFault('*', slowly(seen.gamma))
    for (const name of ['gpu', 'ollama'] as const) ports[name] = await freePort()
    await scene.begin()
  })
  afterAll(() => scene?.close())

  const until = (what: string, holds: () => unknown) => scene.until(what, holds)
  const done = (words: readonly string[]) => scene.done(words)
  const apply = (...objects: readonly object[]) => scene.apply(...objects)
  const runtimes = (quota?: number) => {
    const storage = quota === undefined ? {} : { storage: { quota: String(quota) } }
    return apply(
      aRuntime('gpu', { engine: 'VLLM', host: { port: ports.gpu }, ...storage }),
      aRuntime('ollama', { engine: 'Ollama', host: { port: ports.ollama }, ...storage }),
    )
  }
  const statusOf = async <T>(kind: 'model' | 'runtime', name: string): Promise<T> =>
    (JSON.parse(await done(['get', kind, name, '-o', 'json'])) as { status: T }).status
  const model = (name: string) => statusOf<ModelStatus>('model', name)
  const stored = async (name: string) => (await model(name)).copies?.[0]?.bytesStored ?? 0
  const installOf = async (name: string) =>
    (await model(name)).operations?.find(({ type }) => type === 'Install')
  const isReady = (name: string) =>
    until(`${name} is ready`, async () => (await model(name)).phase === 'Ready')
  const risesTwice = async (name: string): Promise<void> => {
    const values = new Set<number>()
    await until(`bytes of ${name}, twice`, async () => {
      const { bytesDone = 0, bytesTotal = 0 } = (await model(name)).progress ?? {}
      if (bytesDone > 0 && bytesDone < bytesTotal) values.add(bytesDone)
      return values.size >= 2
    })
    expect([...values]).toEqual([...values].sort((a, b) => a - b))
  }

  it('1. Progress moves in bytes for both sources', async () => {
    await runtimes()
    await apply(fromRegistry('gamma'))
    await until('gamma is fetched', async () => (await model('gamma')).phase === 'Downloading')
    // On one volume they come one after the other.
    await apply(fromHub('alpha'))
    await risesTwice('gamma')
    seen.gamma.abort()
    await risesTwice('alpha')
  })

  it('8. Operations survive a restart of the manager', async () => {
    const before = await installOf('alpha')
    expect(before).toMatchObject({ phase: 'Running', type: 'Install' })
    expect(before).not.toHaveProperty('finishedAt')
    await apply(fromHub('twin', 'alpha'))
    await scene.kill()
    seen.alpha.abort()
    await scene.begin()
    await isReady('alpha')
    expect(await installOf('alpha')).toMatchObject({
      id: before?.id,
      startedAt: before?.startedAt,
      phase: 'Succeeded',
      finishedAt: expect.stringMatching(/Z$/),
    })
  })

  it('9. A second install of the same model joins the first', async () => {
    await isReady('twin')
    expect((await installOf('twin'))?.phase).toBe('Succeeded')
    expect(scene.sent('alpha')).toBeLessThan(1.1 * weights)
  })

  it('4. Install records path, size, checksum, real capabilities', async () => {
    const { resolved, copies = [], capabilities } = await model('alpha')
    const [{ path = '', receipt, bytesDone }] = copies as [(typeof copies)[number]]
    const names = readdirSync(path)
    expect(names).toEqual(expect.arrayContaining(['config.json', 'model.safetensors']))
    const size = names.reduce((sum, name) => sum + statSync(join(path, name)).size, 0)
    expect([bytesDone, resolved?.bytes]).toEqual([size, size])
    const receipts = [...filesIn(path.slice(0, path.indexOf('/hub/'))).values()]
      .map(file => file.path)
      .filter(file => file.includes('/.switchyard/'))
    expect(receipts.map(sha256)).toContain(receipt)
    const config = JSON.parse(readFileSync(join(path, 'config.json'), 'utf8')) as Record<string, unknown>
    expect(capabilities?.contextLength).toBe(config['max_position_embeddings'])
  })

  it('5. Activation gives vLLM a directory that exists', async () => {
    await done(['activate', 'alpha', '--on', 'gpu', '--wait', '60'])
    const [line = ''] = commandLines().filter(one => one.includes(`--port ${ports.gpu}`))
    const words = line.split(' ')
    const given = words[words.indexOf('serve') + 1] ?? ''
    expect(statSync(given).isDirectory()).toBe(true)
    expect(existsSync(join(given, 'config.json'))).toBe(true)
    expect(await askWho(ports.gpu)).toBe(scene.model('alpha').answer)
  })

  it('7. Failed restart => failed activation => previous model serving', async () => {
    scene.hub.setFault('model.safetensors', undefined)
    scene.registry.setFault('*', undefined)
    await apply(fromHub('broken'))
    await isReady('broken')
    const { exitCode } = await scene.machine.type(['activate', 'broken', '--on', 'gpu', '--wait', '60'])
    expect(exitCode).toBe(2)
    const { lastSwitch, operations } = await statusOf<RuntimeStatus>('runtime', 'gpu')
    expect(lastSwitch).toMatchObject({ result: 'RolledBack', to: { model: 'broken' } })
    expect(operations?.[0]).toMatchObject({ type: 'Activate', phase: 'Failed', to: 'broken' })
    expect(await askWho(ports.gpu)).toBe(scene.model('alpha').answer)
  })

  it('11. Quota counts both stores, in-flight bytes and free disk', async () => {
    const used = (await stored('alpha')) + (await stored('broken')) + (await stored('gamma'))
    expect(used).toBeGreaterThan(2.9 * weights)
    const quota = used + 1.5 * weights
    await runtimes(quota)
    scene.hub.setFault('model.safetensors', slowly(seen.beta))
    await apply(fromHub('beta'))
    await until('beta is fetched', async () => (await model('beta')).phase === 'Downloading')
    const bytes = (await model('beta')).resolved?.bytes ?? 0
    const delta = writeTinyModel(join(scene.folder, 'delta'), {
      name: 'delta',
      padBytes: weights,
      forms: ['gguf'],
    })
    scene.registry.addModel('library/delta', ollamaLayers(delta))
    await apply(fromRegistry('delta'))
    seen.beta.abort()
    await until('delta is blocked', async () => (await model('delta')).phase === 'Blocked')
    const { haveBytes = 0 } = (await model('delta')).copies?.[0]?.failure ?? {}
    // The two images share a layer of some bytes, which are there already.
    expect(Math.abs(haveBytes - (quota - used - bytes))).toBeLessThan(2_000)
    await done(['delete', 'model', 'delta'])
    if (!noMount) await expectFullDisk()
  })

  /** The disk is large enough for the model, and not free enough. */
  const expectFullDisk = async (): Promise<void> => {
    const disk = openTmpfs('size=32m')
    try {
      await apply(
        aRuntime('disk', { engine: 'VLLM', storage: { directory: disk.path } }),
        aModel('wide', { huggingFace: { repo: 'tiny/later' } }, 'disk'),
      )
      await until('wide is blocked', async () => (await model('wide')).phase === 'Blocked')
      const { conditions, copies = [] } = await model('wide')
      const { reason, needBytes = 0, haveBytes = 0 } = copies[0]?.failure ?? {}
      expect([reason, haveBytes > 30 * 2 ** 20, needBytes > haveBytes]).toEqual(['NoSpace', true, true])
      expect(JSON.stringify(conditions)).toContain(
        `${needBytes} bytes are needed, ${haveBytes} are free on the volume`,
      )
      expect(scene.sent('later')).toBe(0)
      for (const one of ['model/wide', 'runtime/disk']) await done(['delete', one, '--wait', '60'])
    } finally {
      disk.close()
    }
  }

  it('17. `completed_at` set on failure and cancel', async () => {
    scene.hub.setFault('model.safetensors', { kind: 'stall', after: 1_000 })
    await runtimes()
    await apply(fromHub('later'))
    await until('later is fetched', async () => (await model('later')).phase === 'Downloading')
    expect(await done(['cancel', 'model/later'])).toContain('is cancelled')
    await until('it is cancelled', async () => (await model('later')).phase === 'Cancelled')
    scene.hub.setFault('model.safetensors', undefined)
    await apply(fromHub('absent'))
    await apply(fromRegistry('nobody'))
    for (const name of ['absent', 'nobody'])
      await until('it has failed', async () => (await installOf(name))?.phase === 'Failed')
    for (const [name, phase] of [
      ['later', 'Cancelled'],
      ['absent', 'Failed'],
      ['nobody', 'Failed'],
    ] as const)
      expect(await installOf(name)).toMatchObject({
        phase,
        finishedAt: expect.stringMatching(/Z$/),
        durationSeconds: expect.any(Number),
      })
  })

  it('a cancelled Model goes on when it is asked to, and only then', async () => {
    await sleep(1_000)
    expect((await model('later')).phase).toBe('Cancelled')
    await done(['retry', 'model/later'])
    await isReady('later')
  })

  it('16. The source’s error text is visible in the operation', async () => {
    expect((await installOf('absent'))?.message).toContain('answered 401 (Invalid username or password.)')
    expect((await installOf('nobody'))?.message).toContain('manifest unknown')
  })

  it('12. Stopping never kills a process we did not start', async () => {
    const stranger = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', 'vllm', 'serve'])
    await done(['idle', 'gpu', '--wait', '60'])
    await expect(askWho(ports.gpu)).rejects.toThrow()
    expect([stranger.exitCode, stranger.signalCode]).toEqual([null, null])
    stranger.kill('SIGKILL')
    await done(['activate', 'alpha', '--on', 'gpu', '--wait', '60'])
  })

  it('10. Removing the active model is refused on every path', async () => {
    const paths: readonly (() => Promise<unknown>)[] = [
      async () => expect(await done(['delete', 'model/alpha'])).toContain('is being deleted'),
      async () => expect(await done(['delete', 'model', 'alpha'])).toContain('is being deleted'),
      async () => expect(await scene.machine.ask('DELETE', '/api/v1/models/alpha')).toBe(202),
    ]
    for (const remove of paths) {
      await remove()
      await until('it is said why', async () => (await model('alpha')).phase === 'Deleting')
      expect(JSON.stringify((await model('alpha')).conditions)).toContain('ModelInUse')
      expect(await askWho(ports.gpu)).toBe(scene.model('alpha').answer)
      expect(existsSync((await model('alpha')).copies?.[0]?.path ?? '')).toBe(true)
    }
  })

  it('3. HF removal frees the bytes', async () => {
    const root = (await model('alpha')).copies?.[0]?.path?.split('/hub/')[0] ?? ''
    const before = bytesIn(root)
    const counted = (await stored('alpha')) + (await stored('twin'))
    await done(['delete', 'runtime/gpu', '--wait', '60'])
    await until(
      'alpha is gone',
      async () => (await scene.machine.type(['get', 'model', 'alpha'])).exitCode === 2,
    )
    expect(await stored('twin'), 'what twin keeps of alpha').toBe(counted)
    for (const name of ['twin', 'beta', 'later', 'broken'])
      await done(['delete', `model/${name}`, '--wait', '60'])
    expect(before - bytesIn(root)).toBeGreaterThan(1.9 * weights)
    expect([...filesIn(root).values()].filter(({ path }) => path.includes('safetensors'))).toEqual([])
  })
})
