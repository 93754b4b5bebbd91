// `describe` and `it` of the domain's tests, as a list that can be run again and again in one process; `expect` is vitest's own.
import { format } from 'node:util'

export { expect } from 'vitest'

interface Test {
  readonly name: string
  readonly run: () => unknown
}

type Body = (...row: readonly never[]) => unknown

let collected: Test[] = []
let path: readonly string[] = []

const inside = (name: string, body: () => unknown) => {
  const before = path
  path = [...path, name]
  body()
  path = before
}

/** Rows may bear the same name; a number tells them apart. */
const add = (title: string, run: () => unknown) => {
  const name = [...path, title].join(' > ')
  const twins = collected.filter(test => test.name === name || test.name.startsWith(`${name} #`)).length
  collected.push({ name: twins ? `${name} #${twins + 1}` : name, run })
}

const withRows = (one: (title: string, body: () => unknown) => void) => {
  const each = (rows: readonly unknown[]) => (title: string, body: Body) => {
    for (const row of rows) {
      const cells: readonly unknown[] = Array.isArray(row) ? row : [row]
      one(format(title, ...cells), () => body(...(cells as readonly never[])))
    }
  }
  return Object.assign(one, { each })
}

export const describe = withRows(inside)
export const it = withRows(add)

/** The tests that a file registers while it is imported. */
export const collect = async (load: () => Promise<unknown>): Promise<readonly Test[]> => {
  collected = []
  await load()
  return collected
}
