// A Model or Runtime in its cache: parsed when it arrives, between two reads of the wire, and held only as it was parsed.
import type { Kind, Metadata, Model, Runtime } from '../../domain/object.ts'
import { parseObject } from '../../domain/stored.ts'
import { keepSpecManager } from './cache-transforms.ts'
import type { RawCustom } from './kubernetes-objects.ts'

export type ObjectOf<K extends Kind> = K extends 'Model' ? Model : Runtime

/** Exchanges strings for equal ones that are held already. */
export type Share = <V>(value: V) => V

export class HeldObject<K extends Kind> {
  readonly metadata: Metadata
  readonly #kind: K
  #raw: Pick<RawCustom, 'spec' | 'status'> | undefined
  #parsed: ObjectOf<K> | undefined

  constructor(kind: K, raw: RawCustom, share: Share = value => value) {
    const { spec, status, ...kept } = keepSpecManager(raw)
    this.metadata = toMetadata(kept)
    this.#kind = kind
    this.#raw = { spec, status }
    // Whoever breaks the parser breaks only the look at him.
    try {
      this.#settle(share)
    } catch {}
  }

  /** The same object each time; throws what the parser threw. */
  get object(): ObjectOf<K> {
    return this.#parsed ?? this.#settle(value => value)
  }

  #settle(share: Share): ObjectOf<K> {
    const parts = share(compact(parseObject(this.#kind, this.#raw?.spec, this.#raw?.status)))
    const parsed = { kind: this.#kind, metadata: this.metadata, ...parts } as ObjectOf<K>
    this.#parsed = parsed
    this.#raw = undefined
    return parsed
  }
}

/** An object out of a text has no room for more members; one that was put together member by member is a fifth larger. */
const compact = <V>(value: V): V => {
  try {
    return JSON.parse(JSON.stringify(value)) as V
  } catch {
    // Nested so deep that it has no text: held as it is.
    return value
  }
}

const toMetadata = ({ metadata, specManager }: RawCustom): Metadata => ({
  namespace: metadata.namespace ?? '',
  name: metadata.name,
  uid: metadata.uid,
  generation: metadata.generation ?? 0,
  resourceVersion: metadata.resourceVersion,
  creationTimestamp: metadata.creationTimestamp ?? '',
  ...(metadata.deletionTimestamp ? { deletionTimestamp: metadata.deletionTimestamp } : {}),
  finalizers: metadata.finalizers ?? [],
  annotations: metadata.annotations ?? {},
  labels: metadata.labels ?? {},
  ...(specManager ? { specManager } : {}),
})
