// The objects of the cluster: reads from the caches, one patch per write, each refused by the server when our view is stale.

import type { ModelStatus } from '../../domain/model.ts'
import type { Kind, Model, Ref, Runtime } from '../../domain/object.ts'
import { finalizer, type Key, keyOf, toKey } from '../../domain/object.ts'
import type { Store, Wake } from '../../domain/platform.ts'
import type { RuntimeStatus } from '../../domain/runtime.ts'
import { toFailure } from './api-refusal.ts'
import type { HeldObject } from './held-object.ts'
import type { Client } from './kernel/client.ts'
import { ApiError } from './kernel/errors.ts'
import type { Freshness } from './kernel/freshness.ts'
import type { KernelObject } from './kernel/objects.ts'
import type { Reflector } from './kernel/reflector.ts'
import { MODEL, type Resource, RUNTIME } from './kernel/resources.ts'
import type { Caches } from './kubernetes-caches.ts'
import { OrderedObjects } from './ordered-objects.ts'

const fieldManager = 'switchyard'

const believedMs = 60_000

export interface StoreParts {
  readonly client: Client
  readonly caches: Pick<Caches, 'models' | 'runtimes' | 'namespaces'>
  readonly freshness: Freshness
}

type Stored = Model | Runtime

export class KubernetesStore implements Store {
  readonly #parts: StoreParts
  /** namespace → when a write was refused because it is being deleted */
  readonly #refusing = new Map<string, number>()
  readonly #models: OrderedObjects<'Model'>
  readonly #runtimes: OrderedObjects<'Runtime'>

  constructor(parts: StoreParts) {
    this.#parts = parts
    this.#models = new OrderedObjects(parts.caches.models)
    this.#runtimes = new OrderedObjects(parts.caches.runtimes)
  }

  getModel(ref: Ref): Model | undefined {
    return this.#parts.caches.models.get(ref)?.object
  }

  getRuntime(ref: Ref): Runtime | undefined {
    return this.#parts.caches.runtimes.get(ref)?.object
  }

  listModels(namespace: string): readonly Model[] {
    return this.#models.list(namespace)
  }

  listRuntimes(namespace: string): readonly Runtime[] {
    return this.#runtimes.list(namespace)
  }

  writeModelStatus(object: Model, status: ModelStatus): Promise<void> {
    return this.#writeStatus(object, status)
  }

  writeRuntimeStatus(object: Runtime, status: RuntimeStatus): Promise<void> {
    return this.#writeStatus(object, status)
  }

  /** A JSON Patch, because it alone replaces the whole status; writing the version we saw makes a stale one a conflict. */
  async #writeStatus(object: Stored, status: object): Promise<void> {
    const { namespace, name, resourceVersion } = object.metadata
    const patch = [
      { op: 'replace', path: '/metadata/resourceVersion', value: resourceVersion },
      { op: 'add', path: '/status', value: status },
    ]
    await this.#write(object, resource =>
      this.#parts.client.jsonPatch(
        resource,
        { namespace, name, patch },
        { subresource: 'status', fieldManager },
      ),
    )
  }

  async setFinalizer(object: Stored, isPresent: boolean): Promise<void> {
    const { namespace, name, resourceVersion, finalizers } = object.metadata
    if (finalizers.includes(finalizer) === isPresent) return
    const others = finalizers.filter(other => other !== finalizer)
    const metadata = { resourceVersion, finalizers: isPresent ? [...others, finalizer] : others }
    try {
      await this.#write(object, resource =>
        this.#parts.client.mergePatch(resource, { namespace, name, patch: { metadata } }, { fieldManager }),
      )
    } catch (error) {
      if (!isGone(error)) throw error
    }
  }

  watch(wake: Wake): void {
    const { models, runtimes, namespaces } = this.#parts.caches
    this.#wakeBy('Model', models, wake)
    this.#wakeBy('Runtime', runtimes, wake)
    namespaces?.subscribe(({ object, isInitial }) => {
      if (isInitial || object.status?.phase !== 'Terminating') return
      for (const { metadata } of models.list(object.metadata.name)) wake(toKey('Model', metadata), false)
      for (const { metadata } of runtimes.list(object.metadata.name)) wake(toKey('Runtime', metadata), false)
    })
  }

  isBehind(key: Key): boolean {
    return this.#parts.freshness.isBehind(key)
  }

  isTerminating(namespace: string): boolean {
    const known = this.#parts.caches.namespaces?.get({ name: namespace })
    return known
      ? known.status?.phase === 'Terminating'
      : performance.now() - (this.#refusing.get(namespace) ?? Number.NEGATIVE_INFINITY) < believedMs
  }

  /** Where namespaces cannot be watched, a refusal tells; believed for a minute, because one of the same name may come. */
  noteTerminating(namespace: string): void {
    this.#refusing.set(namespace, performance.now())
  }

  #wakeBy<K extends Kind>(kind: K, cache: Reflector<HeldObject<K>>, wake: Wake): void {
    cache.subscribe(({ object, isInitial }) => wake(toKey(kind, object.metadata), isInitial))
  }

  async #write(object: Stored, send: (resource: Resource) => Promise<KernelObject>): Promise<void> {
    const isModel = object.kind === 'Model'
    try {
      const written = await send(isModel ? MODEL : RUNTIME)
      const cache = isModel ? this.#parts.caches.models : this.#parts.caches.runtimes
      this.#parts.freshness.recordWrite(keyOf(object), cache, written)
    } catch (error) {
      throw toFailure(error, `${object.kind} ${object.metadata.name}`)
    }
  }
}

const isGone = (error: unknown): boolean =>
  error instanceof Error && error.cause instanceof ApiError && error.cause.isNotFound
