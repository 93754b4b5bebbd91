// Every way into a cluster that a kubeconfig can name, by the bundled program: what it loads only when it is needed must be there then.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { stringify } from 'yaml'
import { bundle } from '../../scripts/build.ts'
import { type Listening, listen, sendJson } from '../stand-ins/listening.ts'
import { typed } from './cli-process.ts'

const folder = mkdtempSync(join(tmpdir(), 'switchyard-kubeconfigs-'))
const at = (name: string): string => join(folder, name)
const list = {
  kind: 'ModelList',
  metadata: { resourceVersion: '1' },
  items: [{ metadata: { name: 'tiny', namespace: 'default', uid: 'u' }, spec: {} }],
}
const tokenUntil = (exp: number): string =>
  ['{}', JSON.stringify({ exp }), 'x'].map(part => Buffer.from(part).toString('base64url')).join('.')

describe('a kubeconfig', () => {
  let program: string
  let api: Listening
  let seen: (string | undefined)[] = []

  beforeAll(async () => {
    program = await bundle(at('switchyard.mjs'))
    api = await listen(
      (request, response) => {
        seen.push(request.headers.authorization)
        sendJson(response, list)
      },
      { host: '127.0.0.1', port: 0 },
    )
  })
  beforeEach(() => {
    seen = []
  })
  afterAll(async () => {
    await api?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const tryGet = (user: object, cluster: object = {}) => {
    const server = `http://127.0.0.1:${api.port}`
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      'current-context': 'c',
      clusters: [{ name: 'c', cluster: { server, 'insecure-skip-tls-verify': true, ...cluster } }],
      contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
      users: [{ name: 'u', user }],
    }
    writeFileSync(at('config'), stringify(config))
    const environment = { PATH: process.env['PATH'] ?? '', HOME: folder, KUBECONFIG: at('config') }
    return typed(program, ['get', 'models', '-o', 'name'], { environment })
  }
  const get = async (user: object, cluster: object = {}): Promise<string> => {
    const { exitCode, stdout, stderr } = await tryGet(user, cluster)
    expect(exitCode, `${stdout}\n${stderr}`).toBe(0)
    return stdout
  }

  it('with a token', async () => {
    expect(await get({ token: 'abc' })).toBe('model/tiny')
    expect(seen).toEqual(['Bearer abc'])
  })

  it('with a SOCKS proxy is refused with what to use', async () => {
    const { exitCode, stderr } = await tryGet({ token: 'abc' }, { 'proxy-url': 'socks5://127.0.0.1:1' })
    expect([exitCode, seen]).toEqual([4, []])
    expect(stderr).toContain('a SOCKS proxy in the kubeconfig is not supported: use an HTTP proxy')
  })

  it('with an HTTP proxy', async () => {
    const [server, proxy] = ['http://cluster.invalid', `http://127.0.0.1:${api.port}`]
    expect(await get({ token: 'abc' }, { server, 'proxy-url': proxy })).toBe('model/tiny')
    expect(seen).toEqual(['Bearer abc'])
  })

  it('with a program that gives credentials', async () => {
    const apiVersion = 'client.authentication.k8s.io/v1'
    const credential = { apiVersion, kind: 'ExecCredential', status: { token: 'from-exec' } }
    const exec = { apiVersion, command: 'echo', args: [JSON.stringify(credential)], interactiveMode: 'Never' }
    expect(await get({ exec })).toBe('model/tiny')
    expect(seen).toEqual(['Bearer from-exec'])
  })

  it('with a program of Google’s whose answer is looked into', async () => {
    writeFileSync(
      at('answer'),
      JSON.stringify({ credential: { token: 'from-gcp', until: '2099-01-01T00:00:00Z' } }),
    )
    const config = {
      'cmd-path': 'cat',
      'cmd-args': at('answer'),
      'token-key': '{.credential.token}',
      'expiry-key': '{.credential.until}',
    }
    expect(await get({ 'auth-provider': { name: 'gcp', config } })).toBe('model/tiny')
    expect(seen).toEqual(['Bearer from-gcp'])
  })

  it('with an OpenID Connect token', async () => {
    const config = { 'client-id': 'switchyard', 'id-token': tokenUntil(4_102_444_800) }
    expect(await get({ 'auth-provider': { name: 'oidc', config } })).toBe('model/tiny')
    expect(seen).toEqual([`Bearer ${config['id-token']}`])
  })

  it('with an OpenID Connect token that is over, which client-node cannot renew, and says so', async () => {
    const config = {
      'client-id': 'switchyard',
      'id-token': tokenUntil(1),
      'refresh-token': 'r',
      'idp-issuer-url': 'https://127.0.0.1:1',
    }
    const { exitCode, stderr } = await tryGet({ 'auth-provider': { name: 'oidc', config } })
    // It gives a text where openid-client asks for a URL: the sentence is that of openid-client, which was loaded for it.
    expect([exitCode, stderr]).toEqual([1, 'switchyard: "server" must be an instance of URL'])
  })
})
