// What people do to the objects of a host, with the rules of an API server: names, schema, what is immutable, generation, finalizers.
import { randomUUID } from 'node:crypto'
import { checkName } from '../../domain/crd.ts'
import { findChangeRefusal } from '../../domain/crd-change.ts'
import { parseSpec } from '../../domain/crd-parse.ts'
import { Rejected } from '../../domain/failure.ts'
import type { Kind, Ref } from '../../domain/object.ts'
import type { Wish } from '../../domain/wish.ts'
import type { HostJournal } from './host-journal.ts'
import type { HostObjects, Stored } from './host-objects.ts'
import { toWritten } from './host-store.ts'

export interface PeopleParts {
  readonly objects: HostObjects
  readonly journal: HostJournal
  readonly now: () => Date
}

export class HostPeople {
  readonly #parts: PeopleParts

  constructor(parts: PeopleParts) {
    this.#parts = parts
  }

  /** Creates it or replaces what was wished; the same again writes nothing. Throws Rejected with the sentence of the broken rule. */
  apply(wish: Wish, actor: string): void {
    const spec = parsed(wish)
    const { objects, journal } = this.#parts
    const old = objects.get(wish.kind, wish)
    if (!old) {
      const made = this.#create(wish, actor)
      objects.put(made, () => journal.add(made, 'Applied', { body: wish.spec, actor }))
      return
    }
    const refusal = findChangeRefusal(wish.kind, old.spec, spec)
    if (refusal) throw new Rejected('InvalidSpec', refusal)
    this.#change(old, wish, actor)
  }

  /** Adds to its annotations; the spec and its generation stay. */
  annotate(kind: Kind, ref: Ref, annotations: Readonly<Record<string, string>>): void {
    const { objects } = this.#parts
    const old = objects.get(kind, ref)
    if (!old) throw new Rejected('InvalidName', `there is no ${kind} ${ref.name}`)
    const written = toWritten(objects, old)
    const all = { ...old.metadata.annotations, ...annotations }
    objects.put({ ...written, metadata: { ...written.metadata, annotations: all } })
  }

  /** It goes when no finalizer holds it; idempotent. */
  remove(kind: Kind, ref: Ref, actor: string): void {
    const { objects, journal, now } = this.#parts
    const old = objects.get(kind, ref)
    if (!old || old.metadata.deletionTimestamp) return
    const also = (): void => journal.add(old, 'Deleted', { body: {}, actor })
    if (old.metadata.finalizers.length === 0) {
      objects.drop(old, also)
      return
    }
    const written = toWritten(objects, old)
    const deletionTimestamp = now().toISOString()
    objects.put({ ...written, metadata: { ...written.metadata, deletionTimestamp } }, also)
  }

  #create({ kind, namespace, name, spec, annotations = {}, labels = {} }: Wish, actor: string) {
    const metadata = {
      namespace,
      name,
      uid: randomUUID(),
      generation: 1,
      creationTimestamp: this.#parts.now().toISOString(),
      finalizers: [],
      annotations,
      labels,
      specManager: actor,
    }
    return { kind, metadata, spec, status: {} }
  }

  #change(old: Stored, wish: Wish, actor: string): void {
    const { objects, journal } = this.#parts
    const { metadata, ...written } = toWritten(objects, old)
    const annotations = { ...metadata.annotations, ...wish.annotations }
    const labels = { ...metadata.labels, ...wish.labels }
    const isSameSpec = JSON.stringify(objects.specOf(old)) === JSON.stringify(wish.spec)
    const isSame = [
      [annotations, metadata.annotations],
      [labels, metadata.labels],
    ].every(([a, b]) => JSON.stringify(a) === JSON.stringify(b))
    if (isSame && isSameSpec) return
    const wished = isSameSpec ? {} : { generation: metadata.generation + 1, specManager: actor }
    objects.put(
      { ...written, metadata: { ...metadata, annotations, labels, ...wished }, spec: wish.spec },
      () => {
        if (!isSameSpec) journal.add(old, 'Applied', { body: wish.spec, actor })
        else if (wish.annotations) journal.add(old, 'Asked', { body: wish.annotations, actor })
      },
    )
  }
}

const namespacePattern = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/

const parsed = ({ kind, namespace, name, spec }: Wish): unknown => {
  const misnamed = checkName(name)
  if (misnamed) throw new Rejected('InvalidName', misnamed)
  if (!namespacePattern.test(namespace))
    throw new Rejected(
      'InvalidName',
      `metadata.namespace must have at most 63 characters, only a-z, 0-9 and '-'`,
    )
  const read = parseSpec(kind, spec)
  if ('invalid' in read) throw new Rejected('InvalidSpec', read.invalid)
  return read.spec
}
