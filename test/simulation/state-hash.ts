// Two states are one when nothing but times, words, figures and given names tells them apart.
import { createHash } from 'node:crypto'
import type { Deployment } from '../../src/platform/memory/memory-world.ts'
import type { Snapshot } from './explored-world.ts'

const ignored: ReadonlySet<string> = new Set([
  ...[
    'message',
    'display',
    'log',
    'operations',
    'order',
    'id',
    'resourceVersion',
    'serving',
    'creationTimestamp',
  ],
  ...['at', 'createdAt', 'readyAt', 'startedAt', 'endedAt', 'finishedAt', 'retryAt', 'progressAt', 'since'],
  ...['stepSince', 'lastProgressAt', 'downSince', 'lastTransitionTime', 'expectedSeconds'],
  ...['downtimeMilliseconds', 'durationSeconds', 'deletionTimestamp'],
  // computed from the rest
  ...['conditions', 'storage', 'progress', 'inUseBy', 'bytesDone', 'percent', 'lastHandled'],
])

const withoutIgnored = (name: string, value: unknown): unknown => (ignored.has(name) ? undefined : value)

/** How often a Deployment was changed does not matter, only whether its controller has seen the last change. */
const inShort = (value: unknown): unknown => {
  const { generation, observedGeneration, ...kept } = value as Deployment
  return 'strategy' in kept ? { ...kept, isSeen: generation === observedGeneration } : value
}

/** Pods in the order in which they were made. */
const renamePods = (text: string): string => {
  const numbers = [...new Set([...text.matchAll(/gpu-(\d+)/g)].map(([, number]) => Number(number)))]
  const order = new Map(numbers.sort((a, b) => a - b).map((number, i) => [number, i]))
  return text
    .replace(/gpu-(\d+)/g, (_, number) => `gpu#${order.get(Number(number))}`)
    .replace(/work-\d+/g, 'work')
}

/** Values are never changed: most states share most of them. */
const known = new WeakMap<object, string>()

const textOfValue = (value: object): string => {
  const text = known.get(value) ?? JSON.stringify(inShort(value), withoutIgnored)
  known.set(value, text)
  return text
}

const textOf = ({ tables, deeds, proofs }: Snapshot): string => {
  const rows = tables.map(table =>
    [...table].sort(byName).map(([name, value]) => `${name} ${textOfValue(value as object)}`),
  )
  const told = [...proofs].map(([, { pod, proof }]) => `${pod} ${proof.recipe} ${proof.isProved}`)
  return [...rows.flat(), ...deeds.map(deed => JSON.stringify(deed)).sort(), ...told].join('\n')
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1)

export const hashOf = (snapshot: Snapshot, budget: readonly number[]): string =>
  createHash('sha1')
    .update(renamePods(textOf(snapshot)))
    .update(budget.join())
    .digest('base64url')
