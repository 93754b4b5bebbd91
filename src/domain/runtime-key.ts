// A switch of an engine behind an API key: it waits, and is never turned round, while nobody could show the engine its key.
import type { RuntimeAction, RuntimeDecision } from './decision.ts'
import { keyProblem, type Switching } from './runtime-facts.ts'
import { stay } from './runtime-step.ts'

/** As long as the key is missing nothing is judged. */
export const waitForKey = (
  now: Switching,
  actions: readonly RuntimeAction[] = [],
): RuntimeDecision | undefined => {
  const problem = keyProblem(now.seen)
  const isKeyed = now.seen.runtime.spec.apiKeySecretRef !== undefined
  return problem && { ...stay(now, problem.message, isKeyed ? actions : []), reason: problem.reason }
}

/** Before anything is touched, the engine that runs now is shown the key: what could not be proved is not begun. */
export const keyFirst = (now: Switching): RuntimeDecision | undefined => {
  const { engine } = now.seen
  if (!now.target || !engine || engine.isKeyTaken) return undefined
  const check: readonly RuntimeAction[] = [{ do: 'checkKey' }]
  const waiting = waitForKey(now, check)
  if (waiting) return waiting
  return engine.answer.isBehindKey ? stay(now, 'showing the engine its key', check) : undefined
}
