// One call to the API server, as the transport carries it.

export type Method = 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'
export type Query = Readonly<Record<string, string | number | boolean | undefined>>

export interface Call {
  readonly method: Method
  readonly path: string
  readonly query?: Query
  readonly body?: unknown
  readonly contentType?: string
  readonly deadlineMs: number
  readonly signal?: AbortSignal | undefined
  /** may be sent again although it may have had its effect */
  readonly isIdempotent: boolean
  /** most milliseconds without a byte; streams only, 0 = no limit */
  readonly idleMs?: number
  /**
   * Asked for each try at the moment its first byte would go out, after every wait for credentials, connections and retries; throws
   * when it may no longer be sent. What it returns is told whether the server answered.
   */
  readonly admit?: () => ((isAnswered: boolean) => void) | undefined
}

export const nameOf = (call: Pick<Call, 'method' | 'path'>): string => `${call.method} ${call.path}`
