// Mirrors are asked for bytes before the Hub, and believed for nothing: whatever one does, the copy is right and the Hub's.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Fault } from '../stand-ins/faults.ts'
import { type Hub, startHub } from '../stand-ins/hub.ts'
import { toSafetensors } from '../stand-ins/weights.ts'
import { impatient, openWorkplace, type Workplace } from './workplace.ts'

const repo = 'acme/mirrored'
const name = 'model.safetensors'
const partSize = 64 << 10
const weights = toSafetensors(
  Buffer.from(Array.from({ length: 900_001 }, (_, at) => (at * 7 + (at >> 9)) & 255)),
)
const files = { [name]: weights, 'config.json': '{}' }
let hub: Hub
let mirror: Hub
let place: Workplace

beforeEach(async () => {
  hub = await startHub({ repos: [{ id: repo, files }], tokens: ['hf_good'] })
  mirror = await startHub({ repos: [{ id: repo, files }], prefix: '/api/hf' })
  place = openWorkplace('HubCache', hub.url, { retry: impatient, partSize: () => partSize })
})
afterEach(async () => {
  await Promise.all([hub.close(), mirror.close()])
  place.close()
})

const source = () => ({ huggingFace: { repo, revision: 'main', mirrors: [{ endpoint: mirror.url }] } })
const sent = (by: Hub): number =>
  by.requests.filter(one => one.origin === 'cdn').reduce((sum, one) => sum + one.bytesSent, 0)
const half = weights.length / 2

/** Waits as long as a download does: a busy machine is no reason to leave a mirror. */
const bePatient = (): void => {
  place.close()
  place = openWorkplace('HubCache', hub.url, { partSize: () => partSize })
}

it('all bytes come from it, and what is listed from the Hub', async () => {
  bePatient()
  expect((await place.fetch(source())).code).toBe(0)
  expect(sent(mirror)).toBeGreaterThan(weights.length)
  expect(sent(hub)).toBe(0)
  const asked = mirror.requests.filter(one => one.origin === 'hub')
  expect(asked.filter(one => !one.path.includes('/resolve/'))).toEqual([])
})

/** Where most of the bytes come from; absent: whoever is faster, since a part that is short by some bytes is gone on with. */
const troubles: [string, Fault, string?][] = [
  ['does not have the file', { kind: 'status', status: 404 }, 'hub'],
  ['wants a token', { kind: 'status', status: 401 }, 'hub'],
  ['is overloaded', { kind: 'status', status: 503 }, 'hub'],
  ['resets every connection', { kind: 'reset' }, 'hub'],
  ['falls silent', { kind: 'stall', after: 0 }, 'hub'],
  ['lists another length', { kind: 'wrongLength', by: -7 }],
  ['has bytes with a flipped bit', { kind: 'flipBit', at: 123_456 }, 'hub'],
  ['redirects in a circle', { kind: 'redirectLoop' }, 'hub'],
  ['has no ranges', { kind: 'noRange' }, 'mirror'],
  ['cuts every answer', { kind: 'cut', after: 9_000 }, 'mirror'],
]
it.each(troubles)('the copy is right when it %s', async (_, fault, from) => {
  mirror.setFault(name, fault)
  const { result, code } = await place.fetch(source())
  expect(result.failure).toBeUndefined()
  expect(code).toBe(0)
  if (from) expect(sent(hub) > half ? 'hub' : 'mirror').toBe(from)
  expect((await place.verify(source(), { revision: hub.commitOf(repo) })).code).toBe(0)
})

it('what it gave before it broke is not fetched again', async () => {
  mirror.setFault(name, { kind: 'status', status: 503, origin: 'cdn', skip: 7 })
  expect((await place.fetch(source())).code).toBe(0)
  expect(sent(hub)).toBeLessThan(weights.length - 4 * partSize)
})

it('that cannot be reached is left for the next, and the next for the Hub', async () => {
  bePatient()
  const mirrors = [{ endpoint: 'http://127.0.0.1:9' }, { endpoint: mirror.url }]
  expect((await place.fetch({ huggingFace: { repo, revision: 'main', mirrors } })).code).toBe(0)
  expect(sent(hub)).toBe(0)
})

it('never sees the token', async () => {
  hub.gate(repo, 'hf_good')
  const folder = join(tmpdir(), `mirror-secret-${process.pid}`)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'token'), 'hf_good')
  const { code } = await place.fetch(source(), { tokenFile: join(folder, 'token') })
  rmSync(folder, { recursive: true })
  expect(code).toBe(0)
  expect(mirror.requests.length).toBeGreaterThan(0)
  expect(mirror.requests.filter(one => one.authorized)).toEqual([])
})

describe('with a Secret of its own', () => {
  let folder: string
  const secret = (key: string, value: string): string => {
    const file = join(folder, key)
    writeFileSync(file, value)
    return file
  }
  const withToken = (tokenFile: string) => ({
    huggingFace: { repo, revision: 'main', mirrors: [{ endpoint: mirror.url, tokenFile }] },
  })
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'mirror-secret-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('gets its token, the Hub gets its own, and their CDNs get none', async () => {
    bePatient()
    hub.gate(repo, 'hf_good')
    await mirror.close()
    mirror = await startHub({ repos: [{ id: repo, files }], prefix: '/api/hf', tokens: ['m_good'] })
    mirror.gate(repo, 'm_good')
    const tokenFile = secret('token', 'hf_good')
    expect((await place.fetch(withToken(secret('mirror', 'm_good')), { tokenFile })).code).toBe(0)
    expect(sent(mirror)).toBeGreaterThan(weights.length)
    expect(sent(hub)).toBe(0)
    const told = [...mirror.requests, ...hub.requests].filter(one => one.authorized)
    expect(new Set(told.map(({ origin }) => origin))).toEqual(new Set(['hub']))
  })

  it.each([
    ['that is not there', () => join(folder, 'none')],
    ['that is empty', () => secret('mirror', '')],
    ['that holds no token', () => secret('mirror', 'two words')],
  ])('%s, it is not asked at all', async (_, file) => {
    expect((await place.fetch(withToken(file()))).code).toBe(0)
    expect(mirror.requests).toEqual([])
    expect(sent(hub)).toBeGreaterThan(weights.length)
  })
})

it('at an address that is none is named by its place in the list', async () => {
  const odd = {
    huggingFace: { repo, revision: 'main', mirrors: [{ endpoint: 'https://user:x@hub.example' }] },
  }
  const { result } = await place.resolve(odd)
  expect(result.failure).toMatchObject({ reason: 'InvalidEndpoint', retry: 'Never' })
  expect(result.failure?.message).toContain('mirrors[0].endpoint')
  expect(existsSync(place.layout.path) ? readdirSync(place.layout.path) : []).toEqual([])
})
