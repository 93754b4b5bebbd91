// What stands against the wish of a Runtime: problems of now, and the switch to the same model that failed last.
import type { Reason } from './conditions.ts'
import type { RuntimeDecision } from './decision.ts'
import { isProblem, type RuntimeObservation } from './observation.ts'
import type { Problem } from './platform.ts'
import type { LastSwitch } from './runtime.ts'
import { isSame, keepProving, keyless, retryAsked, toServed, wantedOf } from './runtime-facts.ts'

/** Problems that pass by themselves when something appears. */
const passing: readonly Reason[] = [
  'DeploymentNotFound',
  'ConfigMapNotFound',
  'ClaimNotFound',
  'ServiceNotFound',
  'ModelNotFound',
  'PlacementUnknown',
  'PodNotStarted',
  'EngineKeyNeeded',
]

export const isPassing = ({ reason }: { readonly reason?: string | undefined }): boolean =>
  passing.some(one => one === reason)

export const problemsOf = (seen: RuntimeObservation): readonly Problem[] => {
  const isWished = seen.runtime.spec.activeModel !== undefined || seen.runtime.spec.desiredState === 'Idle'
  if (!isWished) return seen.serving.problems.filter(problem => problem.reason === 'DeploymentNotFound')
  const volume = isProblem(seen.volume) && seen.runtime.spec.desiredState === 'Active' ? [seen.volume] : []
  const wanted =
    seen.wanted && isProblem(seen.wanted) && seen.wanted.reason !== 'WaitingForModel' ? [seen.wanted] : []
  const drift = seen.serving.drift && !retryAsked(seen) ? [seen.serving.drift] : []
  return [...seen.serving.problems, ...volume, ...wanted, ...drift, ...keyless(seen)]
}

/** Such a failure says nothing against the wish: when the cause has passed, it is tried again. */
const hasPassed = (last: LastSwitch): boolean =>
  last.reason === 'Replaced' || last.reason === 'WaitingForModel' || isPassing(last)

/** The same wish failed last: nothing until the wish, the Model or the retry annotation changes. */
export const failedBefore = (
  seen: RuntimeObservation,
  result: 'RolledBack' | 'Failed' | 'Cancelled',
): RuntimeDecision | undefined => {
  const last = seen.runtime.status.lastSwitch
  const wanted = wantedOf(seen)
  if (!wanted || last?.result !== result || !isSame(last.to, toServed(wanted))) return undefined
  if (retryAsked(seen) || hasPassed(last)) return undefined
  return {
    phase: result === 'Cancelled' ? 'Rejected' : result,
    reason: (last.reason ?? 'SwitchFailed') as Reason,
    message: (result === 'RolledBack' ? `rolled back to ${whatServes(last)}: ` : '') + (last.message ?? ''),
    actions: result === 'Failed' ? [] : keepProving(seen),
    isStalled: true,
    again: 15_000,
  }
}

const whatServes = ({ from }: LastSwitch): string => from?.model ?? 'what was found'
