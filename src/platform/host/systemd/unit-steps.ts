// What is to be asked of systemd so that a unit becomes what its wish says. Pure.
import type { Properties } from './unit-sight.ts'
import type { UnitWish } from './unit-wish.ts'

type Written = Pick<UnitWish, 'boot' | 'since'>

/** Its newest main process began after the wish was written, and so was started with it. */
export const hasRead = (found: Properties, { boot, since }: Written, bootNow: string): boolean =>
  (boot !== bootNow && Number(found['ExecMainStartTimestampMonotonic']) > 0) ||
  Number(found['ExecMainStartTimestampMonotonic']) > since

export type UnitStep = 'start' | 'stop' | 'restart'

/** Undefined: nothing, or systemd is at it. */
export const stepOf = (
  found: Properties,
  wish: Written & Pick<UnitWish, 'replicas'>,
  bootNow: string,
): UnitStep | undefined => {
  const { LoadState, ActiveState = '', Job = '0' } = found
  if (LoadState !== 'loaded' || (Job !== '' && Job !== '0') || ActiveState === 'deactivating')
    return undefined
  const isDown = ActiveState === 'inactive' || ActiveState === 'failed'
  if (wish.replicas === 0) return isDown ? undefined : 'stop'
  if (isDown) return 'start'
  return hasRead(found, wish, bootNow) ? undefined : 'restart'
}

export const longestPauseMs = 300_000

/** An end is at once; a start that did not help is asked for later each time. */
export const pauseOf = (step: UnitStep, failures: number): number =>
  step === 'stop' ? 1_000 : Math.min(longestPauseMs, 1_000 * 2 ** failures)
