// The watch of the API: what is there, then every version of it, in the order of the store, until one side goes.
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ObjectEvent } from '../../src/api/object-stream.ts'
import type { Model } from '../../src/domain/object.ts'
import { aModel, aRuntime, openApi } from './api-scene.ts'

describe('the watch of a host', () => {
  let api: Awaited<ReturnType<typeof openApi>>
  beforeAll(async () => {
    api = await openApi()
    await api.ask('PUT', '/api/v1/models/a', aModel('a'))
  })
  afterAll(() => api.close())

  const watch = async (path: string) => {
    const [answer] = (await once(request({ socketPath: api.socket, path }).end(), 'response')) as [
      IncomingMessage,
    ]
    answer.once('error', () => undefined)
    const lines = createInterface({ input: answer })[Symbol.asyncIterator]()
    const next = async (): Promise<ObjectEvent> => {
      const { value = '' } = await lines.next()
      return value === '' ? next() : JSON.parse(value)
    }
    return { next, end: () => answer.destroy() }
  }
  const model = (name: string): Model => {
    const found = api.store.getModel({ namespace: 'default', name })
    if (!found) throw new Error(`${name} is gone`)
    return found
  }

  it('begins with what is there, and tells each version that is stored, also those of one moment', async () => {
    const { next, end } = await watch('/api/v1/models?watch=true')
    expect(await next()).toMatchObject({ type: 'ADDED', object: { kind: 'Model', metadata: { name: 'a' } } })
    const phases = ['Resolving', 'Downloading', 'Verifying', 'Ready'] as const
    for (const phase of phases) await api.store.writeModelStatus(model('a'), { phase })
    const seen = [await next(), await next(), await next(), await next()]
    expect(seen.map(({ type, object }) => [type, (object.status as Model['status']).phase])).toEqual(
      phases.map(phase => ['MODIFIED', phase]),
    )
    const versions = seen.map(({ object }) => Number(object.metadata.resourceVersion))
    expect(versions).toEqual([...versions].sort((a, b) => a - b))
    end()
  })

  it('tells what comes and what goes, of its kind and its namespace alone', async () => {
    const { next, end } = await watch('/api/v1/models?namespace=default&watch=true')
    await next()
    await api.ask('PUT', '/api/v1/runtimes/gpu', aRuntime('gpu'))
    await api.ask('PUT', '/api/v1/models/far', {
      ...aModel('far'),
      metadata: { name: 'far', namespace: 'far' },
    })
    await api.ask('PUT', '/api/v1/models/b', aModel('b'))
    await api.ask('DELETE', '/api/v1/models/b')
    await api.ask('PUT', '/api/v1/models/b', aModel('b'))
    const seen = [await next(), await next(), await next()]
    expect(seen.map(({ type, object }) => `${type} ${object.metadata.name}`)).toEqual([
      'ADDED b',
      'DELETED b',
      'ADDED b',
    ])
    end()
  })

  it('is refused for a word that is none', async () => {
    expect((await api.ask('GET', '/api/v1/models?watch=yes')).body).toMatchObject({
      status: 422,
      detail: expect.stringContaining('watch: '),
    })
  })

  it('answers at once where nothing is there, and ends with the host', async () => {
    const other = await openApi()
    const [answer] = await once(
      request({ socketPath: other.socket, path: '/api/v1/runtimes?watch=true' }).end(),
      'response',
    )
    const reading = text(answer as IncomingMessage)
    await other.close()
    await expect(reading).rejects.toThrow('aborted')
  })
})
