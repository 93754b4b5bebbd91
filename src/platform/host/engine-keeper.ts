// Who starts engines and knows their processes again: plain processes everywhere, units where systemd runs.
import type { Ref } from '../../domain/object.ts'
import type { Started } from './detached.ts'
import type { ProcessMark } from './process-mark.ts'
import type { Run, ServingRecord } from './serving-records.ts'

export interface EngineKeeper {
  /** words for people: what engines are here */
  readonly what: string
  /** `spec.host.hardening` has an effect */
  readonly isLimiting: boolean
  /** what of it the machine does not give, in a sentence; absent: all is given */
  readonly lack?: string
  /** The run is recorded already. Without a mark the process is still to come, or comes to nothing and `ended` says how. */
  start(record: ServingRecord, run: Run): Started
  /** every living process of the run, its leader first where it lives */
  left(ref: Ref, run: Run): readonly ProcessMark[]
  /** How a run ended whose processes are gone, also for a daemon that was not there; undefined: not known yet. Absent: nobody but
   *  the one who started it is told. */
  endOf?(ref: Ref, run: Run): Promise<string | undefined>
  /** absent: somebody else limits what is kept */
  shortenLog?(ref: Ref, run: Run): void
  /** newest lines of a run by its name, also of one that ended; empty when there is none */
  logs(ref: Ref, run: string, lines: number): Promise<readonly string[]>
  /** what a Runtime that was let go has left behind */
  drop(ref: Ref): void
}
