// What a reflector mirrors, how it behaves, and what it tells.
import type { Log } from '../../../telemetry/log.ts'
import type { Selection } from './client-options.ts'
import type { KernelObject } from './objects.ts'
import type { ReflectorRecorder } from './recorders.ts'
import type { ReflectorClock } from './reflector-clock.ts'
import type { Resource } from './resources.ts'
import type { Revival } from './revival.ts'
import type { IndexFunction, StoreEvent } from './store.ts'

export interface ReflectorSource<T extends KernelObject> extends Selection {
  readonly resource: Resource
  /** drops what nobody reads, before anything is kept */
  readonly transform: (object: T) => T
  readonly indexes?: Readonly<Record<string, IndexFunction<T>>>
}

export interface ReflectorOptions {
  readonly log?: Log
  readonly clock?: ReflectorClock
  /** asked once, by resource and selector */
  readonly recorderFor?: (selection: string) => ReflectorRecorder
  readonly random?: () => number
  readonly backoff?: { readonly firstMs: number; readonly longestMs: number; readonly healthyAfterMs: number }
  /** shared by all of a process: one that is answered again after none was tells the others */
  readonly revival?: Revival
  /** without a byte; longer than the longest watch, whose end is a sign of life */
  readonly idleMs?: number
  /** the longest watch; all watches of a process end together once in so many seconds */
  readonly watchSeconds?: number
  readonly pageSize?: number
  /** for tests: a change of a kept object throws */
  readonly isFrozen?: boolean
}

export interface ReflectorEvent<T> extends StoreEvent<T> {
  /** of the first fill, or told to a listener that came later */
  readonly isInitial: boolean
}
export type ReflectorListener<T> = (event: ReflectorEvent<T>) => void
