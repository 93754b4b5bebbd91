// A Model or Runtime in its cache: parsed when it arrives, between two reads of the wire, and held only as it was parsed.
import type { Kind, Metadata, Model, Runtime } from '../../domain/object.ts'
import { parseObject } from '../../domain/stored.ts'
import { keepSpecManager } from './cache-transforms.ts'
import type { RawCustom } from './kubernetes-objects.ts'

export type ObjectOf<K extends Kind> = K extends 'Model' ? Model : Runtime

export class HeldObject<K extends Kind> {
  readonly metadata: Metadata
  readonly #kind: K
  #raw: Pick<RawCustom, 'spec' | 'status'> | undefined
  #parsed: ObjectOf<K> | undefined

  constructor(kind: K, raw: RawCustom) {
    const { spec, status, ...kept } = keepSpecManager(raw)
    this.metadata = toMetadata(kept)
    this.#kind = kind
    this.#raw = { spec, status }
    // Whoever breaks the parser breaks only the look at him.
    try {
      this.#settle()
    } catch {}
  }

  /** The same object each time; throws what the parser threw. */
  get object(): ObjectOf<K> {
    return this.#parsed ?? this.#settle()
  }

  #settle(): ObjectOf<K> {
    const parsed = this.#parse()
    this.#parsed = parsed
    this.#raw = undefined
    return parsed
  }

  #parse(): ObjectOf<K> {
    const parts = parseObject(this.#kind, this.#raw?.spec, this.#raw?.status)
    return { kind: this.#kind, metadata: this.metadata, ...parts } as ObjectOf<K>
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
