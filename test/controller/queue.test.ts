// The queue on a clock turned by hand: order, dedup, delays, and two promises under any sequence of calls.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createQueue, type Queue, startupPriority } from '../../src/controller/queue.ts'
import type { Clock } from '../../src/domain/platform.ts'
import { createMetrics } from '../../src/telemetry/metrics.ts'

class HandClock implements Clock {
  ms = 0
  readonly #timers = new Map<number, { at: number; call: () => void }>()
  #next = 0

  get timers(): number {
    return this.#timers.size
  }
  now(): Date {
    return new Date(this.ms)
  }
  after(ms: number, call: () => void): () => void {
    const id = this.#next++
    this.#timers.set(id, { at: this.ms + ms, call })
    return () => this.#timers.delete(id)
  }
  turn(ms: number): void {
    const end = this.ms + ms
    for (let due = this.#due(end); due; due = this.#due(end)) {
      const [id, timer] = due
      this.ms = Math.max(this.ms, timer.at)
      this.#timers.delete(id)
      timer.call()
    }
    this.ms = end
  }
  #due(end: number) {
    return [...this.#timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at)[0]
  }
}

/** A worker that never waits: takes at once whatever is handed out. */
const listenTo = (queue: Queue<string>) => {
  const handed: string[] = []
  const ask = async (): Promise<void> => {
    const key = await queue.take()
    if (key !== undefined) handed.push(key)
  }
  return { handed, ask }
}
const settled = () => new Promise<void>(resolve => setImmediate(resolve))

const open = () => {
  const clock = new HandClock()
  const queue = createQueue<string>(clock)
  const takeNow = async (): Promise<string | undefined> => {
    const { handed, ask } = listenTo(queue)
    void ask()
    await settled()
    return handed[0]
  }
  return { clock, queue, takeNow }
}

describe('A key', () => {
  it('added many times sits once', async () => {
    const { queue, takeNow } = open()
    for (let n = 0; n < 5; n++) queue.add('a')
    expect(queue.size).toBe(1)
    expect(await takeNow()).toBe('a')
    expect(await takeNow()).toBeUndefined()
  })

  it('in hand is not handed out again before it is done, and then once for all that was added meanwhile', async () => {
    const { queue, takeNow } = open()
    queue.add('a')
    await takeNow()
    queue.add('a')
    queue.add('a')
    const { handed, ask } = listenTo(queue)
    void ask()
    await settled()
    expect(handed).toEqual([])
    queue.done('a')
    await settled()
    expect(handed).toEqual(['a'])
    expect(queue.size).toBe(0)
  })

  it('with a delay waits for it; an earlier wish wins', async () => {
    const { clock, queue } = open()
    const { handed, ask } = listenTo(queue)
    void ask()
    queue.add('a', { delayMs: 1000 })
    queue.add('a', { delayMs: 300 })
    queue.add('a', { delayMs: 900 })
    clock.turn(299)
    await settled()
    expect(handed).toEqual([])
    clock.turn(1)
    await settled()
    expect(handed).toEqual(['a'])
  })

  it('of the start waits behind an edit; the higher priority wins', async () => {
    const { queue, takeNow } = open()
    for (const key of ['s1', 's2', 's3']) queue.add(key, { priority: startupPriority })
    queue.add('edit')
    queue.add('s3')
    queue.add('s3', { priority: startupPriority })
    expect([await takeNow(), await takeNow(), await takeNow(), await takeNow()]).toEqual([
      'edit',
      's3',
      's1',
      's2',
    ])
  })

  it('that is raised goes to the end of its new class, and is not put off by a delay', async () => {
    const { clock, queue, takeNow } = open()
    queue.add('raised', { priority: startupPriority })
    clock.turn(10)
    queue.add('first')
    clock.turn(10)
    queue.add('raised', { delayMs: 5_000 })
    expect([await takeNow(), await takeNow()]).toEqual(['first', 'raised'])
  })

  it('that was delayed counts from when it became ready', async () => {
    const { clock, queue, takeNow } = open()
    queue.add('delayed', { delayMs: 100 })
    clock.turn(50)
    queue.add('early')
    clock.turn(100)
    queue.add('late')
    expect([await takeNow(), await takeNow(), await takeNow()]).toEqual(['early', 'delayed', 'late'])
  })
})

describe('A key in hand', () => {
  it('asked for once more keeps its priority, also while an edit waits', async () => {
    const { clock, queue, takeNow } = open()
    queue.add('start', { priority: startupPriority })
    expect(await takeNow()).toBe('start')
    queue.again('start', 100)
    queue.done('start')
    clock.turn(100)
    queue.add('edit')
    expect([await takeNow(), await takeNow()]).toEqual(['edit', 'start'])
  })

  it('with a leeway is asked for once more together with others, sooner by less than that and never later', async () => {
    const { clock, queue } = open()
    const { handed, ask } = listenTo(queue)
    const delays = { a: 10_050, b: 10_900, c: 11_999, d: 12_001 }
    for (const [key, delay] of Object.entries(delays)) queue.again(key, delay, 2_000)
    for (const _ of handed.concat(Object.keys(delays))) void ask()
    const at = async (ms: number): Promise<string[]> => {
      clock.turn(ms - clock.ms)
      await settled()
      return handed
    }
    expect(await at(9_999)).toEqual([])
    expect(await at(10_000)).toEqual(['a', 'b', 'c'])
    expect(await at(11_999)).toEqual(['a', 'b', 'c'])
    expect(await at(12_000)).toEqual(['a', 'b', 'c', 'd'])
  })

  it('with a leeway that is no shorter than its time comes at its time', async () => {
    const { clock, queue, takeNow } = open()
    clock.turn(1_900)
    queue.again('a', 500, 2_000)
    const { handed, ask } = listenTo(queue)
    void ask()
    clock.turn(499)
    await settled()
    expect(handed).toEqual([])
    clock.turn(1)
    await settled()
    expect(handed).toEqual(['a'])
    queue.add('b')
    expect(await takeNow()).toBe('b')
  })

  it('asked for once more and edited meanwhile comes with the priority of the edit', async () => {
    const { clock, queue, takeNow } = open()
    queue.add('a', { priority: startupPriority })
    queue.add('b', { priority: startupPriority })
    expect(await takeNow()).toBe('a')
    queue.add('a')
    queue.again('a', 5_000)
    queue.done('a')
    clock.turn(1)
    expect([await takeNow(), await takeNow()]).toEqual(['a', 'b'])
  })
})

describe('A closed queue', () => {
  it('lets its takers go, hands out nothing and keeps no timer', async () => {
    const { clock, queue } = open()
    queue.add('later', { delayMs: 10 })
    const waiting = queue.take()
    queue.close()
    expect(await waiting).toBeUndefined()
    queue.add('a')
    expect(await queue.take()).toBeUndefined()
    queue.done('a')
    clock.turn(100)
    expect(clock.timers).toBe(0)
  })
})

type Step =
  | { readonly do: 'add'; readonly key: string; readonly delayMs: number; readonly priority: number }
  | { readonly do: 'take' }
  | { readonly do: 'done'; readonly which: number }
  | { readonly do: 'turn'; readonly ms: number }

/** Plays steps and keeps book: who is in hand, and which adds were not yet followed by a look. */
class Player {
  readonly clock = new HandClock()
  readonly queue = createQueue<string>(this.clock)
  readonly inHand: string[] = []
  readonly owed = new Set<string>()
  readonly doubles: string[] = []

  async play(step: Step): Promise<void> {
    if (step.do === 'add') this.#add(step)
    else if (step.do === 'take') void this.take()
    else if (step.do === 'done') this.finish(step.which)
    else this.clock.turn(step.ms)
    await settled()
  }

  async take(): Promise<void> {
    const key = await this.queue.take()
    if (key === undefined) return
    if (this.inHand.includes(key)) this.doubles.push(key)
    this.inHand.push(key)
    this.owed.delete(key)
  }

  finish(which: number): void {
    const [key] = this.inHand.splice(which % Math.max(1, this.inHand.length), 1)
    if (key) this.queue.done(key)
  }

  async drain(): Promise<void> {
    for (let n = 0; n < 12; n++) {
      while (this.inHand.length > 0) this.finish(0)
      this.clock.turn(100)
      void this.take()
      await settled()
    }
  }

  #add({ key, delayMs, priority }: Extract<Step, { do: 'add' }>): void {
    this.owed.add(key)
    this.queue.add(key, { delayMs, priority })
  }
}

describe('Whatever is added, taken and done', () => {
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({
      do: fc.constant('add' as const),
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      delayMs: fc.integer({ min: 0, max: 50 }),
      priority: fc.constantFrom(startupPriority, 0, 10),
    }),
    fc.record({ do: fc.constant('take' as const) }),
    fc.record({ do: fc.constant('done' as const), which: fc.nat(4) }),
    fc.record({ do: fc.constant('turn' as const), ms: fc.integer({ min: 1, max: 60 }) }),
  )

  it('no key is in two hands at once, and every add is followed by a look that began after it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 80, size: 'max' }), async steps => {
        const player = new Player()
        for (const each of steps) await player.play(each)
        await player.drain()
        player.queue.close()
        expect(player.doubles).toEqual([])
        expect([...player.owed]).toEqual([])
      }),
      { numRuns: 150 },
    )
  })
})

describe('The figures of a queue', () => {
  it('are there from the start, and follow it', async () => {
    const clock = new HandClock()
    const metrics = createMetrics()
    const labels = 'name="switchyard",controller="switchyard"'
    expect(await metrics.registry.metrics()).toContain(`workqueue_adds_total{${labels}} 0`)
    const queue = createQueue<string>(clock, metrics.queue)
    queue.add('a', { priority: startupPriority })
    queue.add('b')
    queue.add('c')
    await queue.take()
    clock.turn(2_000)
    const text = await metrics.registry.metrics()
    expect(text).toContain(`workqueue_adds_total{${labels}} 3`)
    expect(text).toContain(`workqueue_depth{${labels},priority="0"} 1`)
    expect(text).toContain(`workqueue_depth{${labels},priority="-100"} 1`)
    expect(text).toContain(`workqueue_unfinished_work_seconds{${labels}} 2`)
    expect(text).toContain(`workqueue_longest_running_processor_seconds{${labels}} 2`)
    queue.done('b')
    expect(await metrics.registry.metrics()).toContain(`workqueue_work_duration_seconds_sum{${labels}} 2`)
  })
})
