// The queue beside a model that searches through everything: whatever is added, taken, asked for again and done, both hand out the same keys in the same order.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createQueue, normalPriority, startupPriority } from '../../src/controller/queue.ts'
import { HandClock } from '../../src/platform/memory/hand-clock.ts'

type Step =
  | { readonly do: 'add'; readonly key: string; readonly delayMs: number; readonly priority: number }
  | { readonly do: 'again'; readonly which: number; readonly delayMs: number }
  | { readonly do: 'take' }
  | { readonly do: 'done'; readonly which: number }
  | { readonly do: 'turn'; readonly ms: number }

interface Waiting {
  readonly key: string
  readonly priority: number
  readonly readyAt: number
  readonly order: number
}

/** The rules of the queue as they are written down, and nothing clever. */
class Model {
  now = 0
  takers = 0
  order = 0
  readonly handed: string[] = []
  readonly held = new Map<string, number>()
  waiting: Waiting[] = []

  add(key: string, wish: { readonly delayMs: number; readonly priority: number }): void {
    const old = this.waiting.find(one => one.key === key)
    const readyAt = Math.min(this.now + wish.delayMs, old?.readyAt ?? Number.POSITIVE_INFINITY)
    this.waiting = this.waiting.filter(one => one.key !== key)
    if (!old) this.waiting.push({ key, priority: wish.priority, readyAt, order: this.order++ })
    else if (wish.priority <= old.priority) this.waiting.push({ ...old, readyAt })
    else {
      const fromNow = Math.max(this.now, readyAt)
      this.waiting.push({ key, priority: wish.priority, readyAt: fromNow, order: this.order++ })
    }
    this.hand()
  }

  hand(): void {
    const free = () => this.waiting.filter(one => one.readyAt <= this.now && !this.held.has(one.key))
    for (let ready = free(); this.takers > 0 && ready.length > 0; ready = free()) {
      const [best] = ready.sort(
        (a, b) => b.priority - a.priority || a.readyAt - b.readyAt || a.order - b.order,
      )
      if (!best) return
      this.takers--
      this.waiting = this.waiting.filter(one => one !== best)
      this.held.set(best.key, best.priority)
      this.handed.push(best.key)
    }
  }
}

/** Does each step to both. */
class Pair {
  readonly model = new Model()
  readonly handed: string[] = []
  readonly #clock = new HandClock()
  readonly #queue = createQueue<string>(this.#clock)

  async play(step: Step): Promise<void> {
    if (step.do === 'add') this.#add(step)
    else if (step.do === 'take') this.#take()
    else if (step.do === 'turn') for (let n = 0; n < step.ms; n++) await this.#turn()
    else if (step.do === 'again') this.#again(step)
    else this.#done(step.which)
    await this.#clock.run(0)
  }

  #add(step: Extract<Step, { do: 'add' }>): void {
    this.#queue.add(step.key, step)
    this.model.add(step.key, step)
  }

  #again({ which, delayMs }: Extract<Step, { do: 'again' }>): void {
    const key = this.#held(which)
    if (key === undefined) return
    this.#queue.again(key, delayMs)
    this.model.add(key, { delayMs, priority: this.model.held.get(key) ?? normalPriority })
  }

  #take(): void {
    void this.#queue.take().then(key => key !== undefined && this.handed.push(key))
    this.model.takers++
    this.model.hand()
  }

  #done(which: number): void {
    const key = this.#held(which)
    if (key === undefined) return
    this.#queue.done(key)
    this.model.held.delete(key)
    this.model.hand()
  }

  async #turn(): Promise<void> {
    await this.#clock.run(1)
    this.model.now++
    this.model.hand()
  }

  #held(which: number): string | undefined {
    const keys = [...this.model.held.keys()]
    return keys[which % Math.max(1, keys.length)]
  }
}

describe('The queue and its model', () => {
  const delayMs = fc.integer({ min: 0, max: 12 })
  const key = fc.constantFrom('a', 'b', 'c', 'd', 'e')
  const priority = fc.constantFrom(startupPriority, normalPriority, 10)
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 8, arbitrary: fc.record({ do: fc.constant('add' as const), key, delayMs, priority }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('again' as const), which: fc.nat(4), delayMs }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('take' as const) }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('done' as const), which: fc.nat(4) }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('turn' as const), ms: fc.integer({ min: 1, max: 8 }) }),
    },
  )

  it('hand out the same keys in the same order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60, size: 'max' }), async steps => {
        const pair = new Pair()
        for (const each of steps) await pair.play(each)
        expect(pair.handed).toEqual(pair.model.handed)
      }),
      { numRuns: 200 },
    )
  })
})
