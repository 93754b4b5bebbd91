// Two Models, one Runtime: every state that can be reached, and what must hold in each.
import { expect, it } from 'vitest'
import { edits, keys } from './explored-edits.ts'
import { type Exploration, explore } from './explorer.ts'

const nothing = { isWhole: true, violations: [], deadEnds: [] }
const mostStates = 10_000_000

interface Walk extends Pick<Exploration, 'edits' | 'crashes' | 'conflicts'> {
  readonly name: string
}

const walks: readonly Walk[] = [
  {
    name: 'from nothing to serving, with one crash and one conflict anywhere',
    edits: edits.slice(0, 1),
    crashes: 1,
    conflicts: 1,
  },
  {
    name: 'while people want one model, another, something bad, and that no more, at any time',
    edits,
    crashes: 0,
    conflicts: 0,
  },
]

/** Too long for every run: see docs/testing.md. */
const longWalk: Walk = {
  name: 'while people want all that, with one crash and one conflict anywhere',
  edits,
  crashes: 1,
  conflicts: 1,
}
const isAsked = process.env['SWITCHYARD_EXPLORE'] === 'all'

it.each(isAsked ? [longWalk] : walks)('has no dead end $name', { timeout: 7_200_000 }, async walk => {
  const startedAt = performance.now()
  const { states, moves, worlds, ...found } = await explore({ keys, mostStates, ...walk })
  const seconds = Math.round((performance.now() - startedAt) / 1000)
  console.log(`${walk.name}: ${states} states of ${worlds} worlds, ${moves} moves, ${seconds} s`)
  expect(found).toEqual(nothing)
})
