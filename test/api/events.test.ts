// The event stream of the API: numbered, replayed after any number, and going on as things happen.
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Happening } from '../../src/cli/client.ts'
import { createHostClient } from '../../src/cli/host-client.ts'
import { aModel, openApi } from './api-scene.ts'

describe('the event stream of a host where nothing has happened', () => {
  it('begins to answer before its first heartbeat', { timeout: 12_000 }, async () => {
    const api = await openApi()
    const asked = request({ socketPath: api.socket, path: '/api/v1/events?follow=true' })
    asked.end()
    const [answer] = (await once(asked, 'response')) as [IncomingMessage]
    expect(answer.statusCode).toBe(200)
    asked.destroy()
    await api.close()
  })
})

describe('the event stream of a host that ends', () => {
  it('ends with a sentence and the exit code of who does not answer', async () => {
    const api = await openApi()
    await api.ask('PUT', '/api/v1/models/a', aModel('a'))
    const reading = (async () => {
      for await (const _ of createHostClient(api.socket).happenings({ since: 0, follow: true }))
        await api.close()
    })()
    await expect(reading).rejects.toMatchObject({
      message: 'the host has ended the stream: is it running?',
      exitCode: 4,
    })
  })
})

describe('the event stream of a host', () => {
  let api: Awaited<ReturnType<typeof openApi>>
  beforeAll(async () => {
    api = await openApi()
    for (const name of ['a', 'b']) await api.ask('PUT', `/api/v1/models/${name}`, aModel(name))
  })
  afterAll(() => api.close())

  const take = async (stream: AsyncIterable<Happening>, count = Number.POSITIVE_INFINITY) => {
    const all: Happening[] = []
    for await (const one of stream) {
      all.push(one)
      if (all.length === count) break
    }
    return all
  }

  it('replays what stands in the diary after a number', async () => {
    const client = createHostClient(api.socket)
    const all = await take(client.happenings({ since: 0, follow: false }))
    expect(
      all.map(({ seq, name, reason, message }) => [seq, name, reason, message.replace(/cli:\S+/, '-')]),
    ).toEqual([
      [1, 'a', 'Applied', 'spec written by -'],
      [2, 'b', 'Applied', 'spec written by -'],
    ])
    expect(await take(client.happenings({ since: 1, follow: false }))).toMatchObject([{ seq: 2 }])
    const about = api.store.getModel({ namespace: 'default', name: 'b' })
    expect(await take(client.happenings({ about, since: 0, follow: false }))).toMatchObject([{ name: 'b' }])
    expect(await take(client.happenings({ namespace: 'other', since: 0, follow: false }))).toEqual([])
  })

  it('tells whoever asks from a number that has left the diary up to which one', async () => {
    const client = createHostClient(api.socket)
    const goneAfter = async (since: number) => {
      const gone: number[] = []
      await take(client.happenings({ since, follow: false, onGone: upTo => gone.push(upTo) }))
      return gone
    }
    expect(await goneAfter(1)).toEqual([])
    api.shorten(1)
    expect(await goneAfter(1)).toEqual([])
    await api.ask('PUT', '/api/v1/models/z', aModel('z'))
    api.shorten(1)
    expect(await goneAfter(1)).toEqual([2])
    expect([await goneAfter(0), await goneAfter(2)]).toEqual([[], []])
  })

  it('goes on with what happens later, and misses nothing between', async () => {
    const client = createHostClient(api.socket)
    const later = take(client.happenings({ since: 3, follow: true }), 11)
    for (let at = 0; at < 10; at++) await api.ask('PUT', `/api/v1/models/c${at}`, aModel(`c${at}`))
    await api.ask('DELETE', '/api/v1/models/c0')
    const seen = await later
    expect(seen.map(({ seq }) => seq)).toEqual(Array.from({ length: 11 }, (_, at) => at + 4))
    expect(seen.at(-1)).toMatchObject({ reason: 'Deleted', name: 'c0' })
  })
})
