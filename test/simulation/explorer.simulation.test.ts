// Two Models, one Runtime: every state that can be reached, and what must hold in each.
import { expect, it } from 'vitest'
import { edits, keys } from './explored-edits.ts'
import { explore } from './explorer.ts'

const nothing = { isWhole: true, violations: [], deadEnds: [] }
const mostStates = 2_000_000

it('has no dead end from nothing to serving, with one crash and one conflict anywhere', {
  timeout: 900_000,
}, async () => {
  const [first] = edits
  const plan = { keys, edits: first ? [first] : [], crashes: 1, conflicts: 1, mostStates }
  const { states, moves, ...found } = await explore(plan)
  console.log(`one crash, one conflict: ${states} states, ${moves} moves`)
  expect(found).toEqual(nothing)
})

it('has no dead end while people want one model, another, something bad, and that no more, at any time', {
  timeout: 900_000,
}, async () => {
  const { states, moves, ...found } = await explore({ keys, edits, crashes: 0, conflicts: 0, mostStates })
  console.log(`four edits: ${states} states, ${moves} moves`)
  expect(found).toEqual(nothing)
})
