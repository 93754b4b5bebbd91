// The port of the API: what it asks of the platform it stands on. It writes only as people do, under the same rules.
import type { Discovery } from '../domain/discovery.ts'
import type { Key, Kind, Model, Ref, Runtime } from '../domain/object.ts'
import type { Wish } from '../domain/wish.ts'

/** One entry of the diary: numbered, never changed. */
export interface DiaryEntry extends Ref {
  /** grows with each entry; `since` of a stream */
  readonly seq: number
  readonly at: string
  readonly actor: string
  /** Applied, Deleted, Asked: a person's wish. Phase, Operation: how it went on. Note: an event. */
  readonly what: string
  readonly kind: Kind
  readonly body: unknown
}

export interface ApiParts {
  readonly objects: {
    get(kind: Kind, ref: Ref): Model | Runtime | undefined
    list(kind: Kind): readonly (Model | Runtime)[]
    /** as a person wrote it, without defaults */
    specOf(object: Model | Runtime): unknown
    /** called after each change, while it is shown; returns what ends that */
    subscribe(listener: (key: Key) => void): () => void
  }
  /** Each throws Rejected with the sentence of the broken rule, Transient when the store cannot be written. */
  readonly people: {
    apply(wish: Wish, actor: string): void
    remove(kind: Kind, ref: Ref, actor: string): void
  }
  readonly diary: {
    /** oldest first, at most `limit`, after `since` */
    readAll(since: number, limit: number): readonly DiaryEntry[]
    /** the number up to which entries may have left the diary; 0: none has */
    bound(): number
    /** called after an entry was added; returns what ends that */
    subscribe(listener: () => void): () => void
  }
  /** Newest lines of the engine's log, of the run `back` runs before the present one; empty when there is none. */
  readonly logs: (
    runtime: Runtime,
    how: { readonly lines: number; readonly back: number },
  ) => Promise<readonly string[]>
  /** What lies in this folder, else in those of Runtimes and the usual ones of engines. */
  readonly discover: (
    folder?: string,
  ) => Promise<readonly (Discovery | { readonly root: string; readonly failure: string })[]>
  readonly now: () => Date
}
