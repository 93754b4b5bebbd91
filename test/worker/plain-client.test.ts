// What the Hub's own client does with a bad day, and what a download of ours does with the same one. A row whose first half fails
// after an update of the client is good news: the client has learned it.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { downloadFile, listFiles, snapshotDownload } from '@huggingface/hub'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Fault } from '../stand-ins/faults.ts'
import { type Hub, startHub } from '../stand-ins/hub.ts'
import { toSafetensors } from '../stand-ins/weights.ts'
import { startHostileHub } from './hostile-hub.ts'
import { openWorkplace, quick, type Workplace } from './workplace.ts'

const repo = 'acme/tiny'
const name = 'model.safetensors'
const source = { huggingFace: { repo, revision: 'main' } }
const weights = toSafetensors(Buffer.alloc(300_000, 'w'))

let hub: Hub
let place: Workplace
let cacheDir: string
beforeEach(async () => {
  hub = await startHub({ repos: [{ id: repo, files: { [name]: weights, 'config.json': '{}' } }] })
  place = openWorkplace('HubCache', hub.url, { retry: quick })
  cacheDir = mkdtempSync(join(tmpdir(), 'plain-client-'))
})
afterEach(async () => {
  await hub.close()
  place.close()
  rmSync(cacheDir, { recursive: true, force: true })
})

const snapshot = () => snapshotDownload({ repo, hubUrl: hub.url, cacheDir })
const bytesOf = async (): Promise<Buffer> => {
  const blob = await downloadFile({ repo, path: name, hubUrl: hub.url, xet: false })
  return Buffer.from(await blob!.arrayBuffer())
}
const expectOurs = async (): Promise<void> => {
  expect((await place.fetch(source)).result.failure).toBeUndefined()
  expect((await place.verify(source, { revision: hub.commitOf(repo) })).code).toBe(0)
}

describe('the plain client', () => {
  it('takes a flipped bit for the file; ours fetches it again', async () => {
    hub.setFault(name, { kind: 'flipBit', at: 1234 })
    expect((await bytesOf()).equals(weights)).toBe(false)
    hub.setFault(name, { kind: 'flipBit', at: 1234, times: 1 })
    await expectOurs()
  })

  it('takes half of a chunked body for the file; ours goes on with the rest', async () => {
    hub.setFault(name, { kind: 'chunkedCut', after: 150_000 })
    expect((await bytesOf()).length).toBeLessThan(weights.length)
    hub.setFault(name, { kind: 'chunkedCut', after: 150_000, times: 1 })
    await expectOurs()
  })

  const passing: [string, Fault][] = [
    ['one 503', { kind: 'status', status: 503, times: 1 }],
    ['one 429', { kind: 'status', status: 429, times: 1, headers: { 'retry-after': '0' } }],
    ['one reset', { kind: 'reset', times: 1 }],
  ]
  it.each(passing)('ends with %s; ours tries again', async (_, fault) => {
    hub.setFault(name, fault)
    await expect(snapshot()).rejects.toBeDefined()
    hub.setFault(name, fault)
    await expectOurs()
  })

  it('begins from nothing after a break; ours goes on where it was', async () => {
    const half = { kind: 'cut', after: 150_000 } as const
    hub.setFault(name, half)
    await expect(snapshot()).rejects.toBeDefined()
    const from = hub.requests.length
    hub.setFault(name, undefined)
    await snapshot()
    const again = hub.requests.slice(from).filter(one => one.origin === 'cdn')
    expect(Math.max(...again.map(one => one.bytesSent))).toBeGreaterThan(weights.length)
    hub.setFault(name, { ...half, times: 3 })
    await place.fetch(source)
    const later = hub.requests.length
    hub.setFault(name, undefined)
    await expectOurs()
    const ours = hub.requests.slice(later).filter(one => one.origin === 'cdn')
    expect(ours.reduce((sum, one) => sum + one.bytesSent, 0)).toBeLessThan(weights.length)
  })

  it('takes its token along to wherever a list leads; ours refuses the list', async () => {
    const other = await startHostileHub({})
    const liar = await startHostileHub({ link: `<${other.url}/next>; rel="next"` })
    const list = listFiles({ repo, hubUrl: liar.url, accessToken: 'hf_good', recursive: true })
    for await (const _ of list);
    expect(other.tokensSeen.length).toBeGreaterThan(0)
    const before = other.requests
    const { result } = await place.resolve(source, { hubEndpoint: liar.url })
    await Promise.all([other.close(), liar.close()])
    expect(result.failure).toMatchObject({ reason: 'SourceUnavailable', retry: 'Never' })
    expect(other.requests).toBe(before)
  })

  it('asks several times for each file; ours asks no more, resolving included', async () => {
    await snapshot()
    const theirs = hub.requests.filter(one => one.origin === 'hub').length
    const from = hub.requests.length
    await expectOurs()
    const ours = hub.requests.slice(from).filter(one => one.origin === 'hub').length
    expect(ours).toBeLessThanOrEqual(theirs)
  })

  it('writes a commit that is a path into its ref; ours refuses it', async () => {
    const liar = await startHostileHub({ sha: '../../../victim', entries: [] })
    await snapshotDownload({ repo, hubUrl: liar.url, cacheDir }).catch(() => undefined)
    const ref = join(cacheDir, 'models--acme--tiny/refs/main')
    expect(readFileSync(ref, 'utf8')).toBe('../../../victim')
    const { result } = await place.resolve(source, { hubEndpoint: liar.url })
    await liar.close()
    expect(result.failure).toMatchObject({ reason: 'Integrity', retry: 'Never' })
    expect(existsSync(place.layout.path) ? readdirSync(place.layout.path) : []).toEqual([])
  })

  it('is stopped by an empty file of a server without ranges; ours is not', async () => {
    hub.addCommit(repo, 'main', { 'empty.json': '' })
    hub.setFault('*', { kind: 'noRange' })
    await expect(snapshot()).rejects.toBeDefined()
    await expectOurs()
  })
})
