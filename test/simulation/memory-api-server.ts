// An API server over the tables of the memory world: lists in pages, streaming lists, watches with bookmarks, versions that expire.
import type { KernelObject } from '../../src/platform/kubernetes/kernel/objects.ts'
import { pathOf, type Resource } from '../../src/platform/kubernetes/kernel/resources.ts'
import type { Change, Table } from '../../src/platform/memory/table.ts'

/** How a value of a table is sent. */
export interface Served<T> {
  readonly resource: Resource
  readonly render: (value: T, at: { readonly name: string; readonly version: number }) => KernelObject
}

export interface Refusal {
  readonly status: number
  readonly reason: string
}

export interface Page {
  readonly metadata: { readonly resourceVersion: string; readonly continue?: string }
  readonly items: readonly KernelObject[]
}

interface Event {
  readonly version: number
  /** `{"type":…,"object":…}` */
  readonly line: string
}

const expired: Refusal = { status: 410, reason: 'Expired' }

const lineOf = (type: string, object: unknown): string => `${JSON.stringify({ type, object })}\n`

export const errorLine = ({ status, reason }: Refusal): string =>
  lineOf('ERROR', { kind: 'Status', code: status, reason })

export const bookmarkLine = (version: number, endsInitial = false): string => {
  const annotations = endsInitial ? { 'k8s.io/initial-events-end': 'true' } : {}
  return lineOf('BOOKMARK', { metadata: { resourceVersion: String(version), annotations } })
}

/** One resource. */
export class ServedTable {
  readonly resource: Resource
  readonly #newest: () => number
  readonly #standing = new Map<string, KernelObject>()
  readonly #watchers = new Set<(line: string) => void>()
  #history: Event[] = []
  /** versions up to this one can no longer be watched from */
  #oldest = 0
  /** by continue token */
  #lists = new Map<string, { readonly version: number; readonly items: readonly KernelObject[] }>()

  constructor(resource: Resource, newest: () => number) {
    this.resource = resource
    this.#newest = newest
  }

  get version(): number {
    return this.#newest()
  }

  get standing(): ReadonlyMap<string, KernelObject> {
    return this.#standing
  }

  change(name: string, object: KernelObject | undefined): void {
    const before = this.#standing.get(name)
    if (object) this.#standing.set(name, object)
    else this.#standing.delete(name)
    if (object) this.#tell(before ? 'MODIFIED' : 'ADDED', object)
    else if (before) this.#tell('DELETED', this.#withVersion(before))
  }

  /** What happened so far is forgotten; lists that are not read to their end too. */
  compact(): void {
    this.#oldest = this.version
    this.#history = []
    this.#lists = new Map()
  }

  /** All pages of a list show the moment of the first. */
  list(limit: number, token: string | undefined): Page | Refusal {
    const open = token === undefined ? this.#all() : this.#lists.get(token)
    if (!open) return expired
    const { version, items } = open
    const rest = items.slice(limit)
    const next = `${version}-${rest.length}`
    if (rest.length > 0) this.#lists.set(next, { version, items: rest })
    const metadata = { resourceVersion: String(version), ...(rest.length > 0 ? { continue: next } : {}) }
    return { metadata, items: items.slice(0, limit) }
  }

  /** Everything that came after the version. */
  since(version: number): readonly string[] | Refusal {
    if (version < this.#oldest) return expired
    return this.#history.filter(event => event.version > version).map(event => event.line)
  }

  /** What stands, in no order and one of it twice, and the mark of its end. */
  initial(): readonly string[] {
    const items = [...this.#standing.values()].reverse()
    const lines = [...items, ...items.slice(0, 1)].map(object => lineOf('ADDED', object))
    return [...lines, bookmarkLine(this.version, true)]
  }

  watch(tell: (line: string) => void): () => void {
    this.#watchers.add(tell)
    return () => void this.#watchers.delete(tell)
  }

  #all() {
    return { version: this.version, items: [...this.#standing.values()] }
  }

  #withVersion(object: KernelObject): KernelObject {
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(this.version) } }
  }

  #tell(type: string, object: KernelObject): void {
    const line = lineOf(type, object)
    this.#history.push({ version: this.version, line })
    for (const tell of [...this.#watchers]) tell(line)
  }
}

export class MemoryApiServer {
  readonly #tables = new Map<string, ServedTable>()
  /** an empty server has seen something too: no version is 0 */
  #version = 1

  /** From now on every change of the table is a change of the resource. */
  serve<T>(table: Table<T>, { resource, render }: Served<T>): ServedTable {
    const served = new ServedTable(resource, () => this.#version)
    const show = ({ name, version }: Change): void => {
      this.#version = Math.max(this.#version, version)
      const value = table.get(name)
      served.change(name, value === undefined ? undefined : render(value, { name, version }))
    }
    for (const name of table.names()) show({ name, version: table.version(name) })
    table.subscribe(show)
    this.#tables.set(pathOf(resource), served)
    return served
  }

  get tables(): readonly ServedTable[] {
    return [...this.#tables.values()]
  }

  find(path: string): ServedTable | undefined {
    return this.#tables.get(path)
  }
}
