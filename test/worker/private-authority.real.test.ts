// A hub whose certificate comes from an authority of the house: the worker trusts it when it is told to, and says what is missing when it is not.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parseWorkerResult, type WorkerResult } from '../../src/domain/worker-task.ts'
import { type Hub, startHub } from '../stand-ins/hub.ts'
import { toSafetensors } from '../stand-ins/weights.ts'

const repo = 'acme/inside'
const weights = toSafetensors(Buffer.alloc(3_000_000, 5))
const files = { 'model.safetensors': weights, 'config.json': '{}' }
const folder = mkdtempSync(join(tmpdir(), 'switchyard-authority-'))
const at = (...names: string[]): string => join(folder, ...names)
const openssl = (...words: string[]) => execa('openssl', words)
const elliptic = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30']

const makeAuthority = (name: string) =>
  openssl(
    'req',
    '-x509',
    ...elliptic,
    '-subj',
    `/CN=${name}`,
    '-keyout',
    at(`${name}.key`),
    '-out',
    at(`${name}.crt`),
  )

const makeCertificate = async (name: string, address: string) => {
  await openssl(
    'req',
    ...elliptic.slice(0, -2),
    '-subj',
    `/CN=${name}`,
    '-keyout',
    at(`${name}.key`),
    '-out',
    at(`${name}.csr`),
  )
  writeFileSync(at(`${name}.ext`), `subjectAltName=IP:${address}\n`)
  const by = ['-CA', at('house.crt'), '-CAkey', at('house.key'), '-CAcreateserial', '-days', '30']
  await openssl(
    'x509',
    '-req',
    '-in',
    at(`${name}.csr`),
    ...by,
    '-extfile',
    at(`${name}.ext`),
    '-out',
    at(`${name}.crt`),
  )
  return { cert: readFileSync(at(`${name}.crt`), 'utf8'), key: readFileSync(at(`${name}.key`), 'utf8') }
}

const script = `
  import { workerMain } from ${JSON.stringify(join(import.meta.dirname, '../../src/worker/entry.ts'))}
  process.exit(await workerMain(process.argv.slice(1)))
`
const layout = { root: at('volume'), kind: 'HubCache', path: at('volume/hub') }
const base = { owner: 'owner-1', sourceHash: 'h' }

const run = async (task: object, environment: Readonly<Record<string, string>>): Promise<WorkerResult> => {
  const words = ['--input-type=module', '-e', script, '--', 'run', '--task', JSON.stringify(task)]
  const env = { PATH: process.env['PATH'], HOME: folder, ...environment }
  const child = spawn(process.execPath, [...words, '--result-file', at('result')], { env, stdio: 'ignore' })
  await once(child, 'exit')
  return parseWorkerResult(readFileSync(at('result'), 'utf8')) ?? {}
}

describe('a hub behind an authority of the house', () => {
  let hub: Hub
  let elsewhere: Hub
  const source = { huggingFace: { repo, revision: 'main' } }
  const trusting = { NODE_EXTRA_CA_CERTS: at('house.crt') }

  beforeAll(async () => {
    await makeAuthority('house')
    await makeAuthority('other')
    hub = await startHub({ repos: [{ id: repo, files }], tls: await makeCertificate('hub', '127.0.0.1') })
    elsewhere = await startHub({
      repos: [{ id: repo, files }],
      tls: await makeCertificate('moved', '127.0.0.2'),
    })
  })
  afterAll(async () => {
    await Promise.all([hub.close(), elsewhere.close()])
    rmSync(folder, { recursive: true, force: true })
  })

  it('is asked, and every byte comes by it, when the authority is named', async () => {
    const resolved = await run({ command: 'resolve', ...base, source, hubEndpoint: hub.url }, trusting)
    const { revision, listDigest } = resolved.resolution ?? {}
    const task = { command: 'download', ...base, source, revision, listDigest, layout, hubEndpoint: hub.url }
    expect((await run(task, trusting)).failure).toBeUndefined()
    const copy = at('volume/hub/models--acme--inside/snapshots', String(revision), 'model.safetensors')
    expect(readFileSync(copy).equals(weights)).toBe(true)
    expect(hub.requests.some(({ origin, bytesSent }) => origin === 'cdn' && bytesSent > 1_000_000)).toBe(true)
  })

  it.each([
    ['no authority is named', {}],
    ['another one is named', { NODE_EXTRA_CA_CERTS: at('other.crt') }],
  ])('is not asked, and the missing authority is said, when %s', async (_, environment) => {
    const before = hub.requests.length
    const { failure } = await run({ command: 'resolve', ...base, source, hubEndpoint: hub.url }, environment)
    expect(failure?.reason).toBe('SourceUnavailable')
    expect(failure?.message).toMatch(/^the certificate of 127.+ is not trusted .+worker\.caConfigMap/)
    expect(hub.requests.length).toBe(before)
  })

  it('is not asked when its certificate is for another address', async () => {
    const task = { command: 'resolve', ...base, source, hubEndpoint: elsewhere.url }
    const { failure } = await run(task, trusting)
    expect(failure?.message).toMatch(/^the certificate of 127.+ is for another name or address$/)
    expect(elsewhere.requests).toEqual([])
  })
})
