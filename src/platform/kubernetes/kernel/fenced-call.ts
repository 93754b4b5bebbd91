// A write that is asked for its right twice: when it is wanted, and for each try at the moment it goes out.
import { type Call, nameOf } from './call.ts'
import type { Fence } from './client-options.ts'
import { MutationRefused } from './errors.ts'
import { eitherOf } from './time-limit.ts'

/** Throws MutationRefused while the fence is closed, before credentials or a connection are waited for. */
export const fencedCall = (call: Call, fence: Fence): Call => {
  const check = (): void => {
    if (!fence.mutationsAllowed()) throw new MutationRefused(nameOf(call))
  }
  check()
  const admit: Call['admit'] = () => {
    check()
    return fence.began?.()
  }
  return { ...call, admit, signal: eitherOf(call.signal, fence.signal) }
}
