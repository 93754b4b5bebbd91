// One controller process in the memory world: its late views, its writes that may be cut by its death, its own timers.
import { Transient } from '../../domain/failure.ts'
import type { Key, Model, Runtime } from '../../domain/object.ts'
import type { Clock } from '../../domain/platform.ts'
import type { Claim, Deployment, Pod, WorkRecord, World } from './memory-world.ts'
import { type Sight, type Table, View } from './table.ts'

/**
 * What becomes of one write; undefined = all goes well.
 * Killed: before it was sent; after it took effect, unanswered; after the answer; or while it is on its way and lands later.
 * Fails: nothing was done, or it was and no answer came. Late: it takes effect and is answered a while after it was sent.
 */
export const fates = [
  'KilledBefore',
  'KilledUnanswered',
  'KilledAfter',
  'KilledInFlight',
  'FailsBefore',
  'FailsAfter',
  'Late',
] as const
export type Fate = (typeof fates)[number] | undefined

const lateMs = 3_000

/** How a process comes to see a table. */
export type OpenSight = <T>(table: Table<T>, clock: Clock) => Sight<T>

export interface ProcessOptions {
  readonly lagMs?: () => number
  /** default: a view that is `lagMs` late */
  readonly openSight?: OpenSight
  /** asked once per write, named like `work.start` */
  readonly fate?: (write: string) => Fate
}

export class MemoryProcess {
  readonly world: World
  readonly clock: Clock
  readonly models: Sight<Model>
  readonly runtimes: Sight<Runtime>
  readonly works: Sight<WorkRecord>
  readonly deployments: Sight<Deployment>
  readonly pods: Sight<Pod>
  readonly claims: Sight<Claim>
  readonly #fate: (write: string) => Fate
  readonly #written = new Map<
    Key,
    { readonly view: Seen; readonly name: string; readonly version: number }[]
  >()
  readonly #sights: { stop(): void }[] = []
  readonly #end = Promise.withResolvers<void>()
  /** resolves when it is killed */
  readonly died = this.#end.promise
  #isAlive = true
  #isDoomed = false

  constructor(world: World, options: ProcessOptions = {}) {
    const { lagMs = () => 0, fate = () => undefined } = options
    const { openSight = (table, clock) => new View(table, clock, lagMs) } = options
    this.world = world
    this.#fate = fate
    this.clock = {
      now: () => world.clock.now(),
      after: (ms, call) => world.clock.after(ms, () => this.#isAlive && call()),
    }
    const view = <T>(table: Table<T>): Sight<T> => {
      const made = openSight(table, this.clock)
      this.#sights.push(made)
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
    this.#end.resolve()
    for (const sight of this.#sights) sight.stop()
  }

  /** Every change of the world by this process goes through here. */
  async write<T>(what: string, effect: () => T): Promise<T> {
    if (!this.#isAlive) return never()
    if (this.#isDoomed) return this.#die()
    const fate = this.#fate(what)
    if (fate === 'KilledBefore') return this.#die()
    if (fate === 'FailsBefore') throw new Transient('ApiUnavailable', `${what}: the connection broke`)
    await Promise.resolve()
    if (fate === 'KilledUnanswered') return this.#dieAfter(effect)
    if (fate === 'KilledInFlight') return this.#dieBefore(effect)
    if (fate === 'Late') await new Promise<void>(sent => void this.world.clock.after(lateMs, sent))
    if (fate === 'KilledAfter') this.#doom()
    const result = effect()
    if (fate === 'FailsAfter') throw new Transient('ApiUnavailable', `${what}: no answer came`)
    return result
  }

  /** Remembers that the key must not be looked at before the view shows this version. */
  recordWrite(key: Key, view: Seen, written: { name: string; version: number }): void {
    const list = this.#written.get(key) ?? []
    this.#written.set(key, [...list, { view, ...written }])
  }

  isBehind(key: Key): boolean {
    const open = (this.#written.get(key) ?? []).filter(
      ({ view, name, version }) => view.version(name) < version,
    )
    if (open.length > 0) this.#written.set(key, open)
    else this.#written.delete(key)
    return open.length > 0
  }

  /** It goes on with what needs no other write, and no further. */
  #doom(): void {
    this.#isDoomed = true
    this.world.clock.after(0, () => this.kill())
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

  /** The same, while the next one is at work already. */
  #dieBefore<T>(effect: () => T): Promise<T> {
    this.kill()
    this.world.clock.after(lateMs, () => void this.#dieAfter(effect))
    return never()
  }

  #die<T>(): Promise<T> {
    this.kill()
    return never()
  }
}

/** How far a sight has come. */
interface Seen {
  version(name: string): number
}

const never = <T>(): Promise<T> => new Promise<T>(() => {})
