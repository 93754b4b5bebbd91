// What can be said with each verb of the client, and what it gives.
import type { Ref } from './resources.ts'

export interface CallOptions {
  readonly signal?: AbortSignal | undefined
  /** for all tries together; 10 s, lists 60 s */
  readonly deadlineMs?: number
}

export interface WriteOptions extends CallOptions {
  readonly fieldManager?: string
  /** the server checks and answers as if, and stores nothing */
  readonly dryRun?: boolean
}

export interface PatchOptions extends WriteOptions {
  readonly subresource?: 'status' | 'scale'
}

export interface ApplyOptions extends WriteOptions {
  readonly fieldManager: string
  /** takes fields over from other managers instead of a conflict */
  readonly force?: boolean
}

export interface DeleteOptions extends CallOptions {
  /** only this very object; another one of the same name is a conflict */
  readonly uid?: string
  readonly resourceVersion?: string
  readonly propagationPolicy?: 'Background' | 'Foreground' | 'Orphan'
  readonly gracePeriodSeconds?: number
  readonly dryRun?: boolean
}

export interface Selection {
  readonly namespace?: string | undefined
  readonly labelSelector?: string
  readonly fieldSelector?: string
}

export interface ListOptions extends CallOptions {
  readonly pageSize?: number
  readonly resourceVersion?: string
}

export interface ListPage<T> {
  readonly items: readonly T[]
  /** of the whole list, the same on every page */
  readonly resourceVersion: string
}

export interface WatchOptions extends CallOptions {
  readonly resourceVersion?: string
  /** what stands there now comes first, ended by a bookmark (see `endsInitialEvents`) */
  readonly sendInitialEvents?: boolean
  readonly timeoutSeconds?: number
  /** gives up with Timeout when nothing at all came for so long */
  readonly idleMs?: number
  /** the server has begun to answer; before anything that it tells */
  readonly onOpen?: (() => void) | undefined
  readonly onBytes?: (count: number) => void
}

/** An ERROR event is thrown as ApiError, never given. A BOOKMARK's object has no more than its metadata. */
export interface WatchEvent<T> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'
  readonly object: T
}

export interface LogOptions extends CallOptions {
  readonly container?: string
  readonly follow?: boolean
  readonly previous?: boolean
  readonly tailLines?: number
  readonly sinceTime?: string
  readonly timestamps?: boolean
  readonly limitBytes?: number
}

/** Who may write now; reads always pass. */
export interface Fence {
  mutationsAllowed(): boolean
  /** given when writes under way must end */
  readonly signal?: AbortSignal
  /** Told of every try of a write at the moment it is sent; what it returns is told whether the server answered. */
  began?(): (isAnswered: boolean) => void
}

/** What is applied needs a name, and a namespace when the kind has one. */
export interface Appliable {
  readonly metadata: Ref
}
