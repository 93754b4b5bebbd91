// Walks every state that can be reached: any deed of the world, any pass of the controller, any edit of a person, in any order, with
// so many crashes and conflicts at any write.
import type { Key } from '../../src/domain/object.ts'
import { Expansion, type Moves } from './expansion.ts'
import type { ExploredWorld } from './explored-world.ts'

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
  /** of the world together with the mishaps that are left */
  readonly states: number
  readonly moves: number
  /** of the world alone */
  readonly worlds: number
  readonly isWhole: boolean
  readonly violations: readonly string[]
  /** how a state was reached from which nothing leads to the end of its edit */
  readonly deadEnds: readonly string[]
}

export const explore = async (plan: Exploration): Promise<Explored> => {
  const walk = new Walk(plan)
  const { stackTraceLimit } = Error
  // A refusal is an ordinary thing here, and its stack is read by nobody.
  Error.stackTraceLimit = 0
  await walk.run().finally(() => {
    Error.stackTraceLimit = stackTraceLimit
  })
  return walk.result()
}

/**
 * What can happen does not depend on the mishaps that are left, only what may: each world is made to move once, and the walk goes over
 * the numbers of worlds. A layer holds what is reached with so many crashes and conflicts left; a mishap leads to a lower one.
 */
class Walk {
  readonly #plan: Exploration
  readonly #expansion: Expansion
  readonly #layers: readonly Set<number>[]
  #moves = 0
  #isWhole = false

  constructor(plan: Exploration) {
    this.#plan = plan
    this.#expansion = new Expansion(plan)
    const count = (plan.crashes + 1) * (plan.conflicts + 1)
    this.#layers = Array.from({ length: count }, () => new Set<number>())
  }

  async run(): Promise<void> {
    const { crashes, conflicts } = this.#plan
    this.#layer(crashes, conflicts).add(this.#expansion.start())
    for (let left = crashes; left >= 0; left--)
      for (let right = conflicts; right >= 0; right--) if (!(await this.#walkLayer(left, right))) return
    this.#isWhole = true
  }

  result(): Explored {
    const { violations, worlds } = this.#expansion
    const deadEnds = this.#isWhole ? this.#expansion.findDeadEnds() : []
    return { states: this.#states, moves: this.#moves, worlds, isWhole: this.#isWhole, violations, deadEnds }
  }

  get #states(): number {
    return this.#layers.reduce((sum, layer) => sum + layer.size, 0)
  }

  #layer(crashes: number, conflicts: number): Set<number> {
    return this.#layers[crashes * (this.#plan.conflicts + 1) + conflicts] as Set<number>
  }

  /** A set gives out what is added to it on the way: breadth first. */
  async #walkLayer(crashes: number, conflicts: number): Promise<boolean> {
    const layer = this.#layer(crashes, conflicts)
    for (const world of layer) {
      await this.#expansion.expand(world, { crash: crashes > 0, conflict: conflicts > 0 })
      const moves = this.#expansion.movesOf(world)
      this.#go(moves.own, layer)
      this.#go(moves.edit, layer)
      if (crashes > 0) this.#go(moves.crash, this.#layer(crashes - 1, conflicts))
      if (conflicts > 0) this.#go(moves.conflict, this.#layer(crashes, conflicts - 1))
      if (this.#expansion.violations.length > 0 || this.#states > this.#plan.mostStates) return false
    }
    return true
  }

  #go(to: Moves[keyof Moves], layer: Set<number>): void {
    for (const world of to ?? []) layer.add(world)
    this.#moves += to?.length ?? 0
  }
}
