// Watch → queue → workers: who is looked at when, and in what order things start and stop.
import type { Key } from '../domain/object.ts'
import { createBackoff } from './backoff.ts'
import { heedPods } from './observe-runtime.ts'
import { beginPass, type PassRecorder, tellFailure } from './pass.ts'
import type { Pause } from './pause.ts'
import { createQueue, startupPriority } from './queue.ts'
import { type Reconciler, reconcile, renewProof } from './reconcile.ts'
import { relatedKeys } from './relations.ts'
import { createRests } from './rests.ts'

export interface LoopOptions extends PassRecorder {
  readonly random: () => number
  readonly workers: number
  /** asked after each look; absent where time is turned by hand */
  readonly pause?: Pause
}

export interface Loop {
  /** Looks at the key soon. */
  wake(key: Key): void
  /** Begins to hand out keys; resolves when stopped and every running pass has ended. */
  run(): Promise<void>
  stop(): void
}

export const createLoop = (options: LoopOptions, make: (wake: (key: Key) => void) => Reconciler): Loop => {
  const { clock, random, metrics, workers } = options
  const queue = createQueue<Key>(clock, metrics.queue)
  const backoff = createBackoff(random, () => clock.now().getTime())
  const rests = createRests()
  const add = (key: Key, priority?: number): void => {
    rests.disturb(key)
    queue.add(key, priority === undefined ? {} : { priority })
  }
  const wake = (key: Key): void => add(key)
  const reconciler = make(wake)
  const { platform } = reconciler.actor.models

  const onChange = (key: Key, isStartup: boolean): void => {
    add(key, isStartup ? startupPriority : undefined)
    // At the start every object wakes itself.
    if (isStartup) return
    for (const other of relatedKeys(platform.store, key)) add(other)
  }
  platform.store.watch(onChange)
  platform.work.watch((key, isStartup) => add(key, isStartup ? startupPriority : undefined))
  platform.servings.watch((key, isStartup) => {
    if (!isStartup) heedPods(reconciler.actor.runtimes, key)
    onChange(key, isStartup)
  })

  const look = async (key: Key): Promise<void> => {
    const ended = beginPass(options, key)
    try {
      const rest = rests.begin(key)
      const renewed = rest.recipe && (await renewProof(reconciler, key, rest.recipe))
      const { again, leeway, proves, isRefused } = renewed ?? (await reconcile(reconciler, key))
      if (proves) rest.goesOn(proves)
      backoff.forget(key)
      if (again !== undefined) queue.again(key, again, leeway)
      ended(isRefused ? 'terminal' : again === undefined ? 'success' : 'requeue_after')
    } catch (error) {
      const delayMs = backoff.next(key)
      metrics.queue.retried()
      queue.again(key, delayMs)
      ended(tellFailure(options, error, { key, delayMs }))
    }
  }

  const work = async (): Promise<void> => {
    for (let key = await queue.take(); key !== undefined; key = await queue.take()) {
      await look(key).finally(() => queue.done(key))
      await options.pause?.()
    }
  }

  return {
    wake,
    run: async () => void (await Promise.all(Array.from({ length: workers }, work))),
    stop: () => queue.close(),
  }
}
