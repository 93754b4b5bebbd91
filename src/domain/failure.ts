// What an error means for the next look: a person must act, something else must happen first, or try again.
import type { Reason } from './conditions.ts'

/** Anything else that is thrown is a defect. */
export abstract class Failure extends Error {
  readonly reason: Reason
  constructor(reason: Reason, message: string) {
    super(message)
    this.reason = reason
    this.name = new.target.name
  }
}

/** A person must change something; looked at again when the spec changes. HTTP 422, CLI exit 2. */
export class Rejected extends Failure {}

/** Something named must happen first; looked at again after `afterMs`. HTTP 409, CLI exit 3. */
export class Waiting extends Failure {
  readonly afterMs: number
  constructor(reason: Reason, message: string, afterMs = 10_000) {
    super(reason, message)
    this.afterMs = afterMs
  }
}

/** Try again with backoff. HTTP 503, CLI exit 4. */
export class Transient extends Failure {}

/** A part that this platform cannot offer, said in one sentence. */
export class NotSupported extends Failure {
  constructor(message: string) {
    super('NotSupported', message)
  }
}
