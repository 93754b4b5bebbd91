// Credentials out of a kubeconfig: kept for a while, read anew after a refusal, once for everybody who was refused.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KubeConfig, type User } from '@kubernetes/client-node'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createCredentialSource } from '../../../../src/platform/kubernetes/kernel/credentials.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'credentials-'))
})
afterEach(() => rm(folder, { recursive: true }))

function configOf(user: Partial<User>, cluster: object = {}): KubeConfig {
  const config = new KubeConfig()
  const server = 'https://127.0.0.1:6443'
  config.loadFromOptions({
    clusters: [{ name: 'c', server, skipTLSVerify: false, ...cluster }],
    users: [{ name: 'u', ...user }],
    contexts: [{ name: 'x', cluster: 'c', user: 'u' }],
    currentContext: 'x',
  })
  return config
}

const fromFile = (file: string) => ({ authProvider: { name: 'tokenFile', config: { tokenFile: file } } })
const base64 = (text: string) => Buffer.from(text).toString('base64')

describe('credentials', () => {
  it('a token becomes a header, a certificate becomes TLS options', async () => {
    const source = createCredentialSource(
      configOf({ token: 't', certData: base64('cert'), keyData: base64('key') }, { caData: base64('ca') }),
    )
    const { headers, connection } = await source.current()
    expect(headers).toEqual({ authorization: 'Bearer t' })
    expect(connection).toMatchObject({
      type: 'agent',
      connect: { ca: Buffer.from('ca'), cert: Buffer.from('cert'), key: Buffer.from('key') },
    })
  })

  it('a server behind a path keeps its path apart', () => {
    const source = createCredentialSource(configOf({}, { server: 'https://proxy:8443/k8s/c1/' }))
    expect([source.origin, source.prefix]).toEqual(['https://proxy:8443', '/k8s/c1'])
  })

  it('a token file that changed is not read again until a refusal', async () => {
    const file = join(folder, 'token')
    await writeFile(file, 'old')
    const source = createCredentialSource(configOf(fromFile(file)))
    const first = await source.current()
    await writeFile(file, 'new')
    expect((await source.current()).headers).toEqual({ authorization: 'Bearer old' })
    expect((await source.refresh(first)).headers).toEqual({ authorization: 'Bearer new' })
    expect((await source.current()).headers).toEqual({ authorization: 'Bearer new' })
  })

  it('two refusals of one token read it anew once', async () => {
    const file = join(folder, 'token')
    await writeFile(file, 'old')
    const source = createCredentialSource(configOf(fromFile(file)))
    const first = await source.current()
    await writeFile(file, 'new')
    const [one, two] = [await source.refresh(first), await source.refresh(first)]
    expect(two).toBe(one)
  })

  it('two refusals at the same moment share one reading', async () => {
    const source = createCredentialSource(configOf({ token: 't' }))
    const first = await source.current()
    const [one, two] = await Promise.all([source.refresh(first), source.refresh(first)])
    expect(two).toBe(one)
  })

  it('a token over plain HTTP is refused unless the kubeconfig says that TLS is not checked', async () => {
    const plain = { server: 'http://127.0.0.1:1' }
    await expect(createCredentialSource(configOf({ token: 't' }, plain)).current()).rejects.toThrow('HTTP')
    const allowed = createCredentialSource(configOf({ token: 't' }, { ...plain, skipTLSVerify: true }))
    expect((await allowed.current()).headers).toEqual({ authorization: 'Bearer t' })
  })

  it('a failed reading is not kept', async () => {
    const file = join(folder, 'token')
    const source = createCredentialSource(configOf(fromFile(file)))
    await expect(source.current()).rejects.toThrow()
    await writeFile(file, 'late')
    expect((await source.current()).headers).toEqual({ authorization: 'Bearer late' })
  })

  it('equal certificates have equal fingerprints, other ones do not', async () => {
    const fingerprint = async (cert: string) =>
      (await createCredentialSource(configOf({ certData: base64(cert) })).current()).fingerprint
    expect(await fingerprint('a')).toBe(await fingerprint('a'))
    expect(await fingerprint('a')).not.toBe(await fingerprint('b'))
  })
})
