// The memory world as a value: taken apart into a state, put together again, and told to make one move.
import { createAskWatch } from '../../src/controller/ask-watch.ts'
import type { EngineWatch } from '../../src/controller/engine-watch.ts'
import { type Reconciler, reconcile } from '../../src/controller/reconcile.ts'
import { createReporter } from '../../src/controller/report.ts'
import { createStarted } from '../../src/controller/started.ts'
import { createTurns } from '../../src/controller/turns.ts'
import { Failure } from '../../src/domain/failure.ts'
import type { Key } from '../../src/domain/object.ts'
import type { EngineSight } from '../../src/domain/observation.ts'
import { HandClock } from '../../src/platform/memory/hand-clock.ts'
import { doers } from '../../src/platform/memory/memory-deeds.ts'
import { createMemoryEngines } from '../../src/platform/memory/memory-engines.ts'
import { createMemoryPlatform } from '../../src/platform/memory/memory-platform.ts'
import { runDeployments } from '../../src/platform/memory/memory-pods.ts'
import { type Fate, MemoryProcess } from '../../src/platform/memory/memory-process.ts'
import { type Deed, type Source, World } from '../../src/platform/memory/memory-world.ts'
import type { Table } from '../../src/platform/memory/table.ts'
import { digest as digestOf } from '../builders/memory-stage.ts'
import { watchInvariants } from './invariants.ts'

const tableNames = ['models', 'runtimes', 'works', 'deployments', 'pods', 'claims'] as const

type Proof = NonNullable<EngineSight['proof']>

/** What the controller keeps in its own memory and loses when it dies. */
export type Proofs = ReadonlyMap<string, { readonly pod: string; readonly proof: Proof }>

/** Everything that decides what can happen next. Values are never changed, so that states share them. */
export interface Snapshot {
  readonly tables: readonly ReadonlyMap<string, unknown>[]
  readonly deeds: readonly Deed[]
  readonly proofs: Proofs
  readonly proved: readonly string[]
  /** what the hub would say */
  readonly sources: ReadonlyMap<string, Source>
  readonly serial: number
  readonly now: number
}

const minute = 60_000

const digests = new Map<string, string>()
/** The same few texts, again and again. */
const digest = (text: string): string => {
  const known = digests.get(text) ?? digestOf(text)
  digests.set(text, known)
  return known
}
const hasty: readonly Deed['does'][] = ['settleDeployment', 'runWorker', 'dropWork']

/** Deeds are collected instead of timed; one that would be done twice is done once. */
export class ExploredWorld extends World {
  readonly deeds = new Map<string, Deed>()
  #next: number

  constructor(from?: Snapshot) {
    super(doers, new HandClock((from?.now ?? Date.parse('2026-01-01T00:00:00Z')) + 1_000))
    this.#next = from?.serial ?? 0
    Object.assign(this.script, { downloadSteps: 1, checksStatus: false })
    for (const [i, name] of tableNames.entries())
      for (const [key, value] of from?.tables[i] ?? []) (this[name] as Table<unknown>).put(key, () => value)
    for (const [name, source] of from?.sources ?? []) this.script.sources.set(name, source)
    for (const one of from?.proved ?? []) this.proved.add(one)
    for (const deed of from?.deeds ?? []) this.#add(deed)
    runDeployments(this)
    watchInvariants(this)
  }

  override serial(): number {
    return ++this.#next
  }

  override later(_ms: number, deed: Deed): void {
    if (deed.does !== 'loadHalf') this.#add(deed)
  }

  take(deed: Deed): void {
    this.deeds.delete(JSON.stringify(deed))
    this.perform(deed)
    this.#doHasty()
  }

  /** What a cluster does at once is no move of its own: its Deployment controller looks, a worker that runs ends. */
  #doHasty(): void {
    for (;;) {
      const deed = [...this.deeds.values()].find(one => hasty.includes(one.does))
      if (!deed) return
      this.deeds.delete(JSON.stringify(deed))
      this.perform(deed)
    }
  }

  snapshot(proofs: Proofs): Snapshot {
    this.#doHasty()
    const pods = new Set(this.pods.names())
    return { ...this.asItStands(), proofs: new Map([...proofs].filter(([, { pod }]) => pods.has(pod))) }
  }

  /** In the middle of a pass, when nobody knows any more what was proved. */
  asItStands(): Snapshot {
    return {
      tables: tableNames.map(name => {
        const table = this[name] as Table<unknown>
        return new Map(table.names().map(key => [key, table.get(key)]))
      }),
      deeds: [...this.deeds.values()].filter(deed => this.#matters(deed)),
      proofs: new Map(),
      proved: [...this.proved],
      sources: this.script.sources,
      serial: this.#next,
      now: this.clock.now().getTime(),
    }
  }

  #add(deed: Deed): void {
    this.deeds.set(JSON.stringify(deed), deed)
  }

  /** A deed on what is gone does nothing. */
  #matters({ does, name, uid }: Deed): boolean {
    if (uid !== undefined) return this.works.get(name)?.uid === uid
    return does === 'settleDeployment' || this.pods.get(name) !== undefined
  }
}

/** Asks the engine at every look, and keeps nothing but the newest proof. */
const createExploredWatch = (
  world: World,
  proofs: Map<string, { pod: string; proof: Proof }>,
): EngineWatch => {
  const pods = new Map<string, { readonly name: string; readonly address: string }>()
  return {
    look: async ({ metadata: { uid } }, engine, pod) => {
      if (!pod?.address || !pod.isRunning) return undefined
      pods.set(uid, { name: pod.name, address: pod.address })
      const answer = await engine.ask(pod.address, minute)
      const known = proofs.get(uid)
      return { pod: pod.name, answer, ...(known?.pod === pod.name ? { proof: known.proof } : {}) }
    },
    prove: async ({ metadata: { uid } }, engine, recipe) => {
      const pod = pods.get(uid)
      if (!pod) return undefined
      const result = await engine.prove(pod.address, recipe, { mode: 'Task', timeoutMs: minute })
      proofs.set(uid, { pod: pod.name, proof: { ...result, recipe: recipe.hash, at: world.now() } })
      return result
    },
    // A look at everything finds more.
    renew: async () => false,
    log: async () => ({ lines: [] }),
    load: () => undefined,
    forgetLoad: () => undefined,
    expire: () => undefined,
    // every question here is answered at once
    heed: () => undefined,
    // no engine here is behind a key
    asks: createAskWatch(world.clock),
    noteProof: () => undefined,
    noteUnload: () => undefined,
  }
}

export interface Passed {
  readonly writes: number
  /** the controller died: what it had in memory is lost */
  readonly proofs: Proofs
}

/** One pass of the production step function over one key; the write with this number meets this fate. */
export const pass = async (
  world: ExploredWorld,
  {
    key,
    proofs,
    fateOf,
  }: { readonly key: Key; readonly proofs: Proofs; readonly fateOf: (write: number, name: string) => Fate },
): Promise<Passed> => {
  let writes = 0
  const fate = (name: string): Fate => fateOf(writes++, name)
  const process = new MemoryProcess(world, { fate })
  const memory = new Map(proofs)
  await Promise.race([attempt(world, reconcilerOf(process, memory), key), process.died])
  const isAlive = process.isAlive
  process.kill()
  return { writes, proofs: isAlive ? memory : new Map() }
}

const reconcilerOf = (
  process: MemoryProcess,
  memory: Map<string, { pod: string; proof: Proof }>,
): Reconciler => {
  const { clock, world } = process
  const platform = createMemoryPlatform(process)
  const limits = { maxDownloads: 2, maxResolves: 8, maxAttempts: 5, taskDefaults: {} }
  const wake = (): void => undefined
  return {
    reporter: createReporter(platform),
    actor: {
      clock,
      wake,
      models: { platform, limits, started: createStarted(clock), turns: createTurns(wake), digest },
      runtimes: {
        platform,
        engines: createMemoryEngines(process),
        watch: createExploredWatch(world, memory),
        digest,
      },
    },
  }
}

/** What is worth a backoff is tried again by another move; anything else is a defect. */
const attempt = async (world: World, reconciler: Reconciler, key: Key): Promise<void> => {
  try {
    await reconcile(reconciler, key)
  } catch (error) {
    if (!(error instanceof Failure)) world.violations.push(`a defect: ${String(error)}`)
  }
}
