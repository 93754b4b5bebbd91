// The registry stand-in as plain requests see it.
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type RegistryOptions, startRegistry } from './registry.ts'
import { type OllamaImage, ollamaLayers, writeTinyModel } from './tiny-model.ts'

const root = mkdtempSync(join(tmpdir(), 'registry-'))
let image: OllamaImage
beforeAll(() => {
  image = ollamaLayers(writeTinyModel(root, { name: 'tiny', forms: ['gguf'] }))
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

async function aRegistry(options: RegistryOptions = {}) {
  const registry = await startRegistry({ models: { 'library/tiny': image }, ...options })
  onTestFinished(() => registry.close())
  return registry
}
const sha256 = (bytes: ArrayBuffer) =>
  `sha256:${createHash('sha256').update(Buffer.from(bytes)).digest('hex')}`

describe('the registry stand-in', () => {
  it('gives the same manifest bytes by tag and by digest', async () => {
    const { url } = await aRegistry()
    for (const tag of ['latest', `sha256:${image.digest}`]) {
      const answer = await fetch(`${url}/v2/library/tiny/manifests/${tag}`)
      expect(Buffer.from(await answer.arrayBuffer()).equals(image.manifest)).toBe(true)
    }
  })

  it('sends a blob from another host name, whole or in ranges', async () => {
    const registry = await aRegistry()
    for (const { digest, size } of image.layers) {
      const url = `${registry.url}/v2/library/tiny/blobs/${digest}`
      const first = await fetch(url, { redirect: 'manual' })
      expect([first.status, new URL(first.headers.get('location')!).hostname]).toEqual([307, 'localhost'])
      expect(sha256(await (await fetch(url)).arrayBuffer())).toBe(digest)
      const part = await fetch(url, { headers: { range: 'bytes=0-9' } })
      expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes 0-9/${size}`])
      const head = await fetch(url, { method: 'HEAD' })
      expect(head.headers.get('content-length')).toBe(String(size))
    }
    expect(registry.requests.some(r => r.origin === 'cdn' && r.range === 'bytes=0-9')).toBe(true)
  })

  it('answers what it does not have with 404 in JSON', async () => {
    const { url } = await aRegistry()
    const answer = await fetch(`${url}/v2/library/none/manifests/latest`)
    expect([answer.status, await answer.json()]).toEqual([
      404,
      { errors: [{ code: 'MANIFEST_UNKNOWN', message: 'manifest unknown' }] },
    ])
  })

  it('with a challenge asks for the token of its own realm', async () => {
    const { url } = await aRegistry({ challenge: true })
    const manifest = `${url}/v2/library/tiny/manifests/latest`
    const refused = await fetch(manifest)
    const [, realm] = /realm="([^"]+)"/.exec(refused.headers.get('www-authenticate') ?? '') ?? []
    expect([refused.status, new URL(realm!).origin]).toEqual([401, url])
    const { token } = (await (await fetch(realm!)).json()) as { token: string }
    expect((await fetch(manifest, { headers: { authorization: `Bearer ${token}` } })).status).toBe(200)
  })

  it('a moved tag leaves the old manifest readable by its digest', async () => {
    const registry = await aRegistry()
    const next = ollamaLayers(writeTinyModel(root, { name: 'tiny2', forms: ['gguf'] }))
    const digest = registry.addModel('library/tiny:latest', next)
    const manifestOf = async (tag: string) =>
      sha256(await (await fetch(`${registry.url}/v2/library/tiny/manifests/${tag}`)).arrayBuffer())
    expect(await manifestOf('latest')).toBe(digest)
    expect(await manifestOf(`sha256:${image.digest}`)).toBe(`sha256:${image.digest}`)
  })

  it('does to a blob what its fault says', async () => {
    const registry = await aRegistry()
    const { digest, size } = image.layers[0]!
    registry.setFault(digest, { kind: 'flipBit', at: 20 })
    const got = await (await fetch(`${registry.url}/v2/library/tiny/blobs/${digest}`)).arrayBuffer()
    expect([got.byteLength, sha256(got) === digest]).toEqual([size, false])
    registry.setFault('library/tiny:latest', { kind: 'status', status: 503, times: 1 })
    const manifest = `${registry.url}/v2/library/tiny/manifests/latest`
    expect([(await fetch(manifest)).status, (await fetch(manifest)).status]).toEqual([503, 200])
  })
})
