// Condition types, and conditions joined into the list that stands. A reason is the same word in conditions, events, metrics and problems.
import { reasons } from './reasons.ts'

export const modelConditionTypes = [
  'Ready',
  'Reconciling',
  'Stalled',
  'Resolved',
  'Downloaded',
  'CapabilitiesDetected',
  'ResourcesFit',
] as const
export const runtimeConditionTypes = [
  'Ready',
  'Reconciling',
  'Stalled',
  'Serving',
  'ModelActive',
  'DeploymentAvailable',
  'StorageHealthy',
  'CapabilitiesVerified',
] as const
export type ConditionType = (typeof modelConditionTypes)[number] | (typeof runtimeConditionTypes)[number]
export type ConditionStatus = 'True' | 'False' | 'Unknown'

export interface Condition {
  readonly type: ConditionType
  readonly status: ConditionStatus
  readonly reason: Reason
  readonly message: string
  readonly observedGeneration: number
  readonly lastTransitionTime: string
}

export type Reason = keyof typeof reasons
export const reasonNames = Object.keys(reasons) as [Reason, ...Reason[]]

/** Messages in status are at most 256 bytes. */
export const shortMessage = (message: string, limit = 256): string => {
  // Far more than the limit is never looked at: a person may have put a megabyte into a name.
  const line = message
    .slice(0, 8 * limit)
    .replace(/\s+/g, ' ')
    .trim()
  if (Buffer.byteLength(line) <= limit) return line
  let cut = line.slice(0, limit)
  while (Buffer.byteLength(cut) > limit - 3) cut = cut.slice(0, -1)
  return `${cut.toWellFormed()}…`
}

type NewCondition = Omit<Condition, 'lastTransitionTime'>

/** Joins new facts into the old list: the transition time moves only when the status flips; a type left out disappears. */
export const mergeConditions = (
  old: readonly Condition[],
  next: readonly NewCondition[],
  now: Date,
): Condition[] =>
  next.map(condition => {
    const before = old.find(c => c.type === condition.type)
    const lastTransitionTime =
      before?.status === condition.status ? before.lastTransitionTime : now.toISOString()
    return { ...condition, message: shortMessage(condition.message), lastTransitionTime }
  })

export const findCondition = (
  list: readonly Condition[] | undefined,
  type: ConditionType,
): Condition | undefined => list?.find(condition => condition.type === type)
