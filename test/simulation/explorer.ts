// Walks every state that can be reached, breadth first: any deed of the world, any pass of the controller, any edit of a person, in
// any order, with so many crashes and conflicts at any write.
import type { Key } from '../../src/domain/object.ts'
import { putObject, tableOf } from '../../src/platform/memory/memory-people.ts'
import type { Fate } from '../../src/platform/memory/memory-process.ts'
import { ExploredWorld, type Passed, pass, type Snapshot } from './explored-world.ts'
import { hashOf } from './state-hash.ts'

export interface Edit {
  readonly name: string
  readonly does: (world: ExploredWorld) => void
  /** the state in which nothing is left to do until the next edit */
  readonly isReached: (world: ExploredWorld) => boolean
  /** while this edit stands, a pass without an open switch must leave pods and Deployments alone */
  readonly isBad?: boolean
}

export interface Exploration {
  readonly keys: readonly Key[]
  readonly edits: readonly Edit[]
  readonly crashes: number
  readonly conflicts: number
  readonly mostStates: number
}

export interface Explored {
  readonly states: number
  readonly moves: number
  readonly isWhole: boolean
  readonly violations: readonly string[]
  /** how a state was reached from which nothing leads to the end of its edit */
  readonly deadEnds: readonly string[]
}

interface Node {
  readonly snapshot: Snapshot
  /** edits made, crashes and conflicts left */
  readonly budget: readonly [edits: number, crashes: number, conflicts: number]
  readonly id: number
}

interface Move {
  readonly name: string
  readonly world: ExploredWorld
  readonly passed: Passed | undefined
  readonly budget: Node['budget']
  /** made by nobody's mishap or wish: what must be enough to get on */
  readonly isOwn: boolean
}

const killedBefore: Fate = 'KilledBefore'
const killedAfter: Fate = 'KilledUnanswered'

export const explore = async (plan: Exploration): Promise<Explored> => {
  const walk = new Walk(plan)
  await walk.run()
  return walk.result()
}

class Walk {
  readonly #plan: Exploration
  readonly #ids = new Map<string, number>()
  readonly #queue: Node[] = []
  /** by state: the state and move it was reached from first */
  readonly #from: (readonly [number, string] | undefined)[] = []
  /** by state: states from which one own move leads here */
  readonly #before: number[][] = []
  readonly #goals: number[] = []
  readonly #violations: string[] = []
  #moves = 0

  constructor(plan: Exploration) {
    this.#plan = plan
  }

  async run(): Promise<void> {
    const start = new ExploredWorld()
    this.#plan.edits[0]?.does(start)
    this.#visit(start.snapshot(new Map()), [0, this.#plan.crashes, this.#plan.conflicts], undefined)
    for (let node = this.#queue.shift(); node; node = this.#queue.shift()) {
      for await (const move of this.#movesOf(node)) this.#arrive(node, move)
      if (this.#ids.size > this.#plan.mostStates || this.#violations.length > 0) return
    }
  }

  result(): Explored {
    const isWhole = this.#queue.length === 0 && this.#violations.length === 0
    return {
      states: this.#ids.size,
      moves: this.#moves,
      isWhole,
      violations: this.#violations,
      deadEnds: isWhole ? this.#findDeadEnds() : [],
    }
  }

  #visit(snapshot: Snapshot, budget: Node['budget'], from: readonly [number, string] | undefined): number {
    const hash = hashOf(snapshot, budget)
    const known = this.#ids.get(hash)
    if (known !== undefined) return known
    const id = this.#ids.size
    this.#ids.set(hash, id)
    this.#from[id] = from
    this.#before[id] = []
    this.#queue.push({ snapshot, budget, id })
    if (this.#plan.edits[budget[0]]?.isReached(new ExploredWorld(snapshot))) this.#goals.push(id)
    return id
  }

  #arrive(node: Node, { name, world, passed, budget, isOwn }: Move): void {
    this.#moves++
    const to = this.#visit(world.snapshot(passed?.proofs ?? node.snapshot.proofs), budget, [node.id, name])
    if (isOwn && to !== node.id) this.#before[to]?.push(node.id)
    for (const what of world.violations) this.#violations.push(`${what}, after ${this.#wayTo(to)}`)
  }

  async *#movesOf(node: Node): AsyncGenerator<Move> {
    const { snapshot, budget } = node
    for (const deed of snapshot.deeds) {
      const world = new ExploredWorld(snapshot)
      world.take(deed)
      yield { name: `${deed.does} ${deed.name}`, world, passed: undefined, budget, isOwn: true }
    }
    for (const key of this.#plan.keys) yield* this.#passesOf(node, key)
    const edit = this.#plan.edits[budget[0] + 1]
    if (!edit) return
    const world = new ExploredWorld(snapshot)
    edit.does(world)
    const [edits, ...left] = budget
    yield { name: edit.name, world, passed: undefined, budget: [edits + 1, ...left], isOwn: false }
  }

  /** The pass in which all goes well, then one for each write and mishap that is left. */
  async *#passesOf(node: Node, key: Key): AsyncGenerator<Move> {
    const { snapshot, budget } = node
    const [edits, crashes, conflicts] = budget
    const go = async (name: string, at: number, fate: Fate | 'Conflict'): Promise<Move> => {
      const world = new ExploredWorld(snapshot)
      const fateOf = (write: number, what: string): Fate => {
        if (write !== at) return undefined
        if (fate === 'Conflict') touch(world, what)
        return fate === 'Conflict' ? undefined : fate
      }
      const passed = await pass(world, { key, proofs: snapshot.proofs, fateOf })
      const isMishap = fate !== undefined
      const left: Node['budget'] = !isMishap
        ? budget
        : [edits, crashes - (fate === 'Conflict' ? 0 : 1), conflicts - (fate === 'Conflict' ? 1 : 0)]
      return { name, world, passed, budget: left, isOwn: !isMishap }
    }
    const calm = await go(`pass ${key}`, -1, undefined)
    this.#checkLeftAlone(node, calm)
    yield calm
    for (let at = 0; at < (calm.passed?.writes ?? 0); at++) {
      if (crashes > 0) yield await go(`pass ${key}, killed before write ${at}`, at, killedBefore)
      if (crashes > 0) yield await go(`pass ${key}, killed after write ${at}`, at, killedAfter)
      if (conflicts > 0) yield await go(`pass ${key}, conflict at write ${at}`, at, 'Conflict')
    }
  }

  #checkLeftAlone({ snapshot, budget }: Node, { world, name }: Move): void {
    if (!this.#plan.edits[budget[0]]?.isBad) return
    const before = new ExploredWorld(snapshot)
    if (before.runtimes.list().some(({ status }) => status.switch !== undefined)) return
    const engines = ({ deployments, pods }: ExploredWorld) =>
      JSON.stringify([deployments.list(), pods.list()])
    if (engines(before) !== engines(world))
      world.violations.push(`a bad spec disturbed what serves (${name})`)
  }

  #wayTo(id: number): string {
    const steps: string[] = []
    for (let at = this.#from[id]; at; at = this.#from[at[0]]) steps.push(at[1])
    return steps.reverse().join(' → ')
  }

  /** States from which no own moves lead to the end of their edit. */
  #findDeadEnds(): string[] {
    const good = new Set(this.#goals)
    const open = [...good]
    for (let id = open.pop(); id !== undefined; id = open.pop())
      for (const before of this.#before[id] ?? [])
        if (!good.has(before)) {
          good.add(before)
          open.push(before)
        }
    const bad = this.#from.map((_, id) => id).filter(id => !good.has(id))
    return bad.slice(0, 3).map(id => this.#wayTo(id))
  }
}

/** Somebody else writes the object just before: 409. */
const touch = (world: ExploredWorld, write: string): void => {
  const [, kind, name = ''] = /^(?:status|finalizer) of (Model|Runtime)\/([^:]+)/.exec(write) ?? []
  const object = kind === 'Model' || kind === 'Runtime' ? tableOf(world, kind).get(name) : undefined
  if (object) putObject(tableOf(world, object.kind), object)
  const [, deployment = ''] = /^(?:prepare|apply|revert|scale) of (\S+)/.exec(write) ?? []
  world.edit(world.deployments, deployment, one => ({ ...one }))
}
