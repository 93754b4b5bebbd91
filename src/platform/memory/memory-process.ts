// One controller process in the memory world: its late views, its writes that may be cut by its death, its own timers.
import { Transient } from '../../domain/failure.ts'
import type { Key, Model, Runtime } from '../../domain/object.ts'
import type { Clock } from '../../domain/platform.ts'
import type { Claim, Deployment, Pod, WorkRecord, World } from './memory-world.ts'
import { type Table, View } from './table.ts'

/** Killed before or after the effect, or refused before or after it; undefined = all goes well. */
export type Fate = 'KilledBefore' | 'KilledAfter' | 'FailsBefore' | 'FailsAfter' | undefined

export interface ProcessOptions {
  readonly lagMs?: () => number
  /** asked once per write, named like `work.start` */
  readonly fate?: (write: string) => Fate
}

export class MemoryProcess {
  readonly world: World
  readonly clock: Clock
  readonly models: View<Model>
  readonly runtimes: View<Runtime>
  readonly works: View<WorkRecord>
  readonly deployments: View<Deployment>
  readonly pods: View<Pod>
  readonly claims: View<Claim>
  readonly #fate: (write: string) => Fate
  readonly #written = new Map<
    Key,
    { readonly view: View<unknown>; readonly name: string; readonly version: number }[]
  >()
  readonly #views: View<unknown>[] = []
  #isAlive = true

  constructor(world: World, { lagMs = () => 0, fate = () => undefined }: ProcessOptions = {}) {
    this.world = world
    this.#fate = fate
    this.clock = {
      now: () => world.clock.now(),
      after: (ms, call) => world.clock.after(ms, () => this.#isAlive && call()),
    }
    const view = <T>(table: Table<T>): View<T> => {
      const made = new View(table, this.clock, lagMs)
      this.#views.push(made as View<unknown>)
      return made
    }
    this.models = view(world.models)
    this.runtimes = view(world.runtimes)
    this.works = view(world.works)
    this.deployments = view(world.deployments)
    this.pods = view(world.pods)
    this.claims = view(world.claims)
  }

  get isAlive(): boolean {
    return this.#isAlive
  }

  /** Nothing that it began goes on: its promises never end, its timers never fire. */
  kill(): void {
    this.#isAlive = false
    for (const view of this.#views) view.stop()
  }

  /** Every change of the world by this process goes through here. */
  async write<T>(what: string, effect: () => T): Promise<T> {
    if (!this.#isAlive) return never()
    const fate = this.#fate(what)
    if (fate === 'KilledBefore') return this.#die()
    if (fate === 'FailsBefore') throw new Transient('ApiUnavailable', `${what}: the connection broke`)
    await Promise.resolve()
    if (fate === 'KilledAfter') return this.#dieAfter(effect)
    const result = effect()
    if (fate === 'FailsAfter') throw new Transient('ApiUnavailable', `${what}: no answer came`)
    return result
  }

  /** Remembers that the key must not be looked at before the view shows this version. */
  recordWrite(
    key: Key,
    view: { version(name: string): number },
    written: { name: string; version: number },
  ): void {
    const list = this.#written.get(key) ?? []
    this.#written.set(key, [...list, { view: view as View<unknown>, ...written }])
  }

  isBehind(key: Key): boolean {
    const open = (this.#written.get(key) ?? []).filter(
      ({ view, name, version }) => view.version(name) < version,
    )
    if (open.length > 0) this.#written.set(key, open)
    else this.#written.delete(key)
    return open.length > 0
  }

  /** What was sent still arrives, or is refused; nobody learns which. */
  #dieAfter<T>(effect: () => T): Promise<T> {
    this.kill()
    try {
      effect()
    } catch {
      // refused
    }
    return never()
  }

  #die<T>(): Promise<T> {
    this.kill()
    return never()
  }
}

const never = <T>(): Promise<T> => new Promise<T>(() => {})
