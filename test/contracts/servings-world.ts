// What the contract of the Servings part asks of a platform, and how it looks at a serving there.
import { expect } from 'vitest'
import type { Launch } from '../../src/domain/engine.ts'
import { Transient } from '../../src/domain/failure.ts'
import type { Runtime } from '../../src/domain/object.ts'
import type { Servings, ServingView } from '../../src/domain/platform.ts'
import { type Pass, seen } from './eventually.ts'

export interface RuntimeWish {
  readonly engine?: 'VLLM' | 'Ollama'
  /** ours, with a Service of its name; else the Deployment of its name is adopted */
  readonly isMade?: boolean
  readonly claim?: string
}

export interface MadeWorld {
  readonly namespace: string
  readonly pass: Pass
  readonly servings: Servings
  /** every key that was woken so far */
  readonly keys: readonly string[]
  /** a launch whose engine becomes ready, or ends with the line `CUDA out of memory` */
  launch(hash: string, part?: 'dies'): Launch
  claim(name: string): Promise<unknown>
  runtime(name: string, wish?: RuntimeWish): Promise<Runtime>
  /** what stands on the Deployment: the same when nothing was written to it */
  written(name: string): Promise<string>
  /** clients reach a pod through this Service; absent where they come straight to the engine */
  isReached?(service: string): Promise<boolean>
  /** where clients come to a made one; absent: its Service */
  endpointOf?(name: string): string
}

/** Where engines of somebody else can be adopted too. */
export interface ServingsWorld extends MadeWorld {
  /** a Deployment of somebody else, with rolling updates */
  deploy(name: string, replicas?: number): Promise<unknown>
}

/** As the loop does: a write of others makes a view stale, and the next look has the new one. */
export const patiently = (pass: Pass, write: () => Promise<void>): Promise<true> =>
  seen(pass, 'a write on a fresh view', () =>
    write().then(
      () => true as const,
      error => {
        if (error instanceof Transient) return false
        throw error
      },
    ),
  )

export const looksAt = (open: () => MadeWorld) => {
  const view = (runtime: Runtime): ServingView => open().servings.observe(runtime)
  const until = (runtime: Runtime, what: string, holds: (now: ServingView) => unknown) =>
    seen(open().pass, `${runtime.metadata.name}: ${what}`, () => {
      const now = view(runtime)
      return holds(now) ? now : undefined
    })
  /** exactly one pod, ready, with that recipe; undefined = as found */
  const serves = (runtime: Runtime, recipe?: string) =>
    until(runtime, `serves ${recipe ?? 'as found'}`, now => {
      const [pod, ...others] = now.pods
      return now.recipe === recipe && pod?.isReady && pod.recipe === recipe && others.length === 0
    })
  const write = (act: (to: Servings) => Promise<void>) => patiently(open().pass, () => act(open().servings))
  const podOf = (now: ServingView) => now.pods[0]?.uid
  /** does it, and then again: that writes nothing */
  const twice = async (
    runtime: Runtime,
    act: (to: Servings) => Promise<void>,
    done: () => Promise<unknown>,
  ) => {
    await write(act)
    await done()
    const { name } = runtime.metadata
    const before = await open().written(name)
    await write(act)
    expect(await open().written(name)).toBe(before)
  }
  return { view, until, serves, write, podOf, twice }
}
