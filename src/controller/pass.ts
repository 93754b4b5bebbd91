// What is counted and logged about one look at one key: how it ended, how long it took, and whether it was a defect.
import { Failure, Rejected, Transient } from '../domain/failure.ts'
import { type Key, parseKey } from '../domain/object.ts'
import type { Clock } from '../domain/platform.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics, ReconcileResult } from '../telemetry/metrics.ts'

export interface PassRecorder {
  readonly clock: Clock
  readonly log: Log
  readonly metrics: Metrics
}

/** Every call that a pass makes has a shorter time limit of its own. */
const deadlineMs = 120_000

const controllerOf = (key: Key): string => parseKey(key).kind.toLowerCase()

/** Call what is returned when the pass has ended. */
export const beginPass = ({ clock, log, metrics }: PassRecorder, key: Key) => {
  const controller = controllerOf(key)
  const begun = performance.now()
  const left = metrics.began(controller)
  const cancel = clock.after(deadlineMs, () => {
    metrics.broke(controller, 'timeout')
    log.warn({ key, seconds: deadlineMs / 1000 }, 'a look at this object does not end')
  })
  return (result: ReconcileResult): void => {
    cancel()
    left()
    metrics.reconciled(controller, result, (performance.now() - begun) / 1000)
  }
}

/** A stale view or a broken connection is daily life; a refused write is somebody's to mend; the rest is a defect. */
export const tellFailure = (
  { log, metrics }: PassRecorder,
  error: unknown,
  about: { readonly key: Key; readonly delayMs: number },
): ReconcileResult => {
  const fields = { ...about, err: error }
  if (error instanceof Transient) log.debug(fields, 'trying again')
  else if (error instanceof Failure) log.warn(fields, 'refused; trying again')
  else {
    metrics.broke(controllerOf(about.key), 'panic')
    log.error(fields, 'reconcile failed')
  }
  return error instanceof Rejected ? 'terminal' : 'error'
}
