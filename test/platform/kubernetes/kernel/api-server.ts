// One resource of an API server on loopback: versions, history, lists in pages, streaming lists, watches, merge patches; with faults.
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { readBody, sendJson } from '../../../stand-ins/listening.ts'
import { refuse, urlOf } from './wire.ts'

export interface Thing {
  readonly metadata: {
    readonly namespace: string
    readonly name: string
    readonly uid: string
    readonly resourceVersion: string
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly data?: Readonly<Record<string, string>>
  readonly spec?: Readonly<Record<string, unknown>>
}

interface Change {
  readonly version: number
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'
  readonly object: Thing
}

interface Watcher {
  readonly response: ServerResponse
}

const keyOf = ({ namespace, name }: { namespace: string; name: string }) => `${namespace}/${name}`

export class ApiServerStandIn {
  readonly things = new Map<string, Thing>()
  readonly asked: string[] = []
  canStreamLists = true
  /** answers of the next requests, before anything else is looked at */
  readonly refusals: { code: number; reason: string; method?: string }[] = []
  /** says nothing at all to requests of this method */
  silentTo = ''
  /** so many next pages of lists have expired */
  expiredPages = 0
  /** keeps every event back until `catchUp` */
  isLate = false
  #version = 10
  #history: Change[] = []
  readonly #late: Change[] = []
  /** by continue token */
  readonly #lists = new Map<string, { readonly version: string; readonly items: readonly Thing[] }>()
  #oldest = 0
  readonly #watchers = new Set<Watcher>()

  get version(): string {
    return String(this.#version)
  }
  get watches(): number {
    return this.#watchers.size
  }

  put(namespace: string, name: string, fields: Partial<Thing> = {}): Thing {
    const before = this.things.get(keyOf({ namespace, name }))
    const resourceVersion = String(++this.#version)
    const uid = before?.metadata.uid ?? randomUUID()
    const object = { ...fields, metadata: { namespace, name, uid, resourceVersion } }
    this.things.set(keyOf(object.metadata), object)
    this.#tell({ version: this.#version, type: before ? 'MODIFIED' : 'ADDED', object })
    return object
  }

  remove(namespace: string, name: string): void {
    const before = this.things.get(keyOf({ namespace, name }))
    if (!before) return
    this.things.delete(keyOf(before.metadata))
    const object = { ...before, metadata: { ...before.metadata, resourceVersion: String(++this.#version) } }
    this.#tell({ version: this.#version, type: 'DELETED', object })
  }

  bookmark(): void {
    for (const each of this.#watchers) each.response.write(bookmark(this.version))
  }

  /** Tells what was kept back. */
  catchUp(): void {
    this.isLate = false
    for (const change of this.#late.splice(0)) this.#send(change)
  }

  /** Versions so far can no longer be watched from. */
  compact(): void {
    this.#oldest = this.#version
    this.#history = []
  }

  /** Something else moves the version of the whole server. */
  advance(): void {
    this.#version++
  }

  /** Ends every watch: by reset, politely, with an expired version, or inside an event. */
  cut(how: 'reset' | 'end' | 'gone' | 'torn'): void {
    for (const { response } of [...this.#watchers]) {
      if (how === 'reset') response.socket?.resetAndDestroy()
      else if (how === 'end') response.end()
      else if (how === 'gone') response.end(errorEvent(410, 'Expired'))
      else response.end('{"type":"ADDED","object":{"metadata":{"na')
      this.#watchers.delete({ response })
    }
    this.#watchers.clear()
  }

  readonly answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = urlOf(request)
    const method = request.method ?? 'GET'
    this.asked.push(this.#describe(method, url))
    if (this.silentTo === method) return
    const refusal = this.refusals.find(each => !each.method || each.method === method)
    if (refusal) {
      this.refusals.splice(this.refusals.indexOf(refusal), 1)
      return refuse(response, refusal.code, { reason: refusal.reason })
    }
    if (method !== 'GET') return this.#write(request, response)
    if (url.searchParams.get('watch') === 'true') return this.#watch(url, response)
    const name = nameIn(url)
    if (!name) return this.#list(url, response)
    const thing = this.things.get(keyOf(name))
    return thing ? sendJson(response, thing) : refuse(response, 404, { reason: 'NotFound' })
  }

  #describe(method: string, url: URL): string {
    const query = url.searchParams
    if (query.get('sendInitialEvents')) return 'streaming list'
    if (query.get('watch')) return `watch ${query.get('resourceVersion')}`
    return method === 'GET' && !nameIn(url) ? 'list' : method
  }

  #tell(change: Change): void {
    this.#history.push(change)
    if (this.isLate) this.#late.push(change)
    else this.#send(change)
  }

  #send(change: Change): void {
    for (const { response } of this.#watchers) response.write(eventOf(change))
  }

  /** All pages of a list show the moment of the first. */
  #list(url: URL, response: ServerResponse): void {
    const token = url.searchParams.get('continue')
    const isExpired = token !== null && this.expiredPages > 0
    if (isExpired) this.expiredPages--
    if (isExpired) return void refuse(response, 410, { reason: 'Expired' })
    const limit = Number(url.searchParams.get('limit') ?? 0) || 1000
    const { version, items } = this.#lists.get(token ?? '') ?? {
      version: this.version,
      items: [...this.things.values()],
    }
    const rest = items.slice(limit)
    const next = `next-${this.#lists.size}`
    if (rest.length > 0) this.#lists.set(next, { version, items: rest })
    const metadata = { resourceVersion: version, ...(rest.length > 0 ? { continue: next } : {}) }
    sendJson(response, { metadata, items: items.slice(0, limit) })
  }

  #watch(url: URL, response: ServerResponse): void {
    const isStreaming = url.searchParams.get('sendInitialEvents') === 'true'
    const from = Number(url.searchParams.get('resourceVersion') ?? 0)
    if (isStreaming && !this.canStreamLists) refuse(response, 422, { reason: 'Invalid' })
    else if (!isStreaming && from < this.#oldest) refuse(response, 410, { reason: 'Expired' })
    else this.#stream(response, isStreaming ? undefined : from)
  }

  /** Everything when no version is given. */
  #stream(response: ServerResponse, from: number | undefined): void {
    response.writeHead(200, { 'content-type': 'application/json' })
    if (from === undefined) {
      const inNoOrder = [...this.things.values()].reverse()
      inNoOrder.push(...inNoOrder.slice(0, 1))
      for (const object of inNoOrder) response.write(eventOf({ version: 0, type: 'ADDED', object }))
      response.write(bookmark(this.version, true))
    } else for (const change of this.#history) if (change.version > from) response.write(eventOf(change))
    response.flushHeaders()
    const watcher = { response }
    this.#watchers.add(watcher)
    response.once('close', () => this.#watchers.delete(watcher))
  }

  async #write(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = JSON.parse((await readBody(request)).toString() || '{}') as Partial<Thing>
    if (request.method === 'POST') {
      const { namespace, name } = body.metadata as Thing['metadata']
      if (this.things.has(keyOf({ namespace, name })))
        return refuse(response, 409, { reason: 'AlreadyExists' })
      const { metadata: _given, ...fields } = body
      return sendJson(response, this.put(namespace, name, fields), { status: 201 })
    }
    const at = nameIn(urlOf(request)) as { namespace: string; name: string }
    const before = this.things.get(keyOf(at))
    if (!before) return refuse(response, 404, { reason: 'NotFound' })
    const { uid, resourceVersion } = body.metadata ?? {}
    const isStale = resourceVersion !== undefined && resourceVersion !== before.metadata.resourceVersion
    if (request.method === 'DELETE') {
      this.remove(at.namespace, at.name)
      return sendJson(response, { kind: 'Status', status: 'Success' })
    }
    if (isStale || (uid !== undefined && uid !== before.metadata.uid))
      return refuse(response, 409, { reason: 'Conflict' })
    const { metadata: _meta, ...fields } = merge(before, body) as Thing
    sendJson(response, this.put(at.namespace, at.name, fields))
  }
}

const nameIn = (url: URL): { namespace: string; name: string } | undefined => {
  const [, namespace, name] = /namespaces\/([^/]+)\/[^/]+\/([^/?]+)/.exec(url.pathname) ?? []
  return namespace && name ? { namespace, name } : undefined
}

const eventOf = ({ type, object }: Change): string => `${JSON.stringify({ type, object })}\n`

const errorEvent = (code: number, reason: string): string =>
  `${JSON.stringify({ type: 'ERROR', object: { kind: 'Status', code, reason } })}\n`

const bookmark = (resourceVersion: string, endsInitial = false): string => {
  const annotations = endsInitial ? { 'k8s.io/initial-events-end': 'true' } : {}
  return `${JSON.stringify({ type: 'BOOKMARK', object: { metadata: { resourceVersion, annotations } } })}\n`
}

/** RFC 7396. */
const merge = (target: unknown, patch: unknown): unknown => {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return patch
  const result = { ...(typeof target === 'object' ? target : {}) } as Record<string, unknown>
  for (const [name, value] of Object.entries(patch))
    if (value === null) delete result[name]
    else result[name] = merge(result[name], value)
  return result
}
