// One condition before it is joined into the list that stands: no time and no generation yet.
import { type Condition, type Reason, shortMessage } from './conditions.ts'
import { reasons } from './reasons.ts'

export type Fact = Omit<Condition, 'lastTransitionTime' | 'observedGeneration'>

export const fact = (
  type: Condition['type'],
  status: Condition['status'],
  reason: Reason,
  message = '',
): Fact => ({
  type,
  status,
  reason,
  message: shortMessage(message || reasons[reason].means),
})

export const withoutAbsent = <T extends object>(value: T): T =>
  Object.fromEntries(Object.entries(value).filter(([, v]) => v !== undefined)) as T
