// The REST client against raw bytes on loopback: verbs, deadlines, retries, credentials, streams.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import type { WatchEvent } from '../../../../src/platform/kubernetes/kernel/client.ts'
import { type ApiError, MutationRefused } from '../../../../src/platform/kubernetes/kernel/errors.ts'
import { NoAnswer } from '../../../../src/platform/kubernetes/kernel/no-answer.ts'
import {
  CONFIG_MAP,
  DEPLOYMENT,
  type KernelObject,
  MODEL,
  NODE,
} from '../../../../src/platform/kubernetes/kernel/resources.ts'
import { type Answer, readBody, sendJson } from '../../../stand-ins/listening.ts'
import { openWire, refuse, urlOf, type Wire } from './wire.ts'

let wire: Wire
afterEach(() => wire?.close())

const open = async (answer: Answer, more: Parameters<typeof openWire>[1] = {}) => {
  wire = await openWire(answer, more)
  return wire.client
}

const at = { namespace: 'n', name: 'a' }
const aMap = (resourceVersion = '1', data = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { namespace: 'n', name: 'a', uid: 'u', resourceVersion },
  data,
})
const failure = async (promise: Promise<unknown>): Promise<ApiError> => {
  try {
    await promise
  } catch (error) {
    return error as ApiError
  }
  throw new Error('it did not fail')
}
const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}

describe('A read', () => {
  it('keeps fields that no model of ours knows', async () => {
    const newer = { ...aMap(), spec: { fieldOfTheFuture: [{ deep: true }] } }
    const client = await open((_request, response) => sendJson(response, newer))
    expect(await client.get(CONFIG_MAP, at)).toEqual(newer)
  })

  it('of an object that is not there is absent with find and a NotFound with get', async () => {
    const client = await open((_request, response) =>
      refuse(response, 404, { reason: 'NotFound', message: 'no a' }),
    )
    expect(await client.find(CONFIG_MAP, at)).toBeUndefined()
    expect(await failure(client.get(CONFIG_MAP, at))).toMatchObject({
      status: 404,
      reason: 'NotFound',
      isNotFound: true,
    })
  })

  it('of many goes page by page with the same selection', async () => {
    const asked: string[] = []
    const client = await open((request, response) => {
      const query = urlOf(request).searchParams
      asked.push(`${query.get('limit')} ${query.get('labelSelector')} ${query.get('continue')}`)
      const isLast = query.get('continue') === 'more'
      sendJson(response, {
        metadata: { resourceVersion: '9', ...(isLast ? {} : { continue: 'more' }) },
        items: [aMap(isLast ? '2' : '1')],
      })
    })
    const items = await client.listAll<KernelObject>(
      CONFIG_MAP,
      { namespace: 'n', labelSelector: 'x=y' },
      { pageSize: 1 },
    )
    expect(items.map(item => item.metadata.resourceVersion)).toEqual(['1', '2'])
    expect(asked).toEqual(['1 x=y null', '1 x=y more'])
  })

  it('says Gone when the continue token expired between two pages', async () => {
    const client = await open((request, response) => {
      if (urlOf(request).searchParams.has('continue')) refuse(response, 410, { reason: 'Expired' })
      else sendJson(response, { metadata: { resourceVersion: '9', continue: 'old' }, items: [aMap()] })
    })
    expect((await failure(client.listAll(CONFIG_MAP))).isGone).toBe(true)
  })

  it('uses the same few connections again and again', async () => {
    const ports = new Set<number | undefined>()
    const client = await open((request, response) => {
      ports.add(request.socket.remotePort)
      sendJson(response, aMap())
    })
    for (let round = 0; round < 5; round++)
      await Promise.all(Array.from({ length: 40 }, () => client.get(CONFIG_MAP, at)))
    expect(ports.size).toBeLessThanOrEqual(8)
  })

  it('refuses a name that would climb out of its place, before asking', async () => {
    let asked = 0
    const client = await open((_request, response) => {
      asked++
      sendJson(response, {})
    })
    expect(await failure(client.get(CONFIG_MAP, { namespace: 'n', name: '..' }))).toBeInstanceOf(TypeError)
    expect(await failure(client.get(CONFIG_MAP, { name: 'a' }))).toBeInstanceOf(TypeError)
    expect(asked).toBe(0)
  })
})

describe('A refusal', () => {
  it('is tried again for a read until it passes', async () => {
    const codes = [500, 503, 200]
    const client = await open((_request, response) => {
      const code = codes.shift() as number
      if (code === 200) sendJson(response, aMap('7'))
      else refuse(response, code)
    })
    expect((await client.get<KernelObject>(CONFIG_MAP, at)).metadata.resourceVersion).toBe('7')
  })

  it('of a create is not tried again, because it may have had its effect', async () => {
    let asked = 0
    const client = await open((_request, response) => {
      asked++
      refuse(response, 500, { reason: 'InternalError' })
    })
    expect((await failure(client.create(CONFIG_MAP, aMap()))).status).toBe(500)
    expect(asked).toBe(1)
  })

  it('with 429 waits as long as the server asks, also for a create', async () => {
    const times: number[] = []
    const client = await open((_request, response) => {
      times.push(performance.now())
      if (times.length === 1) refuse(response, 429, { headers: { 'retry-after': '1' } })
      else sendJson(response, aMap())
    })
    await client.create(CONFIG_MAP, aMap())
    expect((times[1] as number) - (times[0] as number)).toBeGreaterThan(950)
  })

  it('that asks for more patience than the deadline allows is given back at once', async () => {
    const client = await open((_request, response) =>
      refuse(response, 429, { headers: { 'retry-after': '20' } }),
    )
    const error = await failure(client.get(CONFIG_MAP, at, { deadlineMs: 2_000 }))
    expect(error).toMatchObject({ status: 429, retryAfterMs: 20_000 })
  })

  it('never repeats a body in its message', async () => {
    const client = await open((_request, response) => {
      response.writeHead(502, { 'content-type': 'text/html' }).end('<p>secret of a proxy</p>')
    })
    const error = await failure(client.create(CONFIG_MAP, aMap('1', { password: 'hunter2' })))
    expect(error.message).not.toMatch(/hunter2|secret of/)
    expect(error.status).toBe(502)
  })

  it('after a reset is tried again on a new connection', async () => {
    let asked = 0
    const client = await open((request, response) => {
      if (++asked === 1) request.socket.resetAndDestroy()
      else sendJson(response, aMap())
    })
    await client.get(CONFIG_MAP, at)
    expect(asked).toBe(2)
  })

  it('by silence of a half-open connection ends at the deadline', async () => {
    const client = await open(() => undefined)
    const startedAt = performance.now()
    const error = await failure(client.get(CONFIG_MAP, at, { deadlineMs: 200 }))
    expect(error).toBeInstanceOf(NoAnswer)
    expect(error.reason).toBe('Timeout')
    expect(performance.now() - startedAt).toBeLessThan(10_000)
  })

  it('by a body that stops in the middle is no answer', async () => {
    const client = await open((_request, response) => {
      response.writeHead(200, { 'content-length': 1000 }).write('{"metadata":')
      setTimeout(() => response.destroy(), 20)
    })
    expect((await failure(client.get(CONFIG_MAP, at, { deadlineMs: 1000 }))).reason).toBe('Network')
  })

  it('by the caller carries the reason that the caller gave', async () => {
    const client = await open(() => undefined)
    const stop = new AbortController()
    const asked = failure(client.get(CONFIG_MAP, at, { signal: stop.signal }))
    setTimeout(() => stop.abort(new Error('enough')), 20)
    expect((await asked).message).toBe('enough')
  })
})

describe('A client that was closed', () => {
  it('opens no new connection', async () => {
    let asked = 0
    const client = await open((_request, response) => {
      asked++
      sendJson(response, aMap())
    })
    await wire.transport.close()
    expect((await failure(client.get(CONFIG_MAP, at, { deadlineMs: 300 }))).message).toContain('closed')
    expect(asked).toBe(0)
  })
})

describe('Credentials', () => {
  it('are read afresh from the token file after a 401, and the call is repeated once', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'token-'))
    const file = join(folder, 'token')
    writeFileSync(file, 'old')
    const seen: unknown[] = []
    const user = { authProvider: { name: 'tokenFile', config: { tokenFile: file } } }
    const client = await open(
      (request, response) => {
        seen.push(request.headers.authorization)
        if (request.headers.authorization === 'Bearer new') sendJson(response, aMap())
        else if (seen.length === 1) sendJson(response, aMap())
        else refuse(response, 401, { reason: 'Unauthorized' })
      },
      { user },
    )
    await client.get(CONFIG_MAP, at)
    writeFileSync(file, 'new')
    await client.get(CONFIG_MAP, at)
    expect(seen).toEqual(['Bearer old', 'Bearer old', 'Bearer new'])
    rmSync(folder, { recursive: true })
  })

  it('that stay refused give Unauthorized after the second try', async () => {
    let asked = 0
    const client = await open((_request, response) => {
      asked++
      refuse(response, 401, { reason: 'Unauthorized' })
    })
    expect((await failure(client.get(CONFIG_MAP, at))).isUnauthorized).toBe(true)
    expect(asked).toBe(2)
  })
})

describe('A write', () => {
  const echo = async () => {
    const seen: { method: string; path: string; type: string; body: unknown }[] = []
    const client = await open(async (request, response) => {
      const body = JSON.parse((await readBody(request)).toString() || 'null')
      const path = decodeURIComponent(request.url ?? '')
      seen.push({ method: request.method ?? '', path, type: request.headers['content-type'] ?? '', body })
      sendJson(response, aMap('5'))
    })
    return { client, seen }
  }

  it('speaks each verb as the API server expects it', async () => {
    const { client, seen } = await echo()
    await client.apply(CONFIG_MAP, { metadata: at, data: { x: 'y' } } as never, {
      fieldManager: 'us',
      force: true,
    })
    await client.applyStatus(MODEL, { metadata: at, status: {} } as never, {
      fieldManager: 'us',
      dryRun: true,
    })
    await client.mergePatch(DEPLOYMENT, { ...at, patch: { spec: { replicas: 0 } } }, { fieldManager: 'us' })
    await client.strategicPatch(DEPLOYMENT, { ...at, patch: { spec: {} } })
    await client.jsonPatch(MODEL, { ...at, patch: [{ op: 'remove', path: '/x' }] }, { subresource: 'status' })
    await client.delete(NODE, { name: 'b' }, { uid: 'u', propagationPolicy: 'Foreground' })
    const place = '/api/v1/namespaces/n/configmaps/a'
    expect(seen).toEqual([
      {
        method: 'PATCH',
        path: `${place}?fieldManager=us&fieldValidation=Warn&force=true`,
        type: 'application/apply-patch+yaml',
        body: { apiVersion: 'v1', kind: 'ConfigMap', metadata: at, data: { x: 'y' } },
      },
      {
        method: 'PATCH',
        path: '/apis/switchyard.dev/v1alpha1/namespaces/n/models/a/status?fieldManager=us&fieldValidation=Warn&dryRun=All',
        type: 'application/apply-patch+yaml',
        body: { apiVersion: 'switchyard.dev/v1alpha1', kind: 'Model', metadata: at, status: {} },
      },
      {
        method: 'PATCH',
        path: '/apis/apps/v1/namespaces/n/deployments/a?fieldManager=us&fieldValidation=Warn',
        type: 'application/merge-patch+json',
        body: { spec: { replicas: 0 } },
      },
      {
        method: 'PATCH',
        path: '/apis/apps/v1/namespaces/n/deployments/a?fieldValidation=Warn',
        type: 'application/strategic-merge-patch+json',
        body: { spec: {} },
      },
      {
        method: 'PATCH',
        path: '/apis/switchyard.dev/v1alpha1/namespaces/n/models/a/status?fieldValidation=Warn',
        type: 'application/json-patch+json',
        body: [{ op: 'remove', path: '/x' }],
      },
      {
        method: 'DELETE',
        path: '/api/v1/nodes/b',
        type: 'application/json',
        body: {
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          propagationPolicy: 'Foreground',
          preconditions: { uid: 'u' },
        },
      },
    ])
  })

  it('is not sent while the fence is closed; reads still are', async () => {
    const { client, seen } = await echo()
    const fenced = client.fencedBy({ mutationsAllowed: () => false })
    expect(await failure(fenced.create(CONFIG_MAP, aMap()))).toBeInstanceOf(MutationRefused)
    expect(await failure(fenced.delete(CONFIG_MAP, at))).toBeInstanceOf(MutationRefused)
    await fenced.get(CONFIG_MAP, at)
    expect(seen.map(({ method }) => method)).toEqual(['GET'])
  })

  it('under way ends when leadership is lost', async () => {
    const client = await open(() => undefined)
    const lost = new AbortController()
    const fenced = client.fencedBy({ mutationsAllowed: () => true, signal: lost.signal })
    const writing = failure(fenced.create(CONFIG_MAP, aMap()))
    setTimeout(() => lost.abort(new Error('lost')), 20)
    expect((await writing).message).toBe('lost')
  })

  it('hands on what the server warns of', async () => {
    const warnings: string[] = []
    const client = await open(
      (_request, response) =>
        sendJson(response, aMap(), { headers: { warning: '299 - "unknown field \\"spec.typo\\""' } }),
      { settings: { onWarning: warning => warnings.push(warning) } },
    )
    await client.create(CONFIG_MAP, aMap())
    expect(warnings).toEqual(['unknown field "spec.typo"'])
  })
})

describe('A watch', () => {
  const event = (resourceVersion: string, data = {}) =>
    `${JSON.stringify({ type: 'MODIFIED', object: aMap(resourceVersion, data) })}\n`

  it('puts characters together that were cut between two chunks', async () => {
    const bytes = Buffer.from(event('2', { text: 'Grüße, 世界 🚂' }))
    const client = await open(async (_request, response) => {
      for (const byte of bytes) {
        response.write(Buffer.of(byte))
        if (byte > 127) await sleep(1)
      }
      response.end()
    })
    const events = await collect(client.watch<{ data: { text: string } }>(CONFIG_MAP))
    expect(events.map(each => each.object.data.text)).toEqual(['Grüße, 世界 🚂'])
  })

  it('gives an event of megabytes whole, and bookmarks', async () => {
    const big = 'x'.repeat(3_000_000)
    const client = await open((_request, response) => {
      response.write(event('2', { big }))
      response.end(
        `${JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion: '9' } } })}\n`,
      )
    })
    const events: WatchEvent<KernelObject>[] = await collect(client.watch<KernelObject>(CONFIG_MAP))
    expect(events.map(each => `${each.type} ${each.object.metadata.resourceVersion}`)).toEqual([
      'MODIFIED 2',
      'BOOKMARK 9',
    ])
  })

  it('that ends inside an event says so', async () => {
    const client = await open(
      (_request, response) => response.end(event('2') + event('3').slice(0, 40)) as never,
    )
    expect((await failure(collect(client.watch(CONFIG_MAP)))).reason).toBe('Torn')
  })

  it('throws the error that the server sends as an event', async () => {
    const status = { kind: 'Status', code: 410, reason: 'Expired', message: 'too old resource version' }
    const client = await open(
      (_request, response) => response.end(`${JSON.stringify({ type: 'ERROR', object: status })}\n`) as never,
    )
    expect((await failure(collect(client.watch(CONFIG_MAP)))).isGone).toBe(true)
  })

  it('ends with Timeout when not a byte comes for too long', async () => {
    const client = await open((_request, response) => void response.write(event('2')))
    expect((await failure(collect(client.watch(CONFIG_MAP, {}, { idleMs: 300 })))).reason).toBe('Timeout')
  })

  it('is not silent when it was this process that stood still', async () => {
    let answering: ServerResponse | undefined
    const client = await open((_request, response) => {
      answering = response
      response.write(event('2'))
    })
    const seen: string[] = []
    for await (const { object } of client.watch<KernelObject>(CONFIG_MAP, {}, { idleMs: 300 })) {
      seen.push(object.metadata.resourceVersion)
      if (seen.length === 2) break
      answering?.write(event('3'))
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500)
    }
    expect(seen).toEqual(['2', '3'])
  })

  it('that begins again does so on its own connection', async () => {
    const ports = new Set<number | undefined>()
    const client = await open((request, response) => {
      ports.add(request.socket.remotePort)
      response.write(event('2'))
      setTimeout(() => response.end(), 5)
    })
    const again = async () => {
      for (let n = 0; n < 20; n++) await collect(client.watch(CONFIG_MAP))
    }
    await Promise.all([again(), again(), again()])
    expect(ports.size).toBe(3)
  })

  it('closes its connection when its reader stops', async () => {
    const closed = Promise.withResolvers<void>()
    const client = await open((request, response) => {
      request.socket.once('close', () => closed.resolve())
      response.write(event('2'))
    })
    for await (const _event of client.watch(CONFIG_MAP)) break
    await closed.promise
  })
})

describe('A log', () => {
  it('comes line by line while the container writes, and ends with it', async () => {
    const asked: string[] = []
    const client = await open(async (request, response) => {
      asked.push(request.url ?? '')
      response.write('one\ntw')
      await sleep(10)
      response.end('o\nlast without newline')
    })
    const lines = await collect(client.logs(at, { container: 'worker', follow: true, tailLines: 10 }))
    expect(lines).toEqual(['one', 'two', 'last without newline'])
    expect(asked).toEqual(['/api/v1/namespaces/n/pods/a/log?container=worker&follow=true&tailLines=10'])
  })

  it('of a container that does not run yet is a refusal', async () => {
    const client = await open((_request, response) => refuse(response, 400, { reason: 'BadRequest' }))
    expect((await failure(collect(client.logs(at)))).status).toBe(400)
  })

  it('that does not end although nobody follows it is read for so long, and what came counts', async () => {
    const client = await open((_request, response) => void response.write('one\ntwo\nthr'))
    expect(await collect(client.logs(at, { deadlineMs: 500 }))).toEqual(['one', 'two'])
  })

  it('that neither ends nor says anything is no answer', async () => {
    const client = await open((_request, response) => response.flushHeaders())
    expect((await failure(collect(client.logs(at, { deadlineMs: 100 })))).reason).toBe('Timeout')
  })
})
