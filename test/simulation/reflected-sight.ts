// What a controller sees of the memory world through the production reflectors, and whether that is what the server has.
import { Client } from '../../src/platform/kubernetes/kernel/client.ts'
import { type KernelObject, storeKey } from '../../src/platform/kubernetes/kernel/objects.ts'
import { Reflector } from '../../src/platform/kubernetes/kernel/reflector.ts'
import type { OpenSight } from '../../src/platform/memory/memory-process.ts'
import type { World } from '../../src/platform/memory/memory-world.ts'
import type { Sight, Table } from '../../src/platform/memory/table.ts'
import { foldEvents, versionOf } from '../platform/kubernetes/kernel/told.ts'
import { type ApiWeather, connectToMemory } from './memory-api-network.ts'
import { MemoryApiServer, type ServedTable } from './memory-api-server.ts'
import { type Mirror, mirrorsOf } from './mirrors.ts'

export interface ServedWorld {
  readonly server: MemoryApiServer
  readonly served: ReadonlyMap<unknown, { readonly mirror: unknown; readonly table: ServedTable }>
}

export const serveWorld = (world: World): ServedWorld => {
  const server = new MemoryApiServer()
  const served = new Map(
    mirrorsOf(world).map(mirror => [mirror.table, { mirror, table: server.serve(mirror.table, mirror) }]),
  )
  return { server, served }
}

/** The caches of one process. */
export class ReflectedSights {
  readonly #world: ServedWorld
  readonly #weather: ApiWeather
  readonly #sights: ReflectedSight<unknown>[] = []

  constructor(world: ServedWorld, weather: ApiWeather) {
    this.#world = world
    this.#weather = weather
  }

  readonly open: OpenSight = <T>(table: Table<T>, clock: Parameters<OpenSight>[1]): Sight<T> => {
    const { server, served } = this.#world
    const known = served.get(table)
    if (!known) throw new Error('nobody serves this table')
    const time = { now: () => clock.now().getTime(), after: clock.after }
    const client = new Client(connectToMemory({ server, clock: time, weather: this.#weather }))
    const mirror = known.mirror as Mirror<T>
    const options = { clock: time, random: this.#weather.random, pageSize: 2, isFrozen: true }
    const reflector = new Reflector<KernelObject>(client, mirror, options)
    const sight = new ReflectedSight<T>(reflector, mirror, known.table)
    this.#sights.push(sight as ReflectedSight<unknown>)
    return sight
  }

  get isStopped(): boolean {
    return this.#sights.some(sight => sight.isStopped)
  }

  async synced(): Promise<void> {
    await Promise.all(this.#sights.map(sight => sight.reflector.synced()))
  }

  /** One of them reads everything afresh. */
  refill(): void {
    const { random } = this.#weather
    this.#sights[Math.floor(random() * this.#sights.length)]?.reflector.refill()
  }

  /** At rest, while it lives: nothing. */
  differences(): readonly string[] {
    return this.#sights.flatMap(sight => (sight.isStopped ? [] : sight.differences()))
  }
}

class ReflectedSight<T> implements Sight<T> {
  readonly reflector: Reflector<KernelObject>
  isStopped = false
  readonly #mirror: Mirror<T>
  readonly #table: ServedTable
  readonly #told = foldEvents<KernelObject>()

  constructor(reflector: Reflector<KernelObject>, mirror: Mirror<T>, table: ServedTable) {
    this.reflector = reflector
    this.#mirror = mirror
    this.#table = table
    reflector.subscribe(this.#told.fold)
    reflector.start()
  }

  get(name: string): T | undefined {
    const kept = this.reflector.get({ name })
    return kept && this.#mirror.read(kept)
  }

  list(): readonly T[] {
    return this.reflector.list().map(kept => this.#mirror.read(kept))
  }

  names(): readonly string[] {
    return this.reflector.list().map(kept => storeKey(kept.metadata))
  }

  /** Of what is not there: everything up to this version was seen. */
  version(name: string): number {
    const kept = this.reflector.get({ name })
    return Number(kept?.metadata.resourceVersion ?? this.reflector.resourceVersion ?? 0)
  }

  subscribe(listener: (name: string) => void): void {
    this.reflector.subscribe(({ object }) => listener(storeKey(object.metadata)))
  }

  stop(): void {
    this.isStopped = true
    void this.reflector.stop()
  }

  differences(): readonly string[] {
    const { contradictions, known } = this.#told
    const kept = this.reflector.list().map(versionOf).sort()
    const standing = [...this.#table.standing.values()].map(versionOf).sort()
    const told = [...known.values()].sort()
    const { plural } = this.#table.resource
    return [
      ...contradictions.map(what => `a listener of ${plural} was told ${what}`),
      ...(String(kept) === String(standing) ? [] : [`${plural} are [${standing}], the store has [${kept}]`]),
      ...(String(told) === String(standing) ? [] : [`${plural} are [${standing}], told were [${told}]`]),
    ]
  }
}
