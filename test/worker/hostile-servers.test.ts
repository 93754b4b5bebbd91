// Servers on the way that lie, spy or never end: a token stays at its origin, https stays https, a byte too much ends the transfer,
// bytes that change between two parts are found.
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { toFailure } from '../../src/worker/outcome.ts'
import { Connections } from '../../src/worker/transfer/crew.ts'
import { type FetchOrder, fetchFile } from '../../src/worker/transfer/fetch-file.ts'
import { FrontHasher } from '../../src/worker/transfer/front-hasher.ts'
import { RangeSockets } from '../../src/worker/transfer/range-sockets.ts'
import { askSmall, type Wire } from '../../src/worker/transfer/wire.ts'
import { type Hub, startHub } from '../stand-ins/hub.ts'
import { type Listening, listen } from '../stand-ins/listening.ts'
import { toSafetensors } from '../stand-ins/weights.ts'
import { startHostileHub } from './hostile-hub.ts'
import { openWorkplace, quick, type Workplace } from './workplace.ts'

const repo = 'acme/tiny'
const source = { huggingFace: { repo, revision: 'main' } }
const partSize = 64 << 10

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'hostile-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const wireOf = (more: Partial<Wire> = {}): Wire => ({
  fetch,
  signal: new AbortController().signal,
  retry: quick,
  partSize: () => partSize,
  ...more,
})

describe('a redirect', () => {
  let hub: Hub
  let place: Workplace
  beforeEach(async () => {
    const files = { 'model.safetensors': toSafetensors(Buffer.alloc(200_000, 'w')), 'config.json': '{}' }
    hub = await startHub({ repos: [{ id: repo, files }], tokens: ['hf_good'] })
    place = openWorkplace('HubCache', hub.url, { retry: quick })
  })
  afterEach(async () => {
    await hub.close()
    place.close()
  })

  it.each([
    ['the model information', `/api/models/${repo}/revision/main`],
    ['the file list', `/api/models/${repo}/tree/`],
    ['a file', 'model.safetensors'],
    ['a small file', 'config.json'],
  ])('of %s takes no token to another origin', async (_, what) => {
    const spy = await startHostileHub({})
    const tokenFile = join(folder, 'token')
    writeFileSync(tokenFile, 'hf_good')
    const key = what.endsWith('/tree/') ? `${what}${hub.commitOf(repo)}` : what
    hub.setFault(key, { kind: 'redirectTo', url: `${spy.url}/elsewhere`, origin: 'front' })
    const { code } = await place.fetch(source, { tokenFile })
    await spy.close()
    expect(code).not.toBe(0)
    expect(hub.requests.some(one => one.authorized)).toBe(true)
    expect(spy.requests).toBeGreaterThan(0)
    expect(spy.tokensSeen).toEqual([])
  })

  it('from https to http is refused, and http is never asked', async () => {
    const asked: string[] = []
    const answers = async (input: string | URL | Request): Promise<Response> => {
      asked.push(String(input))
      return new Response('', { status: 302, headers: { location: 'http://hub.test/weights' } })
    }
    const token = { value: 'hf_secret', origin: 'https://hub.test' }
    const asking = askSmall(
      wireOf({ fetch: answers, token }),
      { url: 'https://hub.test/a', what: 'a' },
      1_000,
    )
    const failure = await asking.then(() => undefined, toFailure)
    expect(failure).toMatchObject({ reason: 'SourceUnavailable', retry: 'Never' })
    expect(failure?.message).toContain('from https to http')
    expect(asked).toEqual(['https://hub.test/a'])
  })

  it.each(['ftp://hub.test/x', 'file:///etc/passwd', 'https://user:pass@hub.test/', 'http://', 'data:,x'])(
    'to %s is followed by nobody',
    async location => {
      const answers = async (): Promise<Response> => new Response('', { status: 302, headers: { location } })
      const wire = wireOf({ fetch: answers, retry: { ...quick, attempts: 1 } })
      const asking = askSmall(wire, { url: 'https://hub.test/a', what: 'a' }, 1_000)
      expect((await asking.then(() => undefined, toFailure))?.message).toContain('no address')
    },
  )
})

interface Flood {
  readonly server: Listening
  /** bytes of bodies that the system took */
  readonly written: () => number
}

/** Answers as it is told, then sends bytes for as long as anybody takes them. */
const startFlood = async (head: (asked: IncomingMessage, answer: ServerResponse) => void): Promise<Flood> => {
  let written = 0
  const block = Buffer.alloc(64 << 10, 'x')
  const server = await listen(
    async (request, response) => {
      head(request, response)
      while (!response.destroyed && !response.closed) {
        if (response.write(block)) written += block.length
        else await Promise.race([new Promise(resolve => response.once('drain', resolve)), sleep(20)])
      }
    },
    { host: '127.0.0.1', port: 0 },
  )
  return { server, written: () => written }
}

describe('a server that sends more than it declared', () => {
  const size = 200_000
  const bytes = Buffer.alloc(size, 'x')
  const digest = { algorithm: 'sha256', hex: createHash('sha256').update(bytes).digest('hex') } as const
  const get = async (url: string, more: Partial<FetchOrder> = {}) => {
    const [hasher, sockets] = [new FrontHasher(), new RangeSockets()]
    const target = join(folder, 'blob.part')
    const order = { url, path: 'blob', size, digest, target, onBytes: () => {}, ...more }
    const tools = { connections: new Connections(4), hasher, sockets }
    const failure = await fetchFile(wireOf(), order, tools).then(() => undefined, toFailure)
    sockets.close()
    await hasher.close()
    return failure
  }

  /** What a connection may hold when it is cut: the buffers of both ends. */
  const onTheWay = 12 << 20

  const heads: [string, (asked: IncomingMessage, answer: ServerResponse) => void][] = [
    ['a whole file without a length', (_, answer) => void answer.writeHead(200)],
    [
      'a range without a length',
      (asked, answer) => {
        const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(asked.headers.range ?? '') ?? []
        if (from === undefined) answer.writeHead(200)
        else answer.writeHead(206, { 'content-range': `bytes ${from}-${to}/${size}` })
      },
    ],
  ]
  it.each(heads)('as %s is cut at the first byte beyond, and its bytes go nowhere', async (_, head) => {
    const { server, written } = await startFlood(head)
    const failure = await get(`http://127.0.0.1:${server.port}/blob`)
    await server.close()
    expect(failure).toMatchObject({ reason: 'Integrity', retry: 'Never' })
    expect(failure?.message).toContain('sends more than')
    expect(written()).toBeLessThan(2 * size + onTheWay)
    const left = statSync(join(folder, 'blob.part'), { throwIfNoEntry: false })
    expect(left?.size ?? 0).toBeLessThanOrEqual(size)
  })

  it('as an endless list is cut too', async () => {
    const { server, written } = await startFlood((_, answer) => void answer.writeHead(200))
    const wire = wireOf({ retry: { ...quick, attempts: 1 } })
    const url = `http://127.0.0.1:${server.port}/list`
    const failure = await askSmall(wire, { url, what: 'a list' }, 100_000).then(() => undefined, toFailure)
    await server.close()
    expect(failure?.message).toContain('longer than 100000 bytes')
    expect(written()).toBeLessThan(100_000 + onTheWay)
  })
})

describe('bytes that change between two parts', () => {
  const size = 10 * partSize + 5
  const [old, fresh] = [Buffer.alloc(size, 'o'), Buffer.alloc(size, 'n')]
  const hexOf = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

  /** Serves the old bytes for some requests, the new ones with a new ETag from then on. */
  const startChanging = async (after: number) => {
    let asked = 0
    return listen(
      (request, response) => {
        const bytes = ++asked > after ? fresh : old
        const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
        const span = from === undefined ? bytes : bytes.subarray(Number(from), Number(to) + 1)
        const range = from === undefined ? {} : { 'content-range': `bytes ${from}-${to}/${size}` }
        const headers = { etag: `"${hexOf(bytes).slice(0, 8)}"`, 'content-length': span.length, ...range }
        response.writeHead(from === undefined ? 200 : 206, headers).end(span)
      },
      { host: '127.0.0.1', port: 0 },
    )
  }
  const get = async (server: Listening, hex: string, mirrors: readonly string[] = []) => {
    const hasher = new FrontHasher()
    const url = `http://127.0.0.1:${server.port}/blob`
    const digest = { algorithm: 'sha256', hex } as const
    const target = join(folder, 'blob.part')
    const places = mirrors.map(place => ({ url: place }))
    const order = { url, mirrors: places, path: 'blob', size, digest, target, onBytes: () => {} }
    const tools = { connections: new Connections(4), hasher }
    const failure = await fetchFile(wireOf(), order, tools).then(() => undefined, toFailure)
    await hasher.close()
    return failure
  }

  it('to the wanted ones heal: the second time all of them are the same', async () => {
    const server = await startChanging(4)
    expect(await get(server, hexOf(fresh))).toBeUndefined()
    await server.close()
  })

  it('to others end as Integrity, and the parts that differed are named', async () => {
    const server = await startChanging(4)
    const failure = await get(server, hexOf(old))
    await server.close()
    expect(failure).toMatchObject({ reason: 'Integrity', retry: 'Never' })
    expect(failure?.message).toMatch(/parts \d+(, \d+)* differed/)
  })

  it('at a mirror are fetched from the source itself', async () => {
    const [mirror, server] = [await startChanging(4), await startChanging(0)]
    expect(await get(server, hexOf(fresh), [`http://127.0.0.1:${mirror.port}/blob`])).toBeUndefined()
    await Promise.all([mirror.close(), server.close()])
  })
})
