// The graph of worlds that an exploration walks: each is numbered when it is first reached, and made to move when it is first looked at.
import type { Key } from '../../src/domain/object.ts'
import { putObject, tableOf } from '../../src/platform/memory/memory-people.ts'
import type { Fate } from '../../src/platform/memory/memory-process.ts'
import { ExploredWorld, type Proofs, pass, type Snapshot } from './explored-world.ts'
import type { Exploration } from './explorer.ts'
import { StateNames } from './state-names.ts'

/** Numbers of the worlds that moves of each kind lead to; absent = not looked at. */
export interface Moves {
  /** made by nobody's mishap or wish: what must be enough to get on */
  own?: readonly number[]
  edit?: readonly number[]
  crash?: readonly number[]
  conflict?: readonly number[]
}

type Kind = keyof Moves
type Mishap = 'crash' | 'conflict'

interface Found {
  snapshot: Snapshot | undefined
  readonly edits: number
  readonly moves: Moves
  /** writes of the pass of each key in which all goes well */
  writes: readonly number[]
  /** the world and move it was reached from first */
  readonly from: readonly [number, string] | undefined
}

interface Moved {
  readonly name: string
  readonly world: ExploredWorld
  readonly proofs: Proofs
  readonly edits: number
}

export class Expansion {
  readonly violations: string[] = []
  readonly #plan: Exploration
  readonly #names = new StateNames()
  readonly #found: Found[] = []
  readonly #numbers = new Map<string, number>()
  readonly #goals: number[] = []

  constructor(plan: Exploration) {
    this.#plan = plan
  }

  get worlds(): number {
    return this.#found.length
  }

  start(): number {
    const world = new ExploredWorld()
    this.#plan.edits[0]?.does(world)
    return this.#arrive({ name: '', world, proofs: new Map(), edits: 0 }, undefined)
  }

  movesOf(number: number): Moves {
    return this.#get(number).moves
  }

  /** Makes the world move in every way that is asked for and was not looked at before; what can no longer be asked for is put away. */
  async expand(number: number, left: Readonly<Record<Mishap, boolean>>): Promise<void> {
    const found = this.#get(number)
    if (!found.moves.own) await this.#expandOwn(number, left.crash)
    if (left.conflict && !found.moves.conflict) await this.#expandConflicts(number)
    if (found.moves.conflict || (!left.crash && !left.conflict)) found.snapshot = undefined
  }

  /** Worlds from which no own moves lead to the end of their edit. */
  findDeadEnds(): string[] {
    const before: number[][] = this.#found.map(() => [])
    for (const [number, { moves }] of this.#found.entries())
      for (const to of moves.own ?? []) before[to]?.push(number)
    const good = new Set(this.#goals)
    for (const number of good) for (const one of before[number] ?? []) good.add(one)
    const bad = this.#found.flatMap((_, number) => (good.has(number) ? [] : [number]))
    return bad.slice(0, 3).map(number => this.#wayTo(number))
  }

  #get(number: number): Found {
    return this.#found[number] as Found
  }

  #snapshotOf(number: number): Snapshot {
    const { snapshot } = this.#get(number)
    if (!snapshot) throw new Error(`world ${number} was put away`)
    return snapshot
  }

  async #expandOwn(number: number, withCrashes: boolean): Promise<void> {
    const snapshot = this.#snapshotOf(number)
    const { edits } = this.#get(number)
    const to = { own: new Set<number>(), crash: new Set<number>() }
    const { proofs } = snapshot
    for (const deed of snapshot.deeds) {
      const world = new ExploredWorld(snapshot)
      world.take(deed)
      to.own.add(this.#arrive({ name: `${deed.does} ${deed.name}`, world, proofs, edits }, number))
    }
    const writes: number[] = []
    for (const key of this.#plan.keys) writes.push(await this.#passCalmly(number, key, { to, withCrashes }))
    this.#note(number, 'own', to.own)
    if (withCrashes) this.#note(number, 'crash', to.crash)
    this.#get(number).writes = writes
    const edit = this.#plan.edits[edits + 1]
    if (!edit) return
    const world = new ExploredWorld(snapshot)
    edit.does(world)
    this.#note(number, 'edit', [this.#arrive({ name: edit.name, world, proofs, edits: edits + 1 }, number)])
  }

  /** On its way it is killed before each write, and after the last: between two writes nothing of the world changes. */
  async #passCalmly(
    number: number,
    key: Key,
    { to, withCrashes }: { readonly to: Record<'own' | 'crash', Set<number>>; readonly withCrashes: boolean },
  ): Promise<number> {
    const snapshot = this.#snapshotOf(number)
    const { edits } = this.#get(number)
    const world = new ExploredWorld(snapshot)
    const name = `pass ${key}`
    const crash = (at: number): void => {
      const left = new ExploredWorld(world.asItStands())
      to.crash.add(
        this.#arrive(
          { name: `${name}, killed before write ${at}`, world: left, proofs: none, edits },
          number,
        ),
      )
    }
    const fateOf = (write: number): Fate => {
      if (withCrashes) crash(write)
      return undefined
    }
    const { writes, proofs } = await pass(world, { key, proofs: snapshot.proofs, fateOf })
    if (withCrashes && writes > 0) crash(writes)
    this.#checkLeftAlone(number, world, name)
    const isStill = writes === 0 && isAlike(proofs, snapshot.proofs)
    if (isStill) this.#noteViolations(world, name, number)
    else to.own.add(this.#arrive({ name, world, proofs, edits }, number))
    return writes
  }

  /** Somebody else writes just before: 409. */
  async #expandConflicts(number: number): Promise<void> {
    const to = new Set<number>()
    for (const [i, key] of this.#plan.keys.entries())
      for (let at = 0; at < (this.#get(number).writes[i] ?? 0); at++)
        to.add(await this.#passInConflict(number, key, at))
    this.#note(number, 'conflict', to)
  }

  async #passInConflict(number: number, key: Key, at: number): Promise<number> {
    const snapshot = this.#snapshotOf(number)
    const world = new ExploredWorld(snapshot)
    const fateOf = (write: number, what: string): Fate => {
      if (write === at) touch(world, what)
      return undefined
    }
    const { proofs } = await pass(world, { key, proofs: snapshot.proofs, fateOf })
    const name = `pass ${key}, conflict at write ${at}`
    return this.#arrive({ name, world, proofs, edits: this.#get(number).edits }, number)
  }

  #note(number: number, kind: Kind, to: Iterable<number>): void {
    this.#get(number).moves[kind] = [...to]
  }

  #arrive({ name, world, proofs, edits }: Moved, from: number | undefined): number {
    const snapshot = world.snapshot(proofs)
    const key = `${edits} ${this.#names.of(snapshot)}`
    const known = this.#numbers.get(key)
    const number = known ?? this.#found.length
    if (known === undefined) {
      this.#numbers.set(key, number)
      const way = from === undefined ? undefined : ([from, name] as const)
      this.#found.push({ snapshot, edits, moves: {}, writes: [], from: way })
      if (this.#plan.edits[edits]?.isReached(world)) this.#goals.push(number)
    }
    this.#noteViolations(world, name, from)
    return number
  }

  #noteViolations({ violations }: ExploredWorld, name: string, from: number | undefined): void {
    const way = (): string => (from === undefined ? name : `${this.#wayTo(from)} → ${name}`)
    for (const what of violations) this.violations.push(`${what}, after ${way()}`)
  }

  #checkLeftAlone(number: number, world: ExploredWorld, name: string): void {
    if (!this.#plan.edits[this.#get(number).edits]?.isBad) return
    const before = new ExploredWorld(this.#snapshotOf(number))
    if (before.runtimes.list().some(({ status }) => status.switch !== undefined)) return
    const engines = ({ deployments, pods }: ExploredWorld) =>
      JSON.stringify([deployments.list(), pods.list()])
    if (engines(before) !== engines(world))
      world.violations.push(`a bad spec disturbed what serves (${name})`)
  }

  #wayTo(number: number): string {
    const steps: string[] = []
    for (let at = this.#get(number).from; at; at = this.#get(at[0]).from) steps.push(at[1])
    return steps.reverse().join(' → ')
  }
}

const none: Proofs = new Map()

const isAlike = (one: Proofs, other: Proofs): boolean => {
  if (one.size !== other.size) return false
  for (const [uid, { pod, proof }] of one) {
    const known = other.get(uid)
    if (known?.pod !== pod || known.proof.recipe !== proof.recipe) return false
    if (known.proof.isProved !== proof.isProved) return false
  }
  return true
}

const touch = (world: ExploredWorld, write: string): void => {
  const [, kind, name = ''] = /^(?:status|finalizer) of (Model|Runtime)\/([^:]+)/.exec(write) ?? []
  const object = kind === 'Model' || kind === 'Runtime' ? tableOf(world, kind).get(name) : undefined
  if (object) putObject(tableOf(world, object.kind), object)
  const [, deployment = ''] = /^(?:prepare|apply|revert|scale) of (\S+)/.exec(write) ?? []
  world.edit(world.deployments, deployment, one => ({ ...one }))
}
