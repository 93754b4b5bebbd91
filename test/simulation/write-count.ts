// Counts what a controller wrote. A status in which nothing but figures and words moved is progress, and counted apart.
import type { Model, Runtime } from '../../src/domain/object.ts'
import type { World } from '../../src/platform/memory/memory-world.ts'

export interface WriteCount {
  /** writes that a program or a person could act on */
  readonly steps: string[]
  readonly progress: string[]
}

type Members = Readonly<Record<string, unknown>>

/** Percent, bytes, words and their times, wherever they stand in a status. */
const moving: ReadonlySet<string> = new Set([
  'message',
  'progress',
  'display',
  'storage',
  'bytesDone',
  'percent',
  'progressMark',
  'lastProgressAt',
])

const essence = (status: object): string =>
  JSON.stringify(status, (name, value: unknown) => (moving.has(name) ? undefined : value))

const captionOf = ({ status }: Model | Runtime): string =>
  'switch' in status && status.switch ? `${status.phase} ${status.switch.step}` : `${status.phase}`

/** Other writes than those of a status are noted by whoever sees them sent. */
export const countWrites = (world: World): WriteCount => {
  const count: WriteCount = { steps: [], progress: [] }
  const known = new Map<string, { readonly status: Members; readonly essence: string }>()
  const note = (object: Model | Runtime | undefined): void => {
    if (!object) return
    const { uid, name } = object.metadata
    const before = known.get(uid)
    if (before?.status === object.status) return
    const now = { status: object.status as Members, essence: essence(object.status) }
    known.set(uid, now)
    const list = before && before.essence === now.essence ? count.progress : count.steps
    list.push(`status of ${object.kind} ${name}: ${captionOf(object)}`)
  }
  world.models.subscribe(({ name }) => note(world.models.get(name)))
  world.runtimes.subscribe(({ name }) => note(world.runtimes.get(name)))
  return count
}
