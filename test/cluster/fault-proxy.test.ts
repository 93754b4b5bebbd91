// The fault proxy does what each fault says, seen from both ends of the wire: a tool that breaks nothing would prove nothing.

import { KubeConfig } from '@kubernetes/client-node'
import { Agent, request } from 'undici'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ApiServerStandIn } from '../platform/kubernetes/kernel/api-server.ts'
import { kubeconfigFor } from '../platform/kubernetes/kernel/wire.ts'
import { type Listening, listen } from '../stand-ins/listening.ts'
import { html, refusal, type Treatment } from './fault-proxy/faults.ts'
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts'

const things = '/api/v1/namespaces/n/configmaps'

let server: ApiServerStandIn
let upstream: Listening
let proxy: FaultProxy
let agent: Agent

const ask = async (method: 'GET' | 'POST', path: string, body?: object) => {
  const cluster = new KubeConfig()
  cluster.loadFromString(proxy.kubeconfig)
  const answer = await request(`${cluster.getCurrentCluster()?.server}${path}`, {
    method,
    dispatcher: agent,
    body: body ? JSON.stringify(body) : null,
    signal: AbortSignal.timeout(1_500),
  })
  return { status: answer.statusCode, text: await answer.body.text() }
}
const post = (name: string) => ask('POST', things, { metadata: { namespace: 'n', name } })
/** The answer's status, or what went wrong. */
const hear = async (asking: Promise<{ status: number; text: string }>): Promise<string> => {
  try {
    return String((await asking).status)
  } catch (error) {
    return String((error as { code?: unknown }).code)
  }
}
const isStored = (name: string) => server.things.has(`n/${name}`)

beforeEach(async () => {
  server = new ApiServerStandIn()
  upstream = await listen(server.answer, { host: '127.0.0.1', port: 0 })
  const config = kubeconfigFor(upstream.port)
  proxy = await startFaultProxy(config.exportConfig())
  const own = new KubeConfig()
  own.loadFromString(proxy.kubeconfig)
  const ca = Buffer.from(own.getCurrentCluster()?.caData ?? '', 'base64')
  agent = new Agent({ connect: { ca } })
})
afterEach(async () => {
  await agent.destroy()
  await proxy.close()
  await upstream.close()
})

const cases: readonly [string, Treatment, string, boolean][] = [
  ['a reset before the request', { do: 'reset', when: 'before' }, 'ECONNRESET', false],
  ['a reset instead of the answer', { do: 'reset', when: 'instead' }, 'ECONNRESET', true],
  ['a reset inside the answer', { do: 'reset', when: 'inside' }, 'ECONNRESET', true],
  ['a reset after the answer', { do: 'reset', when: 'after' }, '201', true],
  ['a false answer', { do: 'answer', answer: refusal(503, 'ServiceUnavailable') }, '503', false],
  ['a false answer after the effect', { do: 'answer', answer: html(504), tookEffect: true }, '504', true],
  ['silence', { do: 'hold' }, '23', false],
  ['silence after the effect', { do: 'hold', tookEffect: true }, '23', true],
  ['a drip', { do: 'drip', bytes: 7, everyMs: 1 }, '201', true],
]

describe('The fault proxy', () => {
  it.each(cases)('does %s', async (name, treatment, heard, stored) => {
    proxy.inject({ name, treat: () => treatment, times: 1 })
    expect(await hear(post('a'))).toBe(heard)
    expect(isStored('a')).toBe(stored)
    expect(proxy.passages).toMatchObject([{ method: 'POST', path: things, fault: name }])
    expect(await hear(post('b'))).toBe('201')
  })

  it('tears an answer politely', async () => {
    proxy.inject({ name: 'tear', treat: () => ({ do: 'tear' }), times: 1 })
    const { text } = await post('a')
    expect(() => JSON.parse(text)).toThrow(SyntaxError)
  })

  it('lets everything pass once it is lifted', async () => {
    proxy.inject({ name: 'busy', treat: () => ({ do: 'answer', answer: refusal(500, 'InternalError') }) })
    expect(await hear(post('a'))).toBe('500')
    proxy.lift()
    expect(await hear(post('a'))).toBe('201')
    expect(proxy.passages.map(({ status }) => status)).toEqual([undefined, 201])
  })
})
