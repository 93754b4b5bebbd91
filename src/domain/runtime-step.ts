// What every step of a switch is made of: staying, entering the next one, giving up on silence.
import type { Reason } from './conditions.ts'
import type { RuntimeAction, RuntimeDecision } from './decision.ts'
import type { RuntimeObservation } from './observation.ts'
import type { Problem } from './platform.ts'
import type { SwitchState, SwitchStep } from './runtime.ts'
import { newestPod, type Switching, stallSeconds } from './runtime-facts.ts'
import { failSwitch } from './runtime-outcome.ts'

const captions: Record<SwitchStep, Reason> = {
  Preflight: 'SwitchDue',
  Draining: 'Draining',
  Unloading: 'Unloading',
  Loading: 'Loading',
  Verifying: 'Verifying',
  RollingBack: 'Switching',
}

/** Stays in the step: actions now, another look in a second. */
export const stay = (
  { open, seen }: Switching,
  message: string,
  actions: readonly RuntimeAction[] = [],
): RuntimeDecision => ({
  ...saying(open, message),
  actions,
  again: 1_000,
  ...(open.message === message
    ? {}
    : { change: { switch: { ...open, message, lastProgressAt: seen.now.toISOString() } } }),
})

/** Enters another step; what it does begins in the next pass, when the step stands in status. */
export const enter = (
  { seen, open }: Switching,
  step: SwitchStep,
  message: string,
  more: Partial<SwitchState> = {},
): RuntimeDecision => {
  const now = seen.now.toISOString()
  const { progressMark: _, percent: __, ...kept } = open
  const next: SwitchState = { ...kept, ...more, step, message, stepSince: now, lastProgressAt: now }
  return {
    phase: step === 'RollingBack' ? 'RollingBack' : 'Switching',
    reason: captions[step],
    message,
    actions: [],
    again: 1,
    change: { switch: next },
  }
}

/** On the way back the reason and the words stay those of the failure. */
const saying = ({ step, failure }: SwitchState, message: string) =>
  step === 'RollingBack'
    ? {
        phase: 'RollingBack' as const,
        reason: (failure?.reason ?? 'Switching') as Reason,
        message: failure ? `going back (${message}): ${failure.message}` : message,
      }
    : { phase: 'Switching' as const, reason: captions[step], message }

export type Step = (now: Switching) => RuntimeDecision

export const sinceMs = (seen: RuntimeObservation, at: string): number => seen.now.getTime() - Date.parse(at)

/** Downtime begins when a serving that answered is taken away. */
export const downNow = (seen: RuntimeObservation): Partial<SwitchState> =>
  newestPod(seen)?.isReady ? { downSince: seen.now.toISOString() } : {}

const isStalled = ({ seen, open }: Switching): boolean =>
  sinceMs(seen, open.lastProgressAt) >= stallSeconds(seen) * 1000

const stallReason = ({ open }: Switching): Reason =>
  open.step === 'Unloading' ? 'UnloadStalled' : 'LoadStalled'

/** The switch has failed when nothing moved for the stall time; `problem` = what it was kept by. */
export const stalledFor = (now: Switching, problem?: Partial<Problem>): RuntimeDecision | undefined => {
  if (!isStalled(now)) return undefined
  const last = problem?.message ?? now.open.message ?? ''
  const message = `no progress for ${stallSeconds(now.seen)} s; last: ${last}`
  return failSwitch(now, problem?.reason ?? stallReason(now), message)
}

/** Stays in the step until what it waits for has come, and gives up after the stall time; other words are no progress. */
export const waitFor = (
  now: Switching,
  message: string,
  actions: readonly RuntimeAction[] = [],
): RuntimeDecision => stalledFor(now, { message }) ?? withoutProgress(now, stay(now, message, actions))

const withoutProgress = ({ open }: Switching, said: RuntimeDecision): RuntimeDecision =>
  said.change ? { ...said, change: { switch: { ...open, message: said.message } } } : said

/** The same for what must not be given up: the stall is told. */
export const waitOn = (now: Switching, message: string): RuntimeDecision => ({
  ...withoutProgress(now, stay(now, message)),
  ...(isStalled(now) ? { reason: stallReason(now) } : {}),
})
