// The Work part on a host: the contract, played by real processes; and what becomes of them when the daemon is not there.
import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import type { WorkOrder } from '../../../src/domain/platform.ts'
import { findDirectory } from '../../../src/platform/host/directory.ts'
import type { HostDatabase } from '../../../src/platform/host/host-database.ts'
import { HostWork } from '../../../src/platform/host/host-work.ts'
import { findProcesses, isAlive, markOf, type ProcessMark } from '../../../src/platform/host/process-mark.ts'
import { WorkRecords } from '../../../src/platform/host/work-records.ts'
import { seen } from '../../contracts/eventually.ts'
import { hasEnded, type Part, type WorkWorld, workContract } from '../../contracts/work-contract.ts'
import { aFolder, openParts, pass } from './host-parts.ts'

const namespace = 'default'
const owner = { namespace, name: 'llama', uid: 'model-1' }
const worker = fileURLToPath(new URL('../kubernetes/scripted-worker.mjs', import.meta.url))

const openWorld = () => {
  const { folder, remove } = aFolder()
  const { database } = openParts(folder)
  const secretsFolder = join(folder, 'secrets')
  const program = {
    command: [process.execPath, worker],
    environment: { PATH: process.env['PATH'] ?? '' },
    folder: join(folder, 'works'),
    secretsFolder,
  }
  const begin = () => new HostWork({ database, program, now: () => new Date(), lookMs: 50 })
  let count = 0
  const order = (part: Part, directory = 'models'): WorkOrder => {
    const id = `${part}-${count++}`
    const root = join(folder, directory)
    const layout = { root, kind: 'HubCache', path: join(root, 'hub') } as const
    const source = { huggingFace: { repo: `test/${part}`, revision: 'main' } }
    const pinned = { owner: owner.uid, source, sourceHash: 'h', revision: id, layout, listDigest: 'd' }
    return {
      id,
      owner,
      command: 'download',
      subject: id,
      attempt: 1,
      task: { command: 'download', ...pinned },
      volume: {
        key: `${namespace}/disk/${root}`,
        claim: 'disk',
        subPath: root,
        claimUID: findDirectory(root)?.uid ?? '',
        runtimes: [],
        mountPath: root,
        layout,
        access: undefined,
      },
    }
  }
  mkdirSync(join(folder, 'models'))
  const close = () => {
    database.close()
    remove()
  }
  return { folder, database, program, secretsFolder, begin, order, close }
}

const recordOf = (database: HostDatabase, id: string) =>
  new WorkRecords(database).all().find(({ job }) => job.id === id)
const markIn = (database: HostDatabase, id: string): ProcessMark | undefined => recordOf(database, id)?.mark

describe('works on a host', () => {
  const { folder, database, secretsFolder, begin, order, close } = openWorld()
  const work = begin()
  const keys: string[] = []
  work.watch(key => keys.push(key))
  afterAll(() => {
    work.stop()
    for (const { token } of new WorkRecords(database).all())
      for (const { pid } of findProcesses(token)) process.kill(pid, 'SIGKILL')
    close()
  })
  const world: WorkWorld = {
    namespace,
    pass,
    work,
    owner,
    keys,
    order,
    isAlive: id => {
      const mark = markIn(database, id)
      return mark !== undefined && isAlive(mark)
    },
    next: async () => {
      const next = begin()
      return { work: next, close: async () => next.stop() }
    },
    hindered: async () => {
      const later = join(folder, 'later')
      mkdirSync(later)
      const one = order('works', 'later')
      // Another disk is mounted over it, and taken away again.
      const { rename } = await import('node:fs/promises')
      await rename(later, `${later}-aside`)
      return { order: one, heal: () => rename(`${later}-aside`, later) }
    },
  }
  workContract(() => world)

  const view = (of: HostWork, id: string) => of.list(owner).find(one => one.id === id)
  const until = <T>(what: string, ask: () => T | undefined | false) => seen(pass, what, ask)
  const running = async (part: Part) => {
    const one = order(part)
    await work.start(one)
    const mark = await until('it runs', () => view(work, one.id)?.progress && markIn(database, one.id))
    return { one, mark }
  }

  it('2.3 a work whose number could not be noted any more is found by its token, and not started again', async () => {
    const { one, mark } = await running('endless')
    const record = recordOf(database, one.id)
    if (!record) throw new Error('it is not recorded')
    const { mark: _, ...unnoted } = record
    new WorkRecords(database).put(unnoted)
    const next = begin()
    expect(view(next, one.id)).toMatchObject({ phase: 'Running', progress: { bytesTotal: 40 } })
    expect(findProcesses(record.token)).toEqual([mark])
    expect(markIn(database, one.id)).toEqual(mark)
    next.stop()
    await work.cancel(one.id, namespace)
    await until('it has ended', () => !isAlive(mark))
  })

  it('2.1 a work that ended while no daemon ran is seen with its result and the time of its end', async () => {
    const { one, mark } = await running('works')
    work.stop()
    await until('it has ended', () => !isAlive(mark))
    const ended = view(begin(), one.id)
    expect(ended).toMatchObject({ phase: 'Succeeded', result: { copy: { bytes: 40 } } })
    expect(Date.parse(ended?.endedAt ?? '')).toBeLessThanOrEqual(Date.now())
  })

  it('2.1 one that was killed has ended without a result', async () => {
    const next = begin()
    const one = order('endless')
    await next.start(one)
    const mark = await until('it runs', () => markIn(database, one.id))
    process.kill(mark.pid, 'SIGKILL')
    const ended = await until('it is seen', () => {
      const now = view(next, one.id)
      return now && hasEnded(now) && now
    })
    expect(ended.phase).toBe('Failed')
    expect(ended).not.toHaveProperty('result')
    next.stop()
  })

  it('2.4 a number that belongs to another process by now gets no signal', async () => {
    const stranger = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' })
    const { pid = 0 } = stranger
    const mark = markOf(pid)
    if (!mark) throw new Error('sleep does not run')
    const one = order('endless')
    const job = { ...one, volume: undefined }
    const record = { job, token: 'nobody', startedAt: new Date().toISOString(), isLeaving: false }
    for (const change of [{ startTime: '1' }, { boot: 'another run of the machine' }]) {
      new WorkRecords(database).put({ ...record, mark: { ...mark, ...change } } as never)
      const next = begin()
      expect(view(next, one.id)?.phase).toBe('Failed')
      await next.cancel(one.id, namespace)
      await until('it is forgotten', () => !view(next, one.id))
      next.stop()
    }
    expect(isAlive(mark)).toBe(true)
    process.kill(pid, 'SIGKILL')
  })

  it('a Secret reaches a work as the path of a file that nobody else may read', async () => {
    const next = begin()
    mkdirSync(join(secretsFolder, 'hub'), { recursive: true })
    const file = join(secretsFolder, 'hub', 'token')
    writeFileSync(file, 'hf_verysecret', { mode: 0o644 })
    const one = { ...order('endless'), tokenSecret: { name: 'hub', key: 'token' } }
    await next.start(one)
    const hindered = await until('it is hindered', () => view(next, one.id)?.notStarted)
    expect(hindered).toMatchObject({
      reason: 'TokenSecretMissing',
      message: expect.stringContaining('chmod 600'),
    })
    chmodSync(file, 0o600)
    const mark = await until('it runs', () => markIn(database, one.id))
    const words = readFileSync(`/proc/${mark.pid}/cmdline`, 'utf8')
    expect(words).toContain(file)
    for (const text of [words, readFileSync(`/proc/${mark.pid}/environ`, 'utf8')])
      expect(text).not.toContain('hf_verysecret')
    await next.cancel(one.id, namespace)
    await until('it has ended', () => !isAlive(mark))
    next.stop()
  })

  it('a key that leads out of its Secret is refused', async () => {
    const key = { name: 'hub', key: '..' }
    for (const secrets of [{ tokenSecret: key }, { mirrorSecrets: [{ mirror: 0, ...key }] }]) {
      const one = { ...order('works'), ...secrets }
      await expect(begin().start(one)).rejects.toMatchObject({ name: 'Rejected', reason: 'UnsafePath' })
      expect(recordOf(database, one.id)).toBeUndefined()
    }
  })
})
