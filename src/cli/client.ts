// The port of the commands: one host or one cluster, spoken to alike. Made by the program's entry.
import type { Discovery } from '../domain/discovery.ts'
import type { Kind, Model, Ref, Runtime } from '../domain/object.ts'
import type { Change } from '../domain/request.ts'
import type { Wish } from '../domain/wish.ts'

/** An object as it came, for whoever shows it and asks nothing of it. */
export interface Row {
  readonly kind: Kind
  readonly namespace: string
  readonly name: string
  /** apiVersion, kind, metadata, spec and status */
  readonly raw: Readonly<Record<string, unknown>>
}

/** An object as it stands there, with what kubectl would print. */
export interface Seen {
  readonly object: Model | Runtime
  /** apiVersion, kind, metadata, spec and status as they came */
  readonly raw: Readonly<Record<string, unknown>>
}

export interface Happening extends Ref {
  /** of a host: grows with each */
  readonly seq?: number
  readonly at: string
  readonly kind: Kind
  readonly type: 'Normal' | 'Warning'
  readonly actor: string
  readonly reason: string
  readonly message: string
}

export interface HappeningWish {
  /** absent: of all namespaces */
  readonly namespace?: string | undefined
  readonly about?: Seen['object'] | undefined
  readonly since: number
  readonly follow: boolean
  /** of a host, at most once: what happened up to this number may be gone */
  readonly onGone?: (upTo: number) => void
}

export interface LogWish {
  readonly lines: number
  readonly previous: boolean
  readonly follow: boolean
}

/** What lies in a folder, or why nothing can be said. */
export type Found = Discovery | { readonly root: string; readonly failure: string }

export type ApplyResult = 'created' | 'configured' | 'unchanged'

/** Each throws Refusal with a sentence and what to do. */
export interface Client {
  readonly platform: 'host' | 'cluster'
  /** for people: `this host`, `cluster kind-demo` */
  readonly place: string
  /** when a command names none */
  readonly namespace: string
  /** As `list`, in its order; nothing is parsed. */
  rows(kind: Kind, namespace?: string): Promise<readonly Row[]>
  /** Without a namespace: those of all. In order of creation, then name. */
  list(kind: Kind, namespace?: string): Promise<readonly Seen[]>
  /** By its very name. */
  find(kind: Kind, ref: Ref): Promise<Seen | undefined>
  apply(wish: Wish, how: { readonly force: boolean }): Promise<ApplyResult>
  change(object: Seen['object'], change: Change): Promise<ApplyResult>
  /** False while something holds it: it goes when that has been done. */
  remove(object: Seen['object']): Promise<boolean>
  logs(runtime: Runtime, wish: LogWish): AsyncIterable<string>
  /** Oldest first. */
  happenings(wish: HappeningWish): AsyncIterable<Happening>
  /** What lies in these folders of the machine, or in the usual ones; absent for a cluster, whose volumes nobody here can see. */
  readonly discover?: (folders: readonly string[]) => Promise<readonly Found[]>
  /** Who else declares the field of the spec, and would put it back; undefined on a host. */
  ownerOf(seen: Seen, field: string): string | undefined
  close(): Promise<void>
}

/** Why a command did not do what was asked. Exit codes: docs/cli.md. */
export class Refusal extends Error {
  readonly exitCode: 1 | 2 | 3 | 4
  constructor(message: string, exitCode: 1 | 2 | 3 | 4 = 2) {
    super(message)
    this.exitCode = exitCode
  }
}
