// What can go wrong between an operator and its API server, in the words of the wire.

export interface ProxiedRequest {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
}

export type Treatment =
  /** RST; `before` the request is passed on, `instead` of the answer, `inside` it, or `after` its last byte */
  | { readonly do: 'reset'; readonly when: 'before' | 'instead' | 'inside' | 'after' }
  /** says this; `tookEffect`: the server had done what was asked before */
  | { readonly do: 'answer'; readonly answer: FalseAnswer; readonly tookEffect?: true }
  /** not one byte more, and the connection stays; `tookEffect` as above */
  | { readonly do: 'hold'; readonly tookEffect?: true }
  /** the true answer in pieces of so many bytes: characters, lines and numbers are cut wherever it comes */
  | { readonly do: 'drip'; readonly bytes: number; readonly everyMs: number }
  /** a polite end in the middle of the answer; of a watch, in the middle of its second event */
  | { readonly do: 'tear' }
  /** a watch gives one event, then this one, and ends */
  | { readonly do: 'tell'; readonly event: object }

export interface FalseAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}

export interface Fault {
  readonly name: string
  /** undefined lets the request pass */
  treat(request: ProxiedRequest): Treatment | undefined
  /** so many requests at most; until it is lifted when absent */
  readonly times?: number
}

export const isWatch = ({ query }: ProxiedRequest): boolean => query.get('watch') === 'true'
export const isWrite = ({ method }: ProxiedRequest): boolean => method !== 'GET'
/** A Status body, as the API server writes it. */
export const refusal = (
  status: number,
  reason: string,
  headers: Readonly<Record<string, string>> = {},
): FalseAnswer => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  body: JSON.stringify({
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    message: `the fault proxy says ${reason}`,
    reason,
    code: status,
  }),
})

/** What a load balancer of somebody else's says. */
export const html = (status: number): FalseAnswer => ({
  status,
  headers: { 'content-type': 'text/html' },
  body: '<!doctype html><title>Sign in</title><h1>Sign in to the corporate network</h1>',
})

export const expired = {
  type: 'ERROR',
  object: JSON.parse(refusal(410, 'Expired').body) as object,
}
