// What a hub, its CDN or the network can do to a download, and the failure that comes of it.
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Fault } from '../stand-ins/faults.ts'
import { type Hub, startHub } from '../stand-ins/hub.ts'
import { toSafetensors } from '../stand-ins/weights.ts'
import { goodCommit, type Lies, startHostileHub } from './hostile-hub.ts'
import { impatient, openWorkplace, type Workplace } from './workplace.ts'

const repo = 'acme/tiny'
const source = { huggingFace: { repo, revision: 'main' } }
const weights = toSafetensors(Buffer.alloc(300_000, 'w'))
const files = { 'model.safetensors': weights, 'config.json': '{"architectures":["XForCausalLM"]}' }
let hub: Hub
let place: Workplace
const secrets = join(tmpdir(), `worker-secrets-${process.pid}`)

const writeSecret = (name: string, keys: Record<string, string>): string => {
  const folder = join(secrets, name)
  mkdirSync(folder, { recursive: true })
  for (const [key, value] of Object.entries(keys)) writeFileSync(join(folder, key), value)
  return join(folder, 'token')
}

beforeAll(() => mkdirSync(secrets, { recursive: true }))
afterAll(() => rmSync(secrets, { recursive: true, force: true }))
beforeEach(async () => {
  hub = await startHub({ repos: [{ id: repo, files }], tokens: ['hf_good', 'mirror-token'] })
  place = openWorkplace('HubCache', hub.url, { retry: impatient })
})
afterEach(async () => {
  await hub.close()
  place.close()
})

const looksFinished = () =>
  ['snapshots', 'refs', 'trees'].some(name =>
    existsSync(join(place.layout.path, 'models--acme--tiny', name)),
  ) ||
  (existsSync(join(place.root, '.switchyard/receipts')) &&
    readdirSync(join(place.root, '.switchyard/receipts')).length > 0)

describe('bytes that come wrong', () => {
  const wrong: [string, Fault, string, string][] = [
    ['with a flipped bit', { kind: 'flipBit', at: 1234 }, 'Integrity', 'Never'],
    ['longer than listed', { kind: 'tooLong', by: 5 }, 'Integrity', 'Never'],
    ['with another length', { kind: 'wrongLength', by: -7 }, 'Integrity', 'Never'],
    ['cut before the first byte', { kind: 'cut', after: 0 }, 'SourceUnavailable', 'Later'],
    ['ended cleanly before the first byte', { kind: 'chunkedCut', after: 0 }, 'TransferFailed', 'Later'],
    ['stalled for ever', { kind: 'stall', after: 0 }, 'TransferFailed', 'Later'],
    ['redirected in a circle', { kind: 'redirectLoop' }, 'SourceUnavailable', 'Later'],
    ['refused by the CDN', { kind: 'status', status: 403, origin: 'cdn' }, 'TransferFailed', 'Later'],
  ]
  it.each(wrong)('%s end as a failure, and nothing looks finished', async (_, fault, reason, retry) => {
    hub.setFault('model.safetensors', fault)
    const { result, code } = await place.fetch(source)
    expect(result.failure).toMatchObject({ reason, retry })
    expect(code).toBe(retry === 'Never' ? 10 : 75)
    expect(looksFinished()).toBe(false)
    hub.setFault('model.safetensors', undefined)
    expect((await place.fetch(source)).code).toBe(0)
  })

  it.each(wrong)('%s once heal within the same work', async (_, fault) => {
    hub.setFault('model.safetensors', { ...fault, times: 1 })
    expect((await place.fetch(source)).result.failure).toBeUndefined()
  })

  it('are named with both digests', async () => {
    hub.setFault('model.safetensors', { kind: 'flipBit', at: 77_777 })
    const { result } = await place.fetch(source)
    expect(result.failure?.message).toMatch(
      /model.safetensors: sha256 is [0-9a-f]{64}, the source names [0-9a-f]{64}/,
    )
  })
})

describe('weights that are not what their name says', () => {
  it.each([
    ['a pickle', 'model.safetensors', Buffer.alloc(20_000_000, 0x80)],
    ['text', 'model.gguf', Buffer.alloc(20_000_000, 'x')],
  ])('%s under the name of %s is refused before the rest is fetched', async (_, path, bytes) => {
    hub.addRepo({ id: 'acme/odd', files: { [path]: bytes } })
    const odd = { huggingFace: { repo: 'acme/odd', revision: 'main', include: [path], tag: 'odd' } }
    const patient = openWorkplace(path.endsWith('.gguf') ? 'OllamaStore' : 'HubCache', hub.url)
    const { result } = await patient.fetch(odd)
    patient.close()
    expect(result.failure).toMatchObject({ reason: 'UnsafeFormat', retry: 'Never' })
    expect(result.failure?.message).toContain(`${path}: it`)
  })
})

describe('a hub that refuses', () => {
  const route = `/api/models/${repo}/revision/main`
  const answers: [number, Record<string, string>, object][] = [
    [401, {}, { reason: 'Unauthorized', retry: 'Never' }],
    [403, { 'x-error-code': 'GatedRepo' }, { reason: 'Gated', retry: 'Never' }],
    [404, { 'x-error-code': 'RepoNotFound' }, { reason: 'NotFound', retry: 'Never' }],
    [404, { 'x-error-code': 'RevisionNotFound' }, { reason: 'RevisionNotFound', retry: 'Never' }],
    [429, { 'retry-after': '77' }, { reason: 'RateLimited', retry: 'Later', retryAfterSeconds: 77 }],
    [429, { ratelimit: '"api";r=0;t=55' }, { reason: 'RateLimited', retryAfterSeconds: 55 }],
    [503, {}, { reason: 'SourceUnavailable', retry: 'Later' }],
  ]
  it.each(answers)('with %i %o says why in its own word', async (status, headers, expected) => {
    hub.setFault(route, { kind: 'status', status, headers })
    expect((await place.resolve(source)).result.failure).toMatchObject(expected)
  })

  it('for a moment is asked again', async () => {
    hub.setFault(route, { kind: 'status', status: 503, times: 2 })
    expect((await place.resolve(source)).result.failure).toBeUndefined()
  })

  it('a repository or a revision that is not there is told apart', async () => {
    const none = { huggingFace: { repo: 'acme/none', revision: 'main' } }
    expect((await place.resolve(none)).result.failure).toMatchObject({ reason: 'NotFound' })
    const other = { huggingFace: { repo, revision: 'v9' } }
    expect((await place.resolve(other)).result.failure).toMatchObject({ reason: 'RevisionNotFound' })
  })

  it('a gated repository says Gated before any download, and opens with a token that may read it', async () => {
    hub.gate(repo, 'hf_good')
    expect((await place.resolve(source)).result.failure).toMatchObject({ reason: 'Gated', retry: 'Never' })
    const tokenFile = writeSecret('gate', { token: 'hf_good\n' })
    expect((await place.fetch(source, { tokenFile })).code).toBe(0)
  })

  it('that cannot be reached is asked again later', async () => {
    const { result } = await place.resolve(source, { hubEndpoint: 'http://127.0.0.1:9' })
    expect(result.failure).toMatchObject({ reason: 'SourceUnavailable', retry: 'Later' })
  })
})

describe('the token', () => {
  it('whose file is absent makes the work wait for the Secret', async () => {
    const { code, result } = await place.resolve(source, { tokenFile: join(secrets, 'nowhere/token') })
    expect(code).toBe(11)
    expect(result.failure).toMatchObject({ reason: 'TokenSecretMissing', retry: 'WhenAble' })
  })

  it('goes to the hub with every request and never to its CDN', async () => {
    const tokenFile = writeSecret('cdn', { token: 'mirror-token' })
    expect((await place.fetch(source, { tokenFile })).code).toBe(0)
    const asked = (origin: string) => hub.requests.filter(request => request.origin === origin)
    expect(asked('hub').every(request => request.authorized)).toBe(true)
    expect(asked('cdn').length).toBeGreaterThan(0)
    expect(asked('cdn').some(request => request.authorized)).toBe(false)
  })

  it('goes to the endpoint in its own Secret, and that is where the work asks', async () => {
    const other = await startHostileHub({})
    const tokenFile = writeSecret('own', { token: 'mirror-token', endpoint: hub.url })
    const { code } = await place.resolve(source, { tokenFile, hubEndpoint: other.url })
    await other.close()
    expect(code).toBe(0)
    expect(other.tokensSeen).toEqual([])
  })

  it('that is refused is not in the message', async () => {
    const tokenFile = writeSecret('bad', { token: 'hf_secret-of-somebody' })
    const ended = await place.resolve(source, { tokenFile })
    expect(ended.result.failure).toMatchObject({ reason: 'Unauthorized' })
    expect(ended.lines.join()).not.toContain('secret-of-somebody')
  })

  it('does not follow a file list to another place', async () => {
    const other = await startHostileHub({})
    const liar = await startHostileHub({ link: `<${other.url}/next>; rel="next"` })
    const tokenFile = writeSecret('link', { token: 'hf_good' })
    const { result } = await place.resolve(source, { hubEndpoint: liar.url, tokenFile })
    await Promise.all([other.close(), liar.close()])
    expect(result.failure).toMatchObject({ reason: 'SourceUnavailable', retry: 'Never' })
    expect(liar.tokensSeen.length).toBeGreaterThan(0)
    expect(other.tokensSeen).toEqual([])
  })
})

describe('a hub that lies', () => {
  const entry = (more: object) => ({
    type: 'file',
    path: 'model.safetensors',
    size: 1,
    oid: goodCommit,
    ...more,
  })
  const lies: [string, Lies, string][] = [
    ['a commit that is a path', { sha: '../../../victim' }, 'Integrity'],
    ['no commit', { sha: 7 }, 'Integrity'],
    ['a file name that climbs', { entries: [entry({ path: '../victim.safetensors' })] }, 'UnsafePath'],
    ['an absolute file name', { entries: [entry({ path: '/etc/model.safetensors' })] }, 'UnsafePath'],
    ['a file name with a backslash', { entries: [entry({ path: 'a\\b.safetensors' })] }, 'UnsafePath'],
    ['an id that is a path', { entries: [entry({ oid: '../../../../victim' })] }, 'Integrity'],
    ['a digest that is a path', { entries: [entry({ lfs: { oid: '../victim', size: 1 } })] }, 'Integrity'],
    ['a negative size', { entries: [entry({ size: -1 })] }, 'Integrity'],
    [
      'names that differ only in case',
      { entries: [entry({}), entry({ path: 'Model.safetensors' })] },
      'UnsafePath',
    ],
    [
      'a file that is also a folder',
      { entries: [entry({ path: 'a.json' }), entry({ path: 'a.json/b.safetensors' })] },
      'UnsafePath',
    ],
    ['nothing', { entries: [] }, 'NothingToFetch'],
  ]
  it.each(lies)('with %s is not believed', async (_, lie, reason) => {
    const liar = await startHostileHub(lie)
    const { result, code } = await place.resolve(source, { hubEndpoint: liar.url })
    await liar.close()
    expect(result.failure).toMatchObject({ reason, retry: 'Never' })
    expect(code).toBe(10)
  })

  it('about the list since it was resolved is caught before the first byte', async () => {
    const { result } = await place.fetch(source, { listDigest: 'f'.repeat(64) })
    expect(result.failure).toMatchObject({ reason: 'Integrity', retry: 'Never' })
    expect(hub.requests.filter(request => request.origin === 'cdn')).toEqual([])
  })
})

describe('the choice of files', () => {
  const chosen = async (list: Record<string, string>, more: object = {}) => {
    const entries = Object.entries(list).map(([path, text]) => {
      return [path, path.endsWith('.safetensors') ? toSafetensors(text) : text] as const
    })
    hub.addRepo({ id: 'acme/choice', files: Object.fromEntries(entries) })
    place.close()
    const { result } = await place.fetch({ huggingFace: { repo: 'acme/choice', revision: 'main', ...more } })
    if (result.failure) return result.failure.reason
    return readdirSync(result.copy?.path ?? '', { recursive: true }).sort()
  }
  it('leaves out pickles, code and second copies when there is a safe twin', async () => {
    const list = {
      'model.safetensors': 'a',
      'pytorch_model.bin': 'b',
      'modeling_x.py': 'c',
      'original/consolidated.safetensors': 'd',
      'model.fp16.safetensors': 'e',
      'onnx/model.json': 'f',
      'tokenizer.model': 'g',
      'tokenizer.pkl': 'h',
      '.gitattributes': 'i',
      'README.md': 'j',
    }
    expect(await chosen(list)).toEqual(['model.safetensors', 'tokenizer.model'])
    expect(await chosen(list, { include: ['*'], exclude: ['o*', '*.md'] })).toEqual([
      '.gitattributes',
      'model.fp16.safetensors',
      'model.safetensors',
      'tokenizer.model',
    ])
    expect(await chosen(list, { include: ['pytorch_model.bin'] })).toEqual(['pytorch_model.bin'])
  })
  it('refuses a repository that has only pickles', async () => {
    expect(await chosen({ 'pytorch_model.bin': 'b', 'config.json': '{}' })).toBe('UnsafeFormat')
  })
  it('refuses patterns that leave no weights', async () => {
    expect(
      await chosen({ 'model.safetensors': 'a', 'config.json': '{}' }, { exclude: ['*.safetensors'] }),
    ).toBe('NothingToFetch')
  })
  it('fetches empty files and one content under two names once', async () => {
    const list = { 'model.safetensors': 'a', 'a.json': '', 'b/c.json': '{"x":1}', 'd.json': '{"x":1}' }
    expect(await chosen(list)).toEqual(['a.json', 'b', 'b/c.json', 'd.json', 'model.safetensors'])
  })
})
