// The commands' way to a host: its API over its Unix socket.
import type { IncomingMessage } from 'node:http'
import { userInfo } from 'node:os'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DiaryEntry } from '../api/api-parts.ts'
import { boundHeader } from '../api/event-stream.ts'
import type { ObjectView } from '../api/object-view.ts'
import type { Problem } from '../api/problem.ts'
import type { Answer } from '../api/routes.ts'
import { kinds } from '../domain/kinds.ts'
import type { Kind, Ref, Runtime } from '../domain/object.ts'
import {
  type Client,
  type Found,
  type Happening,
  type HappeningWish,
  type LogWish,
  Refusal,
  type Seen,
} from './client.ts'
import { toHappening } from './happenings.ts'
import { toRow } from './row.ts'

interface Call {
  readonly method?: 'GET' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly query?: Readonly<Record<string, string | number | undefined>>
  readonly body?: unknown
}

const actor = (): string => {
  try {
    return `cli:${userInfo().username}`
  } catch {
    return 'cli'
  }
}

const toUrl = ({ path, query = {} }: Call): string => {
  const given = Object.entries(query).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, String(value)] as [string, string]],
  )
  return given.length > 0 ? `${path}?${new URLSearchParams(given)}` : path
}

const pathOf = (kind: Kind, ref?: Ref): string =>
  `/api/v1/${kinds[kind].plural}${ref ? `/${encodeURIComponent(ref.name)}` : ''}`

const unreachable = (socket: string, error: NodeJS.ErrnoException): Refusal => {
  if (error.code === 'EACCES')
    return new Refusal(`${socket} may not be opened by you: join its group, then log in anew`, 4)
  const isDead = error.code === 'ECONNREFUSED' || error.code === 'ENOENT'
  return new Refusal(isDead ? `no switchyard host answers on ${socket}: is it running?` : error.message, 4)
}

/** Begins the call; throws what the host refuses. */
const open = async (socket: string, call: Call): Promise<IncomingMessage> => {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const text = call.body === undefined ? undefined : JSON.stringify(call.body)
    const type = call.method === 'PATCH' ? 'application/merge-patch+json' : 'application/json'
    // An import would load all that node:http offers, a second HTTP client among it: 40 ms.
    const request = process.getBuiltinModule('node:http').request({
      socketPath: socket,
      path: toUrl(call),
      method: call.method ?? 'GET',
      headers: { 'x-switchyard-actor': actor(), ...(text === undefined ? {} : { 'content-type': type }) },
    })
    request.once('response', resolve)
    request.once('error', error => reject(unreachable(socket, error)))
    request.end(text)
  })
  if ((answer.statusCode ?? 500) < 400) return answer
  throw toRefusal((await readJson(answer)) as Problem)
}

const toRefusal = ({ status, detail }: Problem): Refusal => {
  if (status === 409) return new Refusal(detail, 3)
  return new Refusal(detail, status === 503 ? 4 : status >= 500 ? 1 : 2)
}

const readJson = async (answer: IncomingMessage): Promise<unknown> => {
  const parts: Buffer[] = []
  for await (const part of answer) parts.push(part as Buffer)
  return JSON.parse(Buffer.concat(parts).toString('utf8'))
}

export const createHostClient = (socket: string): Client => {
  const call = async <T>(wish: Call): Promise<T> => (await readJson(await open(socket, wish))) as T
  return {
    platform: 'host',
    place: 'this host',
    namespace: 'default',
    rows: async (kind, namespace) => (await listViews(call, kind, namespace)).map(toRow),
    list: async (kind, namespace) => parse(await listViews(call, kind, namespace)),
    find: (kind, ref) => find(call, kind, ref),
    apply: async wish => {
      const { kind, namespace, name, spec, annotations, labels } = wish
      const metadata = { namespace, name, annotations, labels }
      const body = { apiVersion: 'switchyard.dev/v1alpha1', kind, metadata, spec }
      return (await call<Answer>({ method: 'PUT', path: pathOf(kind, wish), body })).result
    },
    change: async ({ kind, metadata }, { spec, annotations }) => {
      const body = { spec, metadata: { annotations } }
      const query = { namespace: metadata.namespace }
      return (await call<Answer>({ method: 'PATCH', path: pathOf(kind, metadata), query, body })).result
    },
    remove: async ({ kind, metadata }) => {
      const query = { namespace: metadata.namespace }
      const { result } = await call<{ result: string }>({
        method: 'DELETE',
        path: pathOf(kind, metadata),
        query,
      })
      return result === 'deleted'
    },
    logs: (runtime, wish) => readLogs(call, runtime, wish),
    happenings: wish => readHappenings(socket, wish),
    discover: async folders => {
      const wanted = folders.length > 0 ? folders : [undefined]
      const ask = (folder?: string) =>
        call<{ items: readonly Found[] }>({ path: '/api/v1/discoveries', query: { folder } })
      return (await Promise.all(wanted.map(ask))).flatMap(({ items }) => items)
    },
    ownerOf: () => undefined,
    close: async () => undefined,
  }
}

type Ask = <T>(wish: Call) => Promise<T>

const listViews = async (
  call: Ask,
  kind: Kind,
  namespace: string | undefined,
): Promise<readonly ObjectView[]> =>
  (await call<{ items: ObjectView[] }>({ path: pathOf(kind), query: { namespace } })).items

/** What parses is loaded by whom it is for: a list that is only shown needs none of it. */
const parse = async (all: readonly ObjectView[]): Promise<readonly Seen[]> => {
  const { toSeen } = await import('./seen.ts')
  return all.map(toSeen)
}

const find = async (call: Ask, kind: Kind, ref: Ref): Promise<Seen | undefined> => {
  const all = await listViews(call, kind, ref.namespace)
  return (await parse(all.filter(({ metadata }) => metadata.name === ref.name)))[0]
}

const mostLines = 10_000

/** What is new is what stands behind the last line that was given. */
async function* readLogs(call: Ask, { metadata }: Runtime, wish: LogWish): AsyncGenerator<string> {
  const look = async (lines: number): Promise<readonly string[]> => {
    const query = { namespace: metadata.namespace, lines, back: wish.previous ? 1 : 0 }
    return (await call<{ lines: string[] }>({ path: `${pathOf('Runtime', metadata)}/logs`, query })).lines
  }
  let shown = await look(wish.lines)
  yield* shown
  while (wish.follow) {
    await sleep(1_000)
    const now = await look(mostLines)
    yield* behind(shown, now)
    shown = now
  }
}

/** The lines of `now` behind those that were shown: as many of these as still stand there are looked for at their end. */
export const behind = (shown: readonly string[], now: readonly string[]): readonly string[] => {
  const tail = shown.slice(-20)
  for (let end = now.length; end >= tail.length; end--)
    if (tail.every((line, at) => now[end - tail.length + at] === line)) return now.slice(end)
  return now
}

async function* readHappenings(socket: string, wish: HappeningWish): AsyncGenerator<Happening> {
  const { namespace, about, since, follow } = wish
  const query = {
    namespace: about?.metadata.namespace ?? namespace,
    since,
    follow: String(follow),
    limit: 1_000,
    kind: about?.kind,
    name: about?.metadata.name,
  }
  const answer = await open(socket, { path: '/api/v1/events', query })
  const bound = Number(answer.headers[boundHeader] ?? 0)
  if (since > 0 && since < bound) wish.onGone?.(bound)
  try {
    for await (const line of createInterface({ input: answer }))
      if (line !== '') yield toHappening(JSON.parse(line) as DiaryEntry)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error
  } finally {
    // Whoever stops reading ends the connection, which is no error of his.
    answer.once('error', () => undefined)
    answer.destroy()
  }
  if (!answer.complete) throw new Refusal('the host has ended the stream: is it running?', 4)
}
