// A short name for each state of the explored world. Two states are one when nothing but times, words, figures and given names tells
// them apart.
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

/** A text without the numbers of its pods, and those. */
interface Worded {
  /** of the text among all that were met */
  readonly word: number
  readonly pods: readonly number[]
}

export class StateNames {
  readonly #words = new Map<string, number>()
  /** by text: names and plans come again and again */
  readonly #texts = new Map<string, Worded>()
  /** Values are never changed: most states share most of them. */
  readonly #values = new WeakMap<object, Worded>()

  /** Pods count in the order in which they were made. */
  of({ tables, deeds, proofs }: Snapshot): string {
    const all: Worded[] = []
    for (const [i, table] of tables.entries())
      for (const [name, value] of [...table].sort(byName))
        all.push(this.#ofText(`${i} ${name}`), this.#ofValue(value as object))
    for (const text of deeds.map(deed => JSON.stringify(deed)).sort()) all.push(this.#ofText(text))
    for (const [, { pod, proof }] of proofs)
      all.push(this.#ofText(`${pod} ${proof.recipe} ${proof.isProved}`))
    const numbers = [...new Set(all.flatMap(({ pods }) => pods))].sort((a, b) => a - b)
    let name = ''
    for (const { word, pods } of all) {
      name += `${word.toString(36)} `
      for (const pod of pods) name += `#${numbers.indexOf(pod)} `
    }
    return name
  }

  #ofText(text: string): Worded {
    const known = this.#texts.get(text) ?? this.#toWord(text)
    this.#texts.set(text, known)
    return known
  }

  #ofValue(value: object): Worded {
    const known = this.#values.get(value) ?? this.#toWord(JSON.stringify(inShort(value), withoutIgnored))
    this.#values.set(value, known)
    return known
  }

  #toWord(text: string): Worded {
    const pods = [...text.matchAll(/gpu-(\d+)/g)].map(([, number]) => Number(number))
    const plain = text.replace(/gpu-\d+/g, 'gpu-').replace(/work-\d+/g, 'work')
    const word = this.#words.get(plain) ?? this.#words.size
    this.#words.set(plain, word)
    return { word, pods }
  }
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1)
