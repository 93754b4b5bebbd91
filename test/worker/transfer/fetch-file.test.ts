// One blob from the hub stand-in in many small parts: what breaks is gone on with, what is wrong is found, nothing is fetched twice.
import { createHash } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { toFailure } from '../../../src/worker/outcome.ts'
import { Connections } from '../../../src/worker/transfer/crew.ts'
import { type FetchOrder, fetchFile } from '../../../src/worker/transfer/fetch-file.ts'
import { FrontHasher } from '../../../src/worker/transfer/front-hasher.ts'
import { RangeSockets } from '../../../src/worker/transfer/range-sockets.ts'
import { Throttle } from '../../../src/worker/transfer/throttle.ts'
import type { Wire } from '../../../src/worker/transfer/wire.ts'
import type { Fault } from '../../stand-ins/faults.ts'
import { type Hub, startHub } from '../../stand-ins/hub.ts'
import { impatient } from '../workplace.ts'

const repo = 'acme/parts'
const name = 'model.safetensors'
const partSize = 64 << 10
/** Forty parts and a short last one, no two alike. */
const content = Buffer.alloc(40 * partSize + 777, 0)
for (let at = 0; at + 4 <= content.length; at += 4) content.writeUInt32LE((at * 2_654_435_761) >>> 0, at)
const sha256 = createHash('sha256').update(content).digest('hex')

let hub: Hub
let folder: string
let hasher: FrontHasher
let sockets: RangeSockets

beforeEach(async () => {
  hub = await startHub({ repos: [{ id: repo, files: { [name]: content } }] })
  folder = mkdtempSync(join(tmpdir(), 'parts-'))
  hasher = new FrontHasher()
  sockets = new RangeSockets()
})
afterEach(async () => {
  await hasher.close()
  sockets.close()
  await hub.close()
  rmSync(folder, { recursive: true, force: true })
})

const target = (): string => join(folder, `${sha256}.part`)
const wireOf = (more: Partial<Wire> = {}): Wire => ({
  fetch,
  signal: new AbortController().signal,
  retry: impatient,
  partSize: () => partSize,
  ...more,
})

interface Wish {
  readonly wire?: Partial<Wire>
  readonly digest?: FetchOrder['digest']
  readonly onBytes?: (bytes: number) => void
  readonly keep?: () => Promise<void>
  readonly throttle?: Throttle
}

const get = ({
  wire,
  digest = { algorithm: 'sha256', hex: sha256 },
  onBytes = () => {},
  keep = async () => {},
  ...tools
}: Wish = {}) =>
  fetchFile(
    wireOf(wire),
    {
      url: `${hub.url}/${repo}/resolve/main/${name}`,
      ...{ path: name, size: content.length, digest, target: target(), onBytes, keep },
    },
    { connections: new Connections(32), sockets, hasher, ...tools },
  )

const failure = async (work: Promise<unknown>) => {
  try {
    await work
  } catch (error) {
    return toFailure(error)
  }
  throw new Error('it did not fail')
}

/** What an answer costs beside its body, at most. */
const headerBytes = 512
/** Bytes that the CDN put on its sockets. */
const sent = (): number =>
  hub.requests.filter(one => one.origin === 'cdn').reduce((sum, one) => sum + one.bytesSent, 0)
const expectWhole = () => expect(readFileSync(target()).equals(content)).toBe(true)

describe('a blob in parts', () => {
  it('arrives whole, every byte once, and leaves no journal', async () => {
    const counts: number[] = []
    expect(await get({ onBytes: bytes => counts.push(bytes) })).toBe(sha256)
    expectWhole()
    expect(sent()).toBeLessThan(content.length + 41 * headerBytes)
    expect(existsSync(`${target()}.journal`)).toBe(false)
    expect(counts).toEqual([...counts].sort((a, b) => a - b))
    expect(counts.at(-1)).toBe(content.length)
  })

  it('asks the hub once and the signed address for the rest', async () => {
    await get()
    expect(hub.requests.filter(one => one.origin === 'hub').length).toBe(1)
  })

  const healing: [string, Fault, number][] = [
    ['every answer is cut after 20,000 bytes', { kind: 'cut', after: 20_000 }, 0],
    ['every answer ends cleanly after 20,000 bytes', { kind: 'chunkedCut', after: 20_000 }, 0],
    ['the fifth answer is cut', { kind: 'cut', after: 1_000, skip: 4, times: 1 }, 0],
    ['two answers are refused by the CDN', { kind: 'status', status: 503, origin: 'cdn', times: 2 }, 0],
    ['the signed address runs out', { kind: 'status', status: 403, origin: 'cdn', skip: 9, times: 2 }, 0],
    ['a connection falls silent', { kind: 'stall', after: 1_000, skip: 3, times: 1 }, 0],
    ['one range is another than asked for', { kind: 'wrongRange', by: 7, skip: 2, times: 1 }, partSize],
    ['every answer trickles', { kind: 'slow', bytesPerSecond: 150_000 }, partSize],
    ['the ETag is another each time', { kind: 'changedEtag' }, 0],
  ]
  it.each(healing)('arrives although %s, with hardly a byte twice', async (_, fault, again) => {
    hub.setFault(name, fault)
    expect(await get()).toBe(sha256)
    expectWhole()
    expect(sent()).toBeLessThanOrEqual(content.length + again + 4 * partSize)
  })

  it('arrives from a server without ranges, in one stream', async () => {
    hub.setFault(name, { kind: 'noRange' })
    expect(await get()).toBe(sha256)
    expectWhole()
  })

  it('begins anew where a server without ranges breaks off', async () => {
    hub.setFault(name, [{ kind: 'noRange' }, { kind: 'cut', after: 900_000, skip: 4, times: 1 }])
    expect(await get()).toBe(sha256)
    expectWhole()
  })
})

describe('what an attempt left', () => {
  const stopAt = async (bytes: number): Promise<void> => {
    const stop = new AbortController()
    const onBytes = (got: number) => void (got >= bytes && stop.abort())
    await failure(get({ wire: { signal: stop.signal }, onBytes }))
  }

  it('is gone on with: what is there is not asked for again', async () => {
    await stopAt(content.length / 2)
    const before = sent()
    expect(await get()).toBe(sha256)
    expectWhole()
    expect(sent() - before).toBeLessThanOrEqual(content.length / 2 + 4 * partSize)
  })

  it('that got no name in time is given one later, without another byte', async () => {
    const before = await failure(get({ keep: () => Promise.reject(new Error('too late')) })).then(sent)
    await get({ keep: async () => expect(existsSync(`${target()}.journal`)).toBe(true) })
    expect(existsSync(`${target()}.journal`)).toBe(false)
    expect(sent() - before).toBe(0)
    expectWhole()
  })

  it('is gone on with after each of ten stops', async () => {
    for (let n = 1; n <= 10; n++) await stopAt((content.length * n) / 11)
    expect(await get()).toBe(sha256)
    expectWhole()
  })

  it('is checked: a part that changed on the disk is fetched again, the others are not', async () => {
    await stopAt(content.length / 2)
    const bytes = readFileSync(target())
    bytes[100] = bytes[100]! ^ 1
    writeFileSync(target(), bytes)
    const before = sent()
    expect(await get()).toBe(sha256)
    expectWhole()
    expect(sent() - before).toBeLessThan(content.length)
  })

  it.each(['half', 'of another blob', 'empty'])('is not believed when its journal is %s', async kind => {
    await stopAt(content.length / 2)
    const journal = `${target()}.journal`
    const bytes = readFileSync(journal)
    if (kind === 'half') writeFileSync(journal, bytes.subarray(0, bytes.length / 2))
    if (kind === 'empty') writeFileSync(journal, '')
    if (kind === 'of another blob')
      writeFileSync(journal, Buffer.concat([bytes.subarray(0, 20), Buffer.alloc(60)]))
    expect(await get()).toBe(sha256)
    expectWhole()
  })

  it('after a power cut only what was synced counts', async () => {
    await stopAt(content.length / 2)
    const journal = `${target()}.journal`
    const bytes = readFileSync(journal)
    bytes.fill(1, 52, 68)
    writeFileSync(journal, bytes)
    expect(await get()).toBe(sha256)
    expectWhole()
  })
})

describe('wrong bytes', () => {
  it('are found, named with both digests, and fetched once more before that', async () => {
    hub.setFault(name, { kind: 'flipBit', at: 5 * partSize + 3 })
    const { reason, message } = await failure(get())
    expect(reason).toBe('Integrity')
    expect(message).toMatch(
      /sha256 is [0-9a-f]{64}, the source names [0-9a-f]{64} \(fetched twice: twice the same\)/,
    )
    expect(existsSync(target())).toBe(false)
    expect(sent()).toBeGreaterThanOrEqual(2 * content.length)
  })

  it('that came once heal', async () => {
    hub.setFault(name, { kind: 'flipBit', at: 5 * partSize + 3, times: 41 })
    expect(await get()).toBe(sha256)
    expectWhole()
  })

  it('that differ from time to time are named by their part', async () => {
    hub.setFault(name, { kind: 'flipBit', at: 5 * partSize + 3, times: 41 })
    const { message } = await failure(get({ digest: { algorithm: 'sha256', hex: 'f'.repeat(64) } }))
    expect(message).toContain('parts 5 differed')
  })
})

it('two writers of one blob end with the right bytes', async () => {
  const ends = await Promise.allSettled([get(), get()])
  expect(ends.some(end => end.status === 'fulfilled')).toBe(true)
  expectWhole()
})

it('a git digest is checked as well as a SHA-256', async () => {
  const hex = createHash('sha1').update(`blob ${content.length}\0`).update(content).digest('hex')
  expect(await get({ digest: { algorithm: 'gitSha1', hex } })).toBe(sha256)
})

it('a speed limit holds for all connections together, within a twentieth', async () => {
  const limit = 1_000_000
  const begun = performance.now()
  await get({ throttle: new Throttle(limit) })
  const seconds = (performance.now() - begun) / 1000
  expect(content.length / seconds).toBeLessThan(limit * 1.05 + limit * (0.4 / seconds))
})
