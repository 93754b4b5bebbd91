// The hub stand-in as its own JavaScript client and plain requests see it.
import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { downloadFile, type ListFileEntry, listFiles, modelInfo, snapshotDownload } from '@huggingface/hub'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { Fault } from './faults.ts'
import { filesOfFolder, type Hub, type HubOptions, startHub } from './hub.ts'
import { type TinyModel, writeTinyModel } from './tiny-model.ts'

const root = mkdtempSync(join(tmpdir(), 'hub-'))
const repo = 'acme/tiny'
let model: TinyModel

beforeAll(() => {
  model = writeTinyModel(join(root, 'model'), { name: 'tiny', shards: 2, forms: ['huggingFace'] })
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

async function aHub(options: Partial<HubOptions> = {}): Promise<Hub> {
  const hub = await startHub({ repos: [{ id: repo, folder: model.folder }], ...options })
  onTestFinished(() => hub.close())
  return hub
}
const shard = 'model-00001-of-00002.safetensors'
const bytesOf = (file: string) => readFileSync(join(model.folder, file))
const fileUrl = (hub: Hub, path: string, revision = 'main') =>
  `${hub.url}/${repo}/resolve/${revision}/${path}`
async function list(hub: Hub, more: { revision?: string } = {}): Promise<ListFileEntry[]> {
  const entries: ListFileEntry[] = []
  for await (const entry of listFiles({ repo, hubUrl: hub.url, recursive: true, ...more }))
    entries.push(entry)
  return entries
}

describe('@huggingface/hub against the hub stand-in', () => {
  it('reads the model, its licence, its gate and its parameters', async () => {
    const hub = await aHub()
    const info = await modelInfo({
      name: repo,
      hubUrl: hub.url,
      additionalFields: ['sha', 'cardData', 'safetensors', 'filePaths', 'config'],
    })
    expect(info).toMatchObject({ name: repo, private: false, gated: false, sha: hub.commitOf(repo) })
    expect(info.cardData).toMatchObject({ license: 'apache-2.0' })
    expect(info.safetensors?.total).toBe(model.parameters)
    expect(info.config).toMatchObject({ architectures: ['LlamaForCausalLM'] })
    expect([...(info.filePaths ?? [])].sort()).toEqual([...model.files].sort())
  })

  it('lists every file over several pages, with both kinds of ids', async () => {
    const hub = await aHub({ pageSize: 3 })
    const entries = await list(hub)
    expect(entries.map(entry => entry.path).sort()).toEqual([...model.files].sort())
    const weights = entries.find(entry => entry.path === shard)
    expect(weights?.lfs?.oid).toBe(createHash('sha256').update(bytesOf(shard)).digest('hex'))
    const config = bytesOf('config.json')
    const oid = createHash('sha1').update(`blob ${config.length}\0`).update(config).digest('hex')
    expect(entries.find(entry => entry.path === 'config.json')?.oid).toBe(oid)
    expect(hub.requests.length).toBeGreaterThan(2)
  })

  it('downloads a file, from the CDN when it is large, without taking its token there', async () => {
    const hub = await aHub()
    for (const path of [shard, 'config.json']) {
      const blob = await downloadFile({ repo, path, hubUrl: hub.url, xet: false, accessToken: 'hf_mine' })
      expect(Buffer.from(await blob!.arrayBuffer()).equals(bytesOf(path))).toBe(true)
    }
    expect(hub.requests.filter(r => r.origin === 'cdn').map(r => r.authorized)).toEqual([false, false])
    expect(hub.requests.filter(r => r.origin === 'hub').every(r => r.authorized)).toBe(true)
  })

  it('downloads a whole snapshot', async () => {
    const hub = await aHub()
    const folder = await snapshotDownload({ repo, hubUrl: hub.url, cacheDir: join(root, 'cache') })
    expect(folder).toContain(hub.commitOf(repo))
    for (const file of model.files) expect(readFileSync(join(folder, file)).equals(bytesOf(file))).toBe(true)
  })
})

describe('revisions', () => {
  it('two commits that share a file share its LFS id, and each stays readable', async () => {
    const hub = await aHub()
    const first = hub.commitOf(repo)
    const second = hub.addCommit(repo, 'main', {
      ...filesOfFolder(model.folder),
      'config.json': '{"changed":true}',
    })
    expect([first, second].every(id => /^[0-9a-f]{40}$/.test(id)) && first !== second).toBe(true)
    const [old, young] = [await list(hub, { revision: first }), await list(hub, { revision: second })]
    const oid = (entries: typeof old, path: string) => entries.find(entry => entry.path === path)
    expect(oid(old, shard)?.lfs?.oid).toBe(oid(young, shard)?.lfs?.oid)
    expect(oid(old, 'config.json')?.oid).not.toBe(oid(young, 'config.json')?.oid)
    expect(await (await fetch(fileUrl(hub, 'config.json', second))).text()).toBe('{"changed":true}')
    expect(await (await fetch(fileUrl(hub, 'config.json', first))).text()).toContain('Llama')
  })

  it('branches with a slash and tags are found', async () => {
    const hub = await aHub()
    const commit = hub.addCommit(repo, 'refs/pr/1', { 'note.txt': 'hi' })
    hub.addTag(repo, 'v1', commit)
    for (const revision of ['refs%2Fpr%2F1', 'v1', commit])
      expect(await (await fetch(fileUrl(hub, 'note.txt', revision))).text()).toBe('hi')
    expect(await list(hub, { revision: 'refs/pr/1' })).toHaveLength(model.files.length + 1)
    expect(
      (await modelInfo({ name: repo, hubUrl: hub.url, revision: 'refs/pr/1', additionalFields: ['sha'] }))
        .sha,
    ).toBe(commit)
  })
})

describe('refusals', () => {
  const refusal = async (url: string, token?: string) => {
    const answer = await fetch(
      url,
      token === undefined ? {} : { headers: { authorization: `Bearer ${token}` } },
    )
    await answer.arrayBuffer()
    return [answer.status, answer.headers.get('x-error-code')]
  }

  it('unknown repository, revision and file each have their code', async () => {
    const hub = await aHub()
    expect(await refusal(`${hub.url}/api/models/acme/none`)).toEqual([401, 'RepoNotFound'])
    expect(await refusal(`${hub.url}/api/models/acme/none`, 'hf_x')).toEqual([404, 'RepoNotFound'])
    expect(await refusal(fileUrl(hub, 'config.json', 'nope'))).toEqual([404, 'RevisionNotFound'])
    expect(await refusal(fileUrl(hub, 'nope.json'))).toEqual([404, 'EntryNotFound'])
  })

  it('a gated repository shows its list but gives bytes only to its readers', async () => {
    const hub = await aHub()
    hub.gate(repo, 'hf_reader')
    expect((await modelInfo({ name: repo, hubUrl: hub.url })).gated).toBe('auto')
    expect(await refusal(fileUrl(hub, 'config.json'))).toEqual([401, 'GatedRepo'])
    expect(await refusal(fileUrl(hub, 'config.json'), 'hf_other')).toEqual([403, 'GatedRepo'])
    expect(await refusal(fileUrl(hub, 'config.json'), 'hf_reader')).toEqual([200, null])
  })

  it('a private repository looks as if it were not there', async () => {
    const hub = await aHub({ repos: [{ id: repo, files: { a: 'a' }, private: true, readers: ['hf_r'] }] })
    expect(await refusal(`${hub.url}/api/models/${repo}`)).toEqual([401, 'RepoNotFound'])
    expect(await refusal(`${hub.url}/api/models/${repo}`, 'hf_r')).toEqual([200, null])
  })

  it('the rate limit is told in headers and then kept', async () => {
    const hub = await aHub({ rateLimits: { api: 1, windowSeconds: 60 } })
    const first = await fetch(`${hub.url}/api/models/${repo}`)
    expect(first.headers.get('ratelimit')).toMatch(/^"api";r=0;t=\d+$/)
    const second = await fetch(`${hub.url}/api/models/${repo}`)
    expect([second.status, Number(second.headers.get('retry-after'))]).toEqual([429, expect.any(Number)])
  })
})

describe('bytes and their faults', () => {
  const get = (hub: Hub, range?: string) => fetch(fileUrl(hub, shard), range ? { headers: { range } } : {})
  const read = async (hub: Hub, range?: string) => Buffer.from(await (await get(hub, range)).arrayBuffer())
  const withFault = async (fault: Fault) => {
    const hub = await aHub()
    hub.setFault(shard, fault)
    return hub
  }

  it('ranges are exact', async () => {
    const hub = await aHub()
    const answer = await get(hub, 'bytes=100-199')
    expect([answer.status, answer.headers.get('content-range')]).toEqual([
      206,
      `bytes 100-199/${bytesOf(shard).length}`,
    ])
    expect(Buffer.from(await answer.arrayBuffer()).equals(bytesOf(shard).subarray(100, 200))).toBe(true)
    expect((await get(hub, 'bytes=999999999-')).status).toBe(416)
  })

  it('under a prefix, everything lies under it', async () => {
    const hub = await aHub({ prefix: '/api/hf', pageSize: 2 })
    expect(await list(hub)).toHaveLength(model.files.length)
    expect((await read(hub)).equals(bytesOf(shard))).toBe(true)
  })

  it('a flipped bit keeps the length', async () => {
    const got = await read(await withFault({ kind: 'flipBit', at: 1000 }))
    expect(got.length).toBe(bytesOf(shard).length)
    expect(got[1000]).toBe(bytesOf(shard)[1000]! ^ 1)
  })

  it('a cut is an error, a chunked cut is a short success', async () => {
    await expect(read(await withFault({ kind: 'cut', after: 5000 }))).rejects.toThrow()
    expect(await read(await withFault({ kind: 'chunkedCut', after: 5000 }))).toHaveLength(5000)
  })

  it('no range means the whole file with 200', async () => {
    const answer = await get(await withFault({ kind: 'noRange' }), 'bytes=5-9')
    expect([answer.status, (await answer.arrayBuffer()).byteLength]).toEqual([200, bytesOf(shard).length])
  })

  it('a status comes the given number of times', async () => {
    const hub = await withFault({ kind: 'status', status: 503, times: 2 })
    expect([(await get(hub)).status, (await get(hub)).status, (await get(hub)).status]).toEqual([
      503, 503, 200,
    ])
  })

  it('a status at the CDN leaves the front alone', async () => {
    const hub = await withFault({ kind: 'status', status: 403, origin: 'cdn' })
    expect((await get(hub)).status).toBe(403)
    expect(hub.requests.map(r => [r.origin, r.status])).toEqual([
      ['hub', 302],
      ['cdn', 403],
    ])
  })

  it('a stall stops in the middle and goes on later', async () => {
    const started = Date.now()
    const got = await read(await withFault({ kind: 'stall', after: 1000, forMilliseconds: 300 }))
    expect(got.equals(bytesOf(shard))).toBe(true)
    expect(Date.now() - started).toBeGreaterThanOrEqual(290)
  })

  it('a slow file takes its time', async () => {
    const started = Date.now()
    await read(await withFault({ kind: 'slow', bytesPerSecond: 1_000_000 }))
    expect(Date.now() - started).toBeGreaterThan((bytesOf(shard).length / 1_000_000) * 700)
  })

  it('a slow file flows freely once what was waited for is there', async () => {
    const enough = new AbortController()
    const hub = await withFault({ kind: 'slow', bytesPerSecond: 100, until: enough.signal })
    const whole = read(hub)
    await new Promise(resolve => setTimeout(resolve, 200))
    enough.abort()
    expect((await whole).length).toBe(bytesOf(shard).length)
  })

  it('wrong length, surplus bytes, changed ETag and a redirect loop show themselves', async () => {
    await expect(read(await withFault({ kind: 'wrongLength', by: 10 }))).rejects.toThrow()
    expect(await read(await withFault({ kind: 'tooLong', by: 10 }))).toHaveLength(bytesOf(shard).length + 10)
    const hub = await withFault({ kind: 'changedEtag' })
    expect((await get(hub)).headers.get('etag')).not.toBe((await get(hub)).headers.get('etag'))
    await expect(get(await withFault({ kind: 'redirectLoop' }))).rejects.toThrow()
  })
})
