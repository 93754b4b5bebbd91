// The verbs of the API server on raw JSON: what is read is what was sent, field for field.
import { type Call, nameOf, type Query } from './call.ts'
import type {
  Appliable,
  ApplyOptions,
  CallOptions,
  DeleteOptions,
  Fence,
  ListOptions,
  ListPage,
  LogOptions,
  PatchOptions,
  Selection,
  WatchEvent,
  WatchOptions,
  WriteOptions,
} from './client-options.ts'
import { ApiError, errorOfWatchEvent } from './errors.ts'
import { fencedCall } from './fenced-call.ts'
import { type LineLimits, LineTooLong, splitLines } from './lines.ts'
import { NoAnswer } from './no-answer.ts'
import { apiVersionOf, type KernelObject, POD, pathOf, type Ref, type Resource } from './resources.ts'
import { eitherOf, upTo } from './time-limit.ts'
import type { Transport } from './transport.ts'

export type * from './client-options.ts'

export type Carrier = Pick<Transport, 'send' | 'open'>

const applyType = 'application/apply-patch+yaml'
// A torn event is given out, so that it is noticed: it is no JSON.
const eventLines: LineLimits = { maxBytes: 16 * 1024 * 1024, tooLong: 'throw', keepLast: true }
const logLines: LineLimits = { maxBytes: 1024 * 1024, tooLong: 'cut', keepLast: true }

export class Client {
  readonly #transport: Carrier
  readonly #fence: Fence | undefined
  readonly #fieldValidation: 'Strict' | 'Warn'

  constructor(transport: Carrier, options: { fence?: Fence; fieldValidation?: 'Strict' | 'Warn' } = {}) {
    this.#transport = transport
    this.#fence = options.fence
    this.#fieldValidation = options.fieldValidation ?? 'Warn'
  }

  /** The same connections, but no write while the fence is closed. The elector itself keeps the open client. */
  fencedBy(fence: Fence): Client {
    return new Client(this.#transport, { fence, fieldValidation: this.#fieldValidation })
  }

  async get<T>(resource: Resource, at: Ref, options: CallOptions = {}): Promise<T> {
    return (await this.#transport.send({ ...read(options), path: pathOf(resource, pick(at)) })) as T
  }

  /** Absent when the server says that it does not exist. */
  async find<T>(resource: Resource, at: Ref, options: CallOptions = {}): Promise<T | undefined> {
    try {
      return await this.get<T>(resource, at, options)
    } catch (error) {
      if (error instanceof ApiError && error.isNotFound) return undefined
      throw error
    }
  }

  /** Page by page; a continue token that expired on the way is an error with `isGone`. */
  async *list<T>(
    resource: Resource,
    of: Selection = {},
    options: ListOptions = {},
  ): AsyncGenerator<ListPage<T>> {
    let next: string | undefined
    do {
      const query = {
        ...selectors(of),
        limit: options.pageSize ?? 500,
        continue: next,
        resourceVersion: next ? undefined : options.resourceVersion,
      }
      const call = {
        ...read({ deadlineMs: 60_000, ...options }),
        path: pathOf(resource, { namespace: of.namespace }),
        query,
      }
      const page = (await this.#transport.send(call)) as RawList<T>
      yield { items: page.items ?? [], resourceVersion: page.metadata?.resourceVersion ?? '' }
      next = page.metadata?.continue || undefined
    } while (next)
  }

  async listAll<T>(resource: Resource, of: Selection = {}, options: ListOptions = {}): Promise<T[]> {
    const all: T[] = []
    for await (const page of this.list<T>(resource, of, options))
      for (const item of page.items) all.push(item)
    return all
  }

  /** Ends when the server ends the watch; a stream cut inside an event throws NoAnswer. */
  async *watch<T>(
    resource: Resource,
    of: Selection = {},
    options: WatchOptions = {},
  ): AsyncGenerator<WatchEvent<T>> {
    const { sendInitialEvents, resourceVersion, timeoutSeconds } = options
    const query = {
      ...selectors(of),
      watch: true,
      allowWatchBookmarks: true,
      resourceVersion,
      timeoutSeconds,
      ...(sendInitialEvents && { sendInitialEvents, resourceVersionMatch: 'NotOlderThan' }),
    }
    const call: Call = {
      ...read({ deadlineMs: 30_000, ...options }),
      path: pathOf(resource, { namespace: of.namespace }),
      query,
      idleMs: options.idleMs ?? 0,
    }
    for await (const line of this.#lines(call, eventLines, options.onOpen)) {
      options.onBytes?.(line.length)
      yield parseEvent<T>(call, line)
    }
  }

  /** Server-side apply: the object holds every field that this manager cares about. Creates what does not exist. */
  async apply<T = KernelObject>(resource: Resource, object: Appliable, options: ApplyOptions): Promise<T> {
    return this.#apply<T>(resource, { object }, options)
  }

  /** The same on `/status`, which never creates. */
  async applyStatus<T = KernelObject>(
    resource: Resource,
    object: Appliable,
    options: ApplyOptions,
  ): Promise<T> {
    return this.#apply<T>(resource, { object, subresource: 'status' }, options)
  }

  /** RFC 7396: null removes. Put `metadata.resourceVersion` into it to refuse a stale view. */
  async mergePatch<T = KernelObject>(
    resource: Resource,
    at: Ref & { readonly patch: object },
    options: PatchOptions = {},
  ): Promise<T> {
    return this.#patch<T>(
      resource,
      { ...at, type: 'application/merge-patch+json', isIdempotent: true },
      options,
    )
  }

  /** Lists are merged by their keys; custom resources refuse it. */
  async strategicPatch<T = KernelObject>(
    resource: Resource,
    at: Ref & { readonly patch: object },
    options: PatchOptions = {},
  ): Promise<T> {
    const type = 'application/strategic-merge-patch+json'
    return this.#patch<T>(resource, { ...at, type, isIdempotent: true }, options)
  }

  async jsonPatch<T = KernelObject>(
    resource: Resource,
    at: Ref & { readonly patch: readonly object[] },
    options: PatchOptions = {},
  ): Promise<T> {
    return this.#patch<T>(
      resource,
      { ...at, type: 'application/json-patch+json', isIdempotent: false },
      options,
    )
  }

  async create<T = KernelObject>(
    resource: Resource,
    object: { readonly metadata: { readonly namespace?: string | undefined } },
    options: WriteOptions = {},
  ): Promise<T> {
    return (await this.#write({
      method: 'POST',
      path: pathOf(resource, { namespace: object.metadata.namespace }),
      query: this.#writeQuery(options),
      body: { apiVersion: apiVersionOf(resource), kind: resource.kind, ...object },
      isIdempotent: false,
      ...timing(options),
    })) as T
  }

  /** False when it was not there. */
  async delete(resource: Resource, at: Ref, options: DeleteOptions = {}): Promise<boolean> {
    const { uid, resourceVersion, propagationPolicy = 'Background', gracePeriodSeconds, dryRun } = options
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy,
      gracePeriodSeconds,
      ...((uid || resourceVersion) && { preconditions: { uid, resourceVersion } }),
      ...(dryRun && { dryRun: ['All'] }),
    }
    try {
      const path = pathOf(resource, pick(at))
      await this.#write({ method: 'DELETE', path, body, isIdempotent: true, ...timing(options) })
      return true
    } catch (error) {
      if (error instanceof ApiError && error.isNotFound) return false
      throw error
    }
  }

  /** Lines of a container's log, without their newline. With `follow` it ends when the container does, else within the deadline. */
  async *logs(pod: Ref, options: LogOptions = {}): AsyncGenerator<string> {
    const { container, follow, previous, tailLines, sinceTime, timestamps, limitBytes } = options
    const { deadlineMs, signal } = timing(options)
    const late = follow ? undefined : AbortSignal.timeout(deadlineMs)
    const call: Call = {
      ...read({ deadlineMs, signal: eitherOf(signal, late) }),
      path: pathOf(POD, { ...pick(pod), subresource: 'log' }),
      query: { container, follow, previous, tailLines, sinceTime, timestamps, limitBytes },
    }
    const lines = this.#lines(call, logLines)
    yield* late ? upTo(late, call, lines) : lines
  }

  async #apply<T>(
    resource: Resource,
    what: { readonly object: Appliable; readonly subresource?: string },
    options: ApplyOptions,
  ): Promise<T> {
    return (await this.#write({
      method: 'PATCH',
      path: pathOf(resource, { ...pick(what.object.metadata), subresource: what.subresource }),
      query: { ...this.#writeQuery(options), force: options.force || undefined },
      body: { apiVersion: apiVersionOf(resource), kind: resource.kind, ...what.object },
      contentType: applyType,
      isIdempotent: true,
      ...timing(options),
    })) as T
  }

  async #patch<T>(
    resource: Resource,
    at: Ref & { readonly patch: unknown; readonly type: string; readonly isIdempotent: boolean },
    options: PatchOptions,
  ): Promise<T> {
    return (await this.#write({
      method: 'PATCH',
      path: pathOf(resource, { ...pick(at), subresource: options.subresource }),
      query: this.#writeQuery(options),
      body: at.patch,
      contentType: at.type,
      isIdempotent: at.isIdempotent,
      ...timing(options),
    })) as T
  }

  async #write(call: Call): Promise<unknown> {
    return this.#transport.send(this.#fence ? fencedCall(call, this.#fence) : call)
  }

  #writeQuery({ fieldManager, dryRun }: WriteOptions): Query {
    return { fieldManager, fieldValidation: this.#fieldValidation, dryRun: dryRun ? 'All' : undefined }
  }

  async *#lines(call: Call, limits: LineLimits, onOpen?: () => void): AsyncGenerator<string> {
    try {
      const stream = await this.#transport.open(call)
      onOpen?.()
      yield* splitLines(stream, limits)
    } catch (error) {
      throw error instanceof LineTooLong ? new NoAnswer(nameOf(call), 'TooLarge', error) : error
    }
  }
}

export const endsInitialEvents = (event: WatchEvent<unknown>): boolean => {
  const { metadata } = event.object as { metadata?: { annotations?: Record<string, string> } }
  return event.type === 'BOOKMARK' && metadata?.annotations?.['k8s.io/initial-events-end'] === 'true'
}

interface RawList<T> {
  readonly items?: readonly T[]
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string }
}

const pick = ({ namespace, name }: Ref): Ref => ({ namespace, name })
const timing = ({ signal, deadlineMs = 10_000 }: CallOptions) => ({ signal, deadlineMs })
const read = (options: CallOptions) => ({ method: 'GET', isIdempotent: true, ...timing(options) }) as const
const selectors = ({ labelSelector, fieldSelector }: Selection): Query => ({ labelSelector, fieldSelector })

const parseEvent = <T>(call: Call, line: string): WatchEvent<T> => {
  let event: { type: string; object: unknown }
  try {
    event = JSON.parse(line)
  } catch {
    throw new NoAnswer(nameOf(call), 'Torn')
  }
  if (event.type === 'ERROR') throw errorOfWatchEvent(call.path, event.object)
  return event as WatchEvent<T>
}
