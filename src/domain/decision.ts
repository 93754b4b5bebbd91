// The closed list of actions a rule may ask for, and what a rule says when it speaks.
import type { Reason } from './conditions.ts'
import type { Launch, Recipe } from './engine.ts'
import type { ModelStatus } from './model.ts'
import type { MirrorSecret, VolumeView, WorkIdentity } from './platform.ts'
import type { RuntimeStatus } from './runtime.ts'
import type { WorkerTask } from './worker-task.ts'

export const modelPhases = [
  'Deleting',
  'Paused',
  'Rejected',
  'Cancelled',
  'Resolving',
  'Failed',
  'Blocked',
  'Waiting',
  'Queued',
  'Downloading',
  'Verifying',
  'Ready',
] as const
export type ModelPhase = (typeof modelPhases)[number]

export const runtimePhases = [
  'Deleting',
  'RollingBack',
  'Switching',
  'Paused',
  'Rejected',
  'Waiting',
  'Observing',
  'Idle',
  'RolledBack',
  'Failed',
  'WaitingForModel',
  'SwitchDue',
  'Degraded',
  'Active',
] as const
export type RuntimePhase = (typeof runtimePhases)[number]

export interface StartWork {
  readonly do: 'startWork'
  readonly identity: WorkIdentity
  readonly task: WorkerTask
  readonly volume?: VolumeView
  readonly tokenSecret?: { readonly name: string; readonly key: string }
  readonly mirrorSecrets?: readonly MirrorSecret[]
}

export type ModelAction =
  | StartWork
  | { readonly do: 'cancelWork'; readonly id: string }
  | { readonly do: 'forgetWork'; readonly id: string }
  | { readonly do: 'releaseFinalizer' }
  /** nothing is begun: all places are taken, and it wants to be looked at when one is free */
  | { readonly do: 'standInLine' }

export type RuntimeAction =
  | { readonly do: 'prepare' }
  | { readonly do: 'apply'; readonly launch: Launch }
  | { readonly do: 'revert'; readonly hash: string }
  | { readonly do: 'scale'; readonly replicas: 0 | 1 }
  | { readonly do: 'setInService'; readonly pod: string; readonly isInService: boolean }
  | { readonly do: 'prove'; readonly recipe: Recipe }
  /** behind a key: whether the engine takes the one that is named */
  | { readonly do: 'checkKey' }
  | { readonly do: 'load'; readonly recipe: Recipe }
  | { readonly do: 'unload'; readonly keep?: Recipe }
  | { readonly do: 'commit'; readonly recipe: Recipe }
  | { readonly do: 'restore' }
  | { readonly do: 'release' }
  | { readonly do: 'releaseFinalizer' }

/** What a rule says. `again` = look again after that many milliseconds even when nothing changes. */
interface Said<Phase, Action, Change> {
  readonly phase: Phase
  readonly reason: Reason
  readonly message: string
  readonly actions: readonly Action[]
  readonly again?: number
  /** so many milliseconds before that it may be too, together with others */
  readonly leeway?: number
  /** a person must act: Stalled */
  readonly isStalled?: boolean
  /** fields of status that this decision sets; `undefined` removes */
  readonly change?: Change
  /** the facts are not complete yet (first proof pending): write no status in this pass */
  readonly hold?: boolean
}

type Changed<T> = { readonly [K in keyof T]?: T[K] | undefined }

export type ModelDecision = Said<ModelPhase, ModelAction, Changed<ModelStatus>>
export type RuntimeDecision = Said<RuntimePhase, RuntimeAction, Changed<RuntimeStatus>>

/** A rule speaks or stays silent; the first that speaks decides. */
export type Rule<Facts, Decision> = readonly [phase: string, speak: (facts: Facts) => Decision | undefined]

export const decideBy = <Facts, Decision>(
  rules: readonly Rule<Facts, Decision>[],
  facts: Facts,
): Decision => {
  for (const [, speak] of rules) {
    const decision = speak(facts)
    if (decision) return decision
  }
  throw new Error('the last rule must always speak')
}
