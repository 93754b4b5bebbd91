// Mirrors that are only a file server: no lists, hardly a header, a path of their own, a limit of their own.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type Hub, startHub } from '../stand-ins/hub.ts'
import { type Listening, listen } from '../stand-ins/listening.ts'
import { toSafetensors } from '../stand-ins/weights.ts'
import { openWorkplace, quick, type Workplace } from './workplace.ts'

const repo = 'acme/mirrored'
const name = 'model.safetensors'
const partSize = 64 << 10
const weights = toSafetensors(
  Buffer.from(Array.from({ length: 400_001 }, (_, at) => (at * 7 + (at >> 9)) & 255)),
)
const files = { [name]: weights, 'config.json': '{}' }

let hub: Hub
let mirror: Listening
let place: Workplace
let asked: { readonly path: string; readonly at: number }[]
let answer: (request: IncomingMessage, response: ServerResponse) => void

beforeEach(async () => {
  asked = []
  hub = await startHub({ repos: [{ id: repo, files }] })
  mirror = await listen(
    (request, response) => {
      asked.push({ path: request.url ?? '', at: Date.now() })
      answer(request, response)
    },
    { host: '127.0.0.1', port: 0 },
  )
  place = openWorkplace('HubCache', hub.url, { retry: quick, partSize: () => partSize })
})
afterEach(async () => {
  await Promise.all([hub.close(), mirror.close()])
  place.close()
})

const prefix = '/cache/deep/hf'
const source = () => ({
  huggingFace: {
    repo,
    revision: 'main',
    mirrors: [{ endpoint: `http://127.0.0.1:${mirror.port}${prefix}` }],
  },
})
const sentByHub = (): number =>
  hub.requests.filter(one => one.origin === 'cdn').reduce((sum, one) => sum + one.bytesSent, 0)

/** The bytes and nothing but the bytes: no ETag, no commit, no Accept-Ranges; 404 for all that is no file. */
const serveFileOf =
  (total?: '*') =>
  (request: IncomingMessage, response: ServerResponse): void => {
    const file = request.url?.startsWith(`${prefix}/${repo}/resolve/`) ? request.url.split('/').at(-1) : ''
    const bytes = file === name ? weights : file === 'config.json' ? Buffer.from('{}') : undefined
    if (!bytes) {
      response.writeHead(404).end()
      return
    }
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '') ?? []
    if (from === undefined || to === undefined) {
      response.writeHead(200, { 'content-length': bytes.length }).end(bytes)
      return
    }
    const part = bytes.subarray(Number(from), Number(to) + 1)
    const range = {
      'content-range': `bytes ${from}-${to}/${total ?? bytes.length}`,
      'content-length': part.length,
    }
    response.writeHead(206, range).end(part)
  }

const serveFile = serveFileOf()

it('one that has only the files, below a path, gives all bytes', async () => {
  answer = serveFile
  expect((await place.fetch(source())).result.failure).toBeUndefined()
  expect(sentByHub()).toBe(0)
  expect(asked.filter(({ path }) => !path.startsWith(`${prefix}/${repo}/resolve/`))).toEqual([])
  expect((await place.verify(source(), { revision: hub.commitOf(repo) })).code).toBe(0)
})

it('one that does not tell the size of a range gives all bytes', async () => {
  answer = serveFileOf('*')
  expect((await place.fetch(source())).result.failure).toBeUndefined()
  expect(sentByHub()).toBe(0)
})

it('one that has half of the file is left for the Hub part by part, and nothing is fetched twice', async () => {
  const half = weights.length / 2
  answer = (request, response) => {
    const from = Number(/^bytes=(\d+)/.exec(request.headers.range ?? '')?.[1] ?? 0)
    if (from < half) serveFile(request, response)
    else response.writeHead(404).end()
  }
  expect((await place.fetch(source())).result.failure).toBeUndefined()
  expect(sentByHub()).toBeGreaterThan(0)
  expect(sentByHub()).toBeLessThan(half + 16 * partSize)
})

it('one that asks for an hour of quiet does not make the Hub wait', async () => {
  answer = (_, response) => void response.writeHead(429, { 'retry-after': '3600' }).end()
  expect((await place.fetch(source())).result.failure).toBeUndefined()
  expect(asked.length).toBeGreaterThan(0)
  // As much quiet as a work would keep for a host that it needs is 20 seconds.
  for (const { at } of hub.requests) expect(at - (asked[0]?.at ?? 0)).toBeLessThan(15_000)
}, 60_000)
