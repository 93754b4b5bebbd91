// What the Servings part of a host promises, whoever keeps its engines: the contract for made ones, with real processes; and what becomes
// of those nobody looks after.
import { copyFileSync, mkdirSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import type { Runtime } from '../../../src/domain/object.ts'
import type { EngineKeeper } from '../../../src/platform/host/engine-keeper.ts'
import type { EnginePlaces } from '../../../src/platform/host/engine-process.ts'
import { createHostServings } from '../../../src/platform/host/host-servings.ts'
import { createHostVolumes } from '../../../src/platform/host/host-volumes.ts'
import { findProcesses, isAlive } from '../../../src/platform/host/process-mark.ts'
import { ServingRecords } from '../../../src/platform/host/serving-records.ts'
import { listenersOn } from '../../../src/platform/host/sockets.ts'
import { Supervisor } from '../../../src/platform/host/supervisor.ts'
import { seen } from '../../contracts/eventually.ts'
import { madeServingsContract } from '../../contracts/servings-contract.ts'
import { looksAt, type MadeWorld, type RuntimeWish } from '../../contracts/servings-world.ts'
import { freePort } from '../../stand-ins/engine/start.ts'
import { openParts, pass } from './host-parts.ts'

const namespace = 'default'

export interface KeptWorld {
  /** a folder of the test's, whose engines may reach it, and what takes it away */
  aFolder(): { readonly folder: string; remove(): void }
  keeper(places: EnginePlaces): EngineKeeper
}

const openWorld = ({ aFolder, keeper: keeperOf }: KeptWorld) => {
  const { folder, remove } = aFolder()
  const engine = join(folder, 'scripted-engine.mjs')
  copyFileSync(join(import.meta.dirname, 'scripted-engine.mjs'), engine)
  const { database, people, store, objects } = openParts(folder)
  const modelsFolder = join(folder, 'models')
  mkdirSync(modelsFolder)
  const places = {
    folder: join(folder, 'servings'),
    environment: { PATH: process.env['PATH'] ?? '' },
    program: [],
  }
  const keeper = keeperOf(places)
  const volumes = createHostVolumes({ store, modelsFolder })
  const keys: string[] = []
  const begin = () => {
    const supervisor: Supervisor = new Supervisor({
      database,
      keeper,
      now: () => new Date(),
      onChange: key => parts.tell(key),
    })
    const runtimes = () => objects.list('Runtime') as readonly Runtime[]
    const parts = createHostServings({ supervisor, volumes, places, keeper, runtimes })
    parts.servings.watch(key => keys.push(key))
    const stop = () => {
      parts.stop()
      supervisor.stop()
    }
    return { supervisor, servings: parts.servings, stop }
  }
  const ports = new Map<string, number>()
  const wished = (name: string, spec: object): Runtime => {
    people.apply({ kind: 'Runtime', namespace, name, spec }, 'person')
    const runtime = store.getRuntime({ namespace, name })
    if (!runtime) throw new Error(`${name} is not there`)
    return runtime
  }
  const runtime = async (name: string, { claim }: RuntimeWish = {}, more: object = {}): Promise<Runtime> => {
    const port = await freePort()
    ports.set(name, port)
    return wished(name, {
      engine: 'VLLM',
      host: { command: [process.execPath, engine], port },
      ...(claim ? { storage: { directory: join(folder, claim) } } : {}),
      ...more,
    })
  }
  const recordOf = (name: string) => new ServingRecords(database).all().find(one => one.name === name)
  const runOf = (name: string) => recordOf(name)?.run
  const endAll = () => {
    for (const { run } of new ServingRecords(database).all())
      for (const { pid } of run ? findProcesses(run.token, run.mark) : []) process.kill(pid, 'SIGKILL')
    database.close()
    remove()
  }
  return { folder, engine, begin, runtime, wished, recordOf, runOf, ports, keys, endAll }
}

export const hostServings = (kept: KeptWorld): void => {
  const { folder, engine, begin, runtime, wished, recordOf, runOf, ports, keys, endAll } = openWorld(kept)
  const started = [begin()]
  const current = () => {
    const last = started.at(-1)
    if (!last) throw new Error('nothing was begun')
    return last
  }
  /** The daemon ends, without a word to its engines, and begins again. */
  const again = async (between: () => Promise<unknown> = async () => undefined) => {
    current().stop()
    await between()
    started.push(begin())
  }
  afterAll(() => {
    for (const one of started) one.stop()
    endAll()
  })
  const launchOn = (name: string) => (hash: string, part?: string) => ({
    hash,
    args: [part ?? hash, '--port', String(ports.get(name))],
  })
  const world = (): MadeWorld => ({
    namespace,
    pass,
    servings: current().servings,
    keys,
    launch: launchOn('made'),
    claim: async name => mkdirSync(join(folder, name)),
    runtime,
    written: async name => {
      const { template, previous, replicas } = recordOf(name) ?? {}
      return JSON.stringify({ template, previous, replicas })
    },
    endpointOf: name => `http://127.0.0.1:${ports.get(name)}`,
  })
  madeServingsContract(world)

  const { until, serves } = looksAt(world)
  const serving = async (name: string, part = 'listens', more: object = {}) => {
    const one = await runtime(name, {}, more)
    await current().servings.apply(one, launchOn(name)('aaaa', part))
    await serves(one, 'aaaa')
    return one
  }
  const released = async (one: Runtime) => {
    await current().servings.release(one)
    await until(one, 'is gone', ({ pods }) => pods.length === 0)
  }
  const eager = { switch: { drainSeconds: 0 } }
  const pidOf = (name: string): number => runOf(name)?.mark?.pid ?? 0

  it('4.1 a changed port or command is told until a switch takes it over, and the endpoint is the one that serves', async () => {
    const one = await serving('changed')
    const { endpoint } = current().servings.observe(one)
    const sees = (host: object) => current().servings.observe(wished('changed', { engine: 'VLLM', host }))
    const command = [process.execPath, engine]
    const port = ports.get('changed')
    expect(sees({ command, port })).not.toHaveProperty('pending')
    expect(sees({ command, port: 9 })).toMatchObject({
      endpoint,
      pending: 'spec.host.port 9 takes effect with the next switch',
    })
    expect(sees({ command: [...command, 'more'], port })).toMatchObject({
      pending: 'the changed spec.host.command takes effect with the next switch',
    })
    await released(one)
  })

  it('4.1 hardening that has no effect is said, to whoever asked for it', async () => {
    const one = await serving('hardened')
    const sees = (host: object) => current().servings.observe(wished('hardened', { engine: 'VLLM', host }))
    const plain = { command: [process.execPath, engine], port: ports.get('hardened') }
    const inVain = 'spec.host.hardening Strict has no effect: engines are plain processes here'
    expect(sees(plain).pending).toBeUndefined()
    expect(sees({ ...plain, hardening: 'None' }).pending).toBeUndefined()
    const isLimiting = kept.keeper({ folder, environment: {}, program: [] }).isLimiting
    expect(sees({ ...plain, hardening: 'Strict' }).pending).toBe(isLimiting ? undefined : inVain)
    await released(one)
  })

  it('4.1 an engine serves on while no daemon runs, and is the same one afterwards', async () => {
    const one = await serving('adopted')
    const before = runOf('adopted')
    await again()
    expect((await serves(one, 'aaaa')).pods).toMatchObject([{ uid: before?.uid, restarts: 0 }])
    expect(runOf('adopted')).toEqual(before)
    await released(one)
  })

  it('4.1 one whose number could not be noted any more is found by its token', async () => {
    const one = await serving('unnoted')
    const record = recordOf('unnoted')
    const { mark, ...unnoted } = record?.run ?? {}
    await again(async () => {
      current().supervisor.put({ ...record, run: unnoted } as never)
    })
    await serves(one, 'aaaa')
    expect(runOf('unnoted')?.mark).toEqual(mark)
    await released(one)
  })

  it('4.1 one that ended while no daemon ran is started again, and how it ended is not made up', async () => {
    const one = await serving('ended')
    const pid = pidOf('ended')
    const mark = runOf('ended')?.mark
    await again(async () => {
      process.kill(pid, 'SIGKILL')
      await seen(pass, 'it has ended', () => mark && !isAlive(mark))
    })
    const gone = await until(one, 'has ended', ({ pods }) => pods[0]?.problem)
    expect(gone.pods[0]?.problem?.message).toMatch(/no daemon was there|signal SIGKILL/)
    const back = await serves(one, 'aaaa')
    expect(back.pods[0]?.restarts).toBe(1)
    expect(pidOf('ended')).not.toBe(pid)
    await released(one)
  })

  it('4.1 one that is killed says by what, and comes back', async () => {
    const one = await serving('killed')
    process.kill(pidOf('killed'), 'SIGKILL')
    const gone = await until(one, 'has ended', ({ pods }) => pods[0]?.problem)
    expect(gone.pods[0]).toMatchObject({ isReady: false, isRunning: false })
    expect(gone.pods[0]?.problem?.message).toContain('signal SIGKILL')
    await serves(one, 'aaaa')
    await released(one)
  })

  it('4.8 a child that left the group, holds the port and hears no TERM is gone with its engine', async () => {
    const one = await serving('forks', 'forks', { switch: { drainSeconds: 1 } })
    const run = runOf('forks')
    const processes = () => (run ? findProcesses(run.token, run.mark) : [])
    expect(processes()).toHaveLength(2)
    const { supervisor } = current()
    const record = supervisor.get({ namespace, name: 'forks' })
    if (record) supervisor.put({ ...record, graceSeconds: 1 })
    await released(one)
    expect(processes()).toEqual([])
    expect(listenersOn(ports.get('forks') ?? 0)).toEqual([])
  })

  it('4.8 an engine that is still being let go is let go by the next daemon too', async () => {
    const one = await serving('leaving', 'stubborn', eager)
    const mark = runOf('leaving')?.mark
    const { supervisor, servings } = current()
    const record = supervisor.get({ namespace, name: 'leaving' })
    if (record) supervisor.put({ ...record, graceSeconds: 1 })
    await servings.release(one)
    await again()
    await until(one, 'is gone', ({ pods, exists }) => pods.length === 0 && !exists)
    expect(mark && isAlive(mark)).toBe(false)
  })

  it('4.3 a port that a stranger has is not taken for ours, and the stranger is left alone', async () => {
    const one = await runtime('port')
    const port = ports.get('port') ?? 0
    const stranger = createServer((_, response) => response.end('mine')).listen(port, '127.0.0.1')
    await current().servings.apply(one, launchOn('port')('aaaa'))
    const blocked = await until(one, 'is blocked', ({ pods }) => pods[0]?.problem)
    expect(blocked.pods[0]).toMatchObject({ isReady: false, isRunning: false, restarts: 0 })
    expect(blocked.pods[0]?.problem).toMatchObject({
      reason: 'PortTaken',
      message: expect.stringContaining(`${port}`),
    })
    expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe('mine')
    stranger.closeAllConnections()
    stranger.close()
    expect((await serves(one, 'aaaa')).pods[0]?.restarts).toBe(0)
    await released(one)
  })

  it('4.3 of two Runtimes with one port the second is told who has it', async () => {
    const one = await serving('first')
    const port = ports.get('first') ?? 0
    const other = await runtime('second', {}, { host: { command: [process.execPath, engine], port } })
    ports.set('second', port)
    await current().servings.apply(other, launchOn('second')('aaaa'))
    const blocked = await until(other, 'is blocked', ({ pods }) => pods[0]?.problem)
    expect(blocked.pods[0]?.problem?.message).toContain('the engine of Runtime first')
    expect((await serves(one, 'aaaa')).pods[0]?.restarts).toBe(0)
    await released(one)
    await serves(other, 'aaaa')
    await released(other)
  })

  it('4.8 4.3 a Runtime that was made anew waits until the engine of its namesake has ended', async () => {
    const one = await serving('namesake', 'stubborn', eager)
    const { supervisor, servings } = current()
    const record = supervisor.get({ namespace, name: 'namesake' })
    if (record) supervisor.put({ ...record, graceSeconds: 1 })
    await servings.release(one)
    const anew = { ...one, metadata: { ...one.metadata, uid: 'another' } }
    await expect(servings.apply(anew, launchOn('namesake')('bbbb'))).rejects.toMatchObject({
      name: 'Waiting',
      message: expect.stringContaining('still ending'),
    })
    await until(anew, 'is gone', ({ pods }) => pods.length === 0)
    await servings.apply(anew, launchOn('namesake')('bbbb'))
    await serves(anew, 'bbbb')
    await released(anew)
  })

  it('4.1 a program that is not there is a Problem that names it', () => {
    const spec = { engine: 'VLLM', host: { command: ['no-such-engine', 'serve'] } }
    expect(current().servings.observe(wished('absent', spec)).problems).toMatchObject([
      { reason: 'DeploymentNotFound', message: expect.stringContaining('no-such-engine') },
    ])
  })

  it('an Ollama that is not ours is there by its address, and is neither started nor ended', async () => {
    const spec = { engine: 'Ollama', host: { url: 'http://127.0.0.1:11434/' } }
    const foreign = wished('foreign', spec)
    const { servings } = current()
    const before = JSON.stringify(servings.observe(foreign))
    await servings.prepare(foreign)
    await servings.apply(foreign, { hash: 'aaaa' })
    await servings.release(foreign)
    await expect(servings.scale(foreign, 0)).rejects.toMatchObject({ name: 'NotSupported' })
    expect(servings.observe(foreign)).toMatchObject({
      origin: 'Adopted',
      problems: [],
      pods: [{ address: 'http://127.0.0.1:11434', isReady: true }],
    })
    expect(JSON.stringify(servings.observe(foreign))).toBe(before)
    expect(recordOf('foreign')).toBeUndefined()
  })
}
