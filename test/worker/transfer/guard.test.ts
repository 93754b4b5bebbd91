// Where a worker connects to: never to the machine's own surroundings, whatever a name, a redirect or a CDN says; through a proxy when there is one.
import { once } from 'node:events'
import { createServer, request as httpRequest } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { checkHost, guardedLookup, isRefused } from '../../../src/worker/transfer/guard.ts'
import { type Hub, startHub } from '../../stand-ins/hub.ts'
import { toSafetensors } from '../../stand-ins/weights.ts'
import { openWorkplace, type Workplace } from '../workplace.ts'

const repo = 'acme/tiny'
const source = { huggingFace: { repo, revision: 'main' } }
let hub: Hub
let place: Workplace

beforeEach(async () => {
  hub = await startHub({
    repos: [{ id: repo, files: { 'model.safetensors': toSafetensors('weights'), 'config.json': '{}' } }],
  })
  place = openWorkplace('HubCache', hub.url)
})
afterEach(async () => {
  await hub.close()
  place.close()
})

it.each([
  ['169.254.169.254', true],
  ['169.254.0.1', true],
  ['::ffff:169.254.169.254', true],
  ['fe80::1', true],
  ['fd00:ec2::254', true],
  ['100.100.100.200', true],
  ['168.63.129.16', true],
  ['127.0.0.1', false],
  ['10.1.2.3', false],
  ['192.168.0.1', false],
  ['fd12:3456::1', false],
  ['93.184.216.34', false],
  ['2606:2800:220:1::1', false],
])('%s is refused: %s', (address, expected) => {
  expect(isRefused(address)).toBe(expected)
})

it.each([
  ['[fe80::1]', true],
  ['169.254.169.254', true],
  ['huggingface.co', false],
])('the host %s of an address is refused before it is looked up: %s', (host, expected) => {
  const check = () => checkHost(host)
  if (expected) expect(check).toThrow(/no model is fetched from there/)
  else expect(check).not.toThrow()
})

it('a name that leads to a good address is answered as dns.lookup does', async () => {
  const answer = await new Promise((resolve, reject) => {
    guardedLookup('localhost', { all: true }, (error, address) => (error ? reject(error) : resolve(address)))
  })
  expect(answer).toContainEqual(expect.objectContaining({ address: '127.0.0.1' }))
})

describe('the metadata service of a cloud', () => {
  const metadata = 'http://169.254.169.254/latest/meta-data/'

  it('is not asked as an endpoint', async () => {
    const { result, code } = await place.resolve(source, { hubEndpoint: 'http://169.254.169.254' })
    expect(result.failure).toMatchObject({ reason: 'SourceUnavailable', retry: 'Never' })
    expect(result.failure?.message).toContain('no model is fetched from there')
    expect(code).toBe(10)
  })

  it.each(['hub', 'cdn'] as const)('is not asked because the %s redirects there', async origin => {
    const fault = { kind: 'redirectTo', url: metadata, ...(origin === 'cdn' ? { origin } : {}) } as const
    hub.setFault('model.safetensors', fault)
    const { result } = await place.fetch(source)
    expect(result.failure).toMatchObject({ reason: 'SourceUnavailable', retry: 'Never' })
  })
})

describe('behind a proxy', () => {
  const names = ['HTTP_PROXY', 'NO_PROXY'] as const
  afterEach(() => {
    for (const name of names) delete process.env[name]
  })

  const startProxy = async () => {
    const seen: string[] = []
    const server = createServer((asked, response) => {
      seen.push(`${asked.method} ${asked.url}`)
      const { method, headers } = asked
      const forward = httpRequest(asked.url ?? '', { method: method ?? 'GET', headers }, answer => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      })
      asked.pipe(forward)
    })
    server.on('connect', (asked, client, head) => {
      seen.push(`CONNECT ${asked.url}`)
      const [host = '', port = ''] = (asked.url ?? '').split(':')
      const upstream = connect(Number(port), host, () => {
        client.write('HTTP/1.1 200 Connection established\r\n\r\n')
        upstream.write(head)
        upstream.pipe(client).pipe(upstream)
      })
      upstream.on('error', () => client.destroy())
      client.on('error', () => upstream.destroy())
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const close = async () => {
      server.closeAllConnections()
      server.close()
    }
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, close }
  }

  const behind = () => openWorkplace('HubCache', hub.url, { hasProxy: true })

  it('everything goes through it', async () => {
    const proxy = await startProxy()
    process.env['HTTP_PROXY'] = proxy.url
    const workplace = behind()
    expect((await workplace.fetch(source)).code).toBe(0)
    workplace.close()
    expect(proxy.seen.length).toBeGreaterThan(0)
    await proxy.close()
  })

  it('what NO_PROXY names goes past it', async () => {
    const proxy = await startProxy()
    process.env['HTTP_PROXY'] = proxy.url
    process.env['NO_PROXY'] = '127.0.0.1'
    const workplace = behind()
    expect((await workplace.fetch(source)).code).toBe(0)
    workplace.close()
    expect(proxy.seen).toEqual([])
    await proxy.close()
  })
})
