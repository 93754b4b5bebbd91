// Tells a waiting candidate at once what happens to the Lease. Only a hint: who waits also asks from time to time.
import type { Client, WatchEvent } from './client.ts'
import { type ElectionClock, pause } from './election-clock.ts'
import type { Lease } from './lease-record.ts'
import { LEASE } from './resources.ts'

export interface LeaseWatch {
  readonly namespace: string
  readonly name: string
  readonly clock: ElectionClock
  /** ends it */
  readonly signal: AbortSignal
  readonly idleMs: number
  readonly againMs: number
  readonly onEvent: (event: WatchEvent<Lease>) => void
}

/** Never rejects: a watch that ended, or is not allowed, is opened again after a while. */
export const watchLease = async (client: Client, watch: LeaseWatch): Promise<void> => {
  const { namespace, name, clock, signal, idleMs, againMs, onEvent } = watch
  const of = { namespace, fieldSelector: `metadata.name=${name}` }
  while (!signal.aborted) {
    try {
      const events = client.watch<Lease>(LEASE, of, { signal, idleMs, timeoutSeconds: 300 })
      for await (const event of events) if (event.type !== 'BOOKMARK') onEvent(event)
    } catch {
      // Asking from time to time goes on.
    }
    await pause(clock, againMs, signal)
  }
}
