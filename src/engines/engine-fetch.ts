// The operator's way to engines: as much of `fetch` as a small request needs, at a part of its cost. What is asked of one address goes
// one after the other over one connection, for opening it costs more than several requests; nobody waits long for a slow answer.
import { Agent, type IncomingMessage, type RequestOptions, request } from 'node:http'
import type { Fetch, Sent } from './http.ts'

/** longer than an engine needs for a list or counters, and little beside anybody's time limit */
const patienceMs = 100
/** We leave before an engine does (vLLM after 5 s): no request meets a connection that is just being closed. */
const idleMs = 1_000

export const createEngineFetch = (patience = patienceMs): Fetch => {
  const agent = new Agent({ keepAlive: true, timeout: idleMs })
  const turnAt = createTurns(patience)
  return async (url, { body, ...options }) => {
    const target = new URL(url)
    const done = await turnAt(target.origin)
    try {
      const answer = await send(target, { ...options, agent }, body)
      return { status: answer.statusCode ?? 0, body: followed(answer, done) }
    } catch (error) {
      done()
      throw error
    }
  }
}

type Done = () => void

/** Waits until what was asked there just before is answered, or takes too long. */
const createTurns = (patience: number) => {
  const last = new Map<string, Promise<void>>()
  return async (origin: string): Promise<Done> => {
    const before = last.get(origin)
    const { promise, resolve } = Promise.withResolvers<void>()
    last.set(origin, promise)
    if (before) await soon(before, patience)
    return () => {
      resolve()
      if (last.get(origin) === promise) last.delete(origin)
    }
  }
}

const soon = (before: Promise<void>, patience: number): Promise<void> =>
  new Promise(resolve => {
    const end = setTimeout(resolve, patience)
    void before.then(() => {
      clearTimeout(end)
      resolve()
    })
  })

const send = (target: URL, options: RequestOptions, body: string | undefined): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    // Told beforehand, so that it is sent in one piece and not in chunks.
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
    const headers = { ...(options.headers as Record<string, string>), ...length }
    request(target, { ...options, headers }, resolve)
      .once('error', reject)
      .end(body)
  })

async function* followed(body: NonNullable<Sent['body']>, done: Done): AsyncGenerator<Uint8Array> {
  try {
    yield* body
  } finally {
    done()
  }
}
