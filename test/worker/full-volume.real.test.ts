// A volume that fills up, runs out of inodes, turns read-only or dies under a download, at every stage of it: the work ends cleanly and
// says what is missing, nothing looks finished, verified blobs stay, and the next start completes. SWITCHYARD_FULL=all tries every size, and the next start after each.
import { closeSync, existsSync, fsyncSync, openSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { exitCodes } from '../../src/domain/exit-codes.ts'
import { Partial } from '../../src/worker/transfer/partial.ts'
import { type Hub, startHub } from '../stand-ins/hub.ts'
import { toSafetensors } from '../stand-ins/weights.ts'
import { findBroken, readState } from './power-cut/promises.ts'
import { type MemoryVolume, openExt4, openTmpfs, type SmallVolume, whyNoMount } from './small-volume.ts'
import { type Ended, openWorkplace, quick, type Workplace } from './workplace.ts'

/** A machine that does much else is silent for a while: that is no verdict here. */
const patient = { ...quick, idleMs: 60_000 }

const why = whyNoMount()
if (why) console.log(`left out: full and dying volumes, ${why}`)

const isLong = process.env['SWITCHYARD_FULL'] === 'all'
const repo = 'acme/tiny'
const source = { huggingFace: { repo, revision: 'main' } }
const files = {
  'model.safetensors': toSafetensors(Buffer.alloc(200_000, 'w')),
  'small.safetensors': toSafetensors(Buffer.alloc(30_000, 's')),
  ...Object.fromEntries([...'abcdef'].map(name => [`${name}.json`, `{"${name}":1}`])),
}
let hub: Hub
let volume: SmallVolume | undefined

beforeAll(async () => {
  hub = await startHub({ repos: [{ id: repo, files }] })
})
afterAll(() => hub.close())
afterEach(() => {
  volume?.close()
  volume = undefined
})

interface Moments {
  /** before the download asks for the file list */
  readonly onList?: () => void
  /** before it asks for the first bytes */
  readonly onBytes?: () => void
  readonly signal?: AbortSignal
}

/** Tells the moments of the first download; what resolves before it passes. */
const watch = ({ onList, onBytes }: Moments): typeof fetch => {
  let [lists, asked] = [0, false]
  return async (input, init) => {
    const { pathname } = new URL(String(input))
    if (pathname.includes('/tree/') && ++lists === 2) onList?.()
    if (pathname.includes('/resolve/') && lists === 2 && !asked) {
      asked = true
      onBytes?.()
    }
    return fetch(input, init)
  }
}

const work = (on: SmallVolume, moments: Moments = {}): Workplace => {
  const before = process.env['TMPDIR']
  process.env['TMPDIR'] = on.path
  try {
    const more = moments.signal ? { signal: moments.signal } : {}
    const io = { fetch: watch(moments), retry: patient, partSize: () => 64 << 10, ...more }
    const place = openWorkplace('HubCache', hub.url, io)
    const folder = openSync(on.path, 'r')
    fsyncSync(folder)
    closeSync(folder)
    return place
  } finally {
    if (before === undefined) delete process.env['TMPDIR']
    else process.env['TMPDIR'] = before
  }
}

const blobsOf = (place: Workplace): string[] => {
  const folder = join(place.layout.path, 'models--acme--tiny/blobs')
  return existsSync(folder) ? readdirSync(folder) : []
}

const stages = [
  ['receipt', '.switchyard/receipts'],
  ['ref', 'hub/models--acme--tiny/refs'],
  ['list', 'hub/models--acme--tiny/trees'],
  ['snapshot', 'hub/models--acme--tiny/snapshots'],
  ['blob', 'hub/models--acme--tiny/blobs'],
  ['partial', 'hub/models--acme--tiny/.staging'],
  ['intent', '.switchyard/intents'],
] as const

/** The last thing that the work had begun to write. */
const stageOf = (place: Workplace): string =>
  stages.find(([, path]) => existsSync(join(place.root, path)))?.[0] ?? 'plan'

/** Says what is missing, shows nothing that is not whole. */
const expectClean = (place: Workplace, { code, result }: Ended): void => {
  expect(result.failure).toMatchObject({ reason: 'NoSpace', retry: 'WhenAble' })
  expect(code).toBe(exitCodes.whenAble)
  expect(result.failure?.message).toMatch(/\d+ (bytes|files) are needed, \d+ (are free|can be made)/)
  expect(result.failure).toMatchObject({ needBytes: expect.any(Number), haveBytes: expect.any(Number) })
  expect(findBroken(readState(place.root))).toEqual([])
}

/** With room again it completes, and what was verified is not fetched again. */
const expectCompletes = async (place: Workplace, kept: readonly string[]): Promise<void> => {
  const from = hub.requests.length
  expect((await place.fetch(source)).result.failure).toBeUndefined()
  const asked = hub.requests.slice(from).filter(one => one.origin === 'cdn')
  expect(asked.filter(one => kept.some(blob => one.path.includes(blob)))).toEqual([])
  expect((await place.verify(source, { revision: hub.commitOf(repo) })).code).toBe(0)
}

interface Tried {
  readonly stage: string
  readonly isDone: boolean
}

/** The next start is tried once for each stage; in the long run for each size. */
const tryOn = async (on: SmallVolume, place: Workplace, seen: ReadonlySet<string>): Promise<Tried> => {
  const ended = await place.fetch(source)
  const [kept, stage] = [blobsOf(place), stageOf(place)]
  if (ended.code !== 0) expectClean(place, ended)
  on.widen()
  if (isLong || !seen.has(stage)) await expectCompletes(place, kept)
  on.close()
  volume = undefined
  return { stage, isDone: ended.code === 0 }
}

/** Tries sizes until one is enough; answers the stages at which the others ended. */
const climb = async (
  sizes: readonly number[],
  attempt: (size: number, seen: ReadonlySet<string>) => Promise<Tried>,
) => {
  const seen = new Set<string>()
  for (const size of sizes) {
    const { stage, isDone } = await attempt(size, seen)
    if (isDone) return [...seen]
    seen.add(stage)
  }
  throw new Error(`it ended at no size: ${[...seen].join()}`)
}

const every = (step: number, from: number, to: number): number[] =>
  Array.from({ length: Math.ceil((to - from) / step) }, (_, n) => from + n * step)

const bytesFromCdn = (from: number): number =>
  hub.requests
    .slice(from)
    .filter(one => one.origin === 'cdn')
    .reduce((sum, one) => sum + one.bytesSent, 0)

describe.skipIf(why !== undefined)('a volume without room', () => {
  it('11. Quota counts both stores, in-flight bytes and free disk: refused before the first byte, with both numbers', async () => {
    volume = openTmpfs('size=32m')
    const from = hub.requests.length
    const ended = await work(volume).fetch(source)
    expect(ended.result.failure).toMatchObject({ reason: 'NoSpace', retry: 'WhenAble' })
    expect(ended.result.failure?.message).toMatch(/^\d+ bytes are needed, \d+ are free on the volume$/)
    expect(bytesFromCdn(from)).toBe(0)
  })

  it('for another file is refused too, and tells files', async () => {
    const on = openTmpfs('size=100m,nr_inodes=1000')
    volume = on
    const from = hub.requests.length
    const place = work(on, { onList: () => on.squeezeFiles(20) })
    const { result } = await place.fetch(source)
    expect(result.failure?.message).toMatch(/^\d+ files are needed, 20 can be made on the volume$/)
    expect(bytesFromCdn(from)).toBe(0)
    on.squeezeFiles(0)
    expectClean(place, await place.fetch(source))
    on.widen()
    await expectCompletes(place, [])
  })

  it('for another file in the middle ends the download cleanly, at whatever file it is', async () => {
    const seen = await climb(every(1, 0, 80), (count, seen) => {
      const on = openTmpfs('size=100m,nr_inodes=1000')
      volume = on
      return tryOn(on, work(on, { onBytes: () => on.squeezeFiles(count) }), seen)
    })
    expect(seen).toEqual(expect.arrayContaining(['blob', 'snapshot', 'list', 'receipt']))
  }, 600_000)

  const pages = isLong ? every(1, 0, 120) : [0, 1, 30, ...every(5, 52, 120)]
  it.each([
    ['in memory', () => openTmpfs('size=100m')],
    ['ext4', () => openExt4(110 << 20)],
  ])(
    'because it fills up ends the download cleanly, at whatever byte it is: %s',
    async (_, open) => {
      const seen = await climb(pages, async (count, seen) => {
        const on = open()
        volume = on
        return tryOn(on, work(on, { onBytes: () => on.squeeze(count * 4096) }), seen)
      })
      expect(seen).toEqual(expect.arrayContaining(['partial', 'blob']))
    },
    600_000,
  )

  it('has room for the rest of what an attempt has left there', async () => {
    const large = { ...files, 'model.safetensors': toSafetensors(Buffer.alloc(9_000_000, 'L')) }
    hub.addRepo({ id: 'acme/large', files: large })
    const wanted = { huggingFace: { repo: 'acme/large', revision: 'main' } }
    hub.setFault('acme/large/model.safetensors', { kind: 'slow', bytesPerSecond: 6_000_000 })
    volume = openTmpfs('size=76m')
    const stop = new AbortController()
    const place = work(volume, { signal: stop.signal })
    const from = hub.requests.length
    let isOver = false
    const first = place.fetch(wanted).finally(() => {
      isOver = true
    })
    while (bytesFromCdn(from) < 6_500_000 && !isOver) await sleep(5)
    stop.abort()
    expect(await first).toMatchObject({ code: exitCodes.terminated })
    hub.setFault('acme/large/model.safetensors', undefined)
    const again = openWorkplace('HubCache', hub.url, { retry: patient, partSize: () => 64 << 10 })
    expect((await again.fetch(wanted, { layout: place.layout })).result.failure).toBeUndefined()
    again.close()
  })
})

describe.skipIf(why !== undefined)('a volume', () => {
  it('that turns read-only is not writable for now, and the download completes when it is', async () => {
    const on = openTmpfs('size=100m')
    volume = on
    const place = work(on, { onList: () => on.remount('ro') })
    const { code, result } = await place.fetch(source)
    expect(result.failure).toMatchObject({ reason: 'VolumeNotWritable', retry: 'WhenAble' })
    expect(code).toBe(exitCodes.whenAble)
    const refused = await place.fetch(source)
    expect(refused.result.failure?.message).toContain('which is read-only')
    on.remount('rw')
    await expectCompletes(place, [])
  })

  it('that dies under a download ends it as a failure of the volume', async () => {
    const on = openExt4(110 << 20)
    volume = on
    const place = work(on, { onBytes: () => on.cut() })
    const { result } = await place.fetch(source)
    expect(result.failure).toMatchObject({ reason: 'Volume', retry: 'Never' })
    on.recover()
    await expectCompletes(place, [])
  })
})

describe.skipIf(why !== undefined)('an unfinished blob', () => {
  const digest = { algorithm: 'sha256', hex: 'a'.repeat(64) } as const
  const open = ({ path }: SmallVolume) =>
    Partial.open({ target: join(path, 'blob.part'), size: 100_000, partSize: 64 << 10, digest })
  const held = ({ path }: SmallVolume): string[] =>
    readdirSync('/proc/self/fd')
      .map(fd => (existsSync(`/proc/self/fd/${fd}`) ? readlinkSync(`/proc/self/fd/${fd}`) : ''))
      .filter(target => target.startsWith(path))

  it.each([
    ['no second file', (on: MemoryVolume) => on.squeezeFiles(1)],
    ['no byte', (on: MemoryVolume) => on.squeeze(0)],
  ])('whose journal finds %s leaves nothing open', async (_, squeeze) => {
    const on = openTmpfs('size=1m,nr_inodes=100')
    volume = on
    writeFileSync(join(on.path, 'other'), 'x')
    squeeze(on)
    await expect(open(on)).rejects.toMatchObject({ code: 'ENOSPC' })
    expect(held(on)).toEqual([])
    on.widen()
    await (await open(on)).close()
  })
})

/** Real cuts of a real file system, beside the states that a trace gives. */
const cuts = Number(process.env['SWITCHYARD_REAL_CUTS'] ?? 3)
describe.skipIf(why !== undefined)(`${cuts} power cuts of an ext4 at random moments`, () => {
  it(
    'leave names only over right bytes, and every next start completes',
    async () => {
      let known = 1_000
      for (let n = 0; n < cuts; n++) {
        const on = openExt4(110 << 20)
        volume = on
        const place = work(on)
        const begun = performance.now()
        const ending = place.fetch(source)
        const delay = n === 0 ? undefined : Math.random() * known * 1.1
        const ended = await Promise.race([ending, ...(delay === undefined ? [] : [sleep(delay)])])
        if (n === 0) known = performance.now() - begun
        on.cut()
        await ending
        on.recover()
        expect(findBroken(readState(place.root)), `after ${delay} of ${known} ms`).toEqual([])
        if (ended) expect((await place.verify(source, { revision: hub.commitOf(repo) })).code).toBe(0)
        await expectCompletes(place, [])
        on.close()
        volume = undefined
      }
    },
    Math.max(600_000, cuts * 20_000),
  )
})
