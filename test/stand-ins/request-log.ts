// What was asked of a stand-in, in order: tests count requests, read ranges and look for leaked tokens.
import type { IncomingMessage, ServerResponse } from 'node:http'

export interface LoggedRequest<Origin extends string = string> {
  readonly origin: Origin
  readonly method: string
  /** Path with query, as it came. */
  readonly path: string
  readonly range: string | undefined
  /** Whether an Authorization header came. */
  readonly authorized: boolean
  readonly at: number
  /** 0 until the answer began. */
  readonly status: number
  /** Bytes written to the socket for it so far, headers included. */
  readonly bytesSent: number
}

export interface RequestLog<Origin extends string> {
  readonly requests: LoggedRequest<Origin>[]
  readonly note: (origin: Origin, request: IncomingMessage, response: ServerResponse) => void
}

export function openRequestLog<Origin extends string>(): RequestLog<Origin> {
  const requests: LoggedRequest<Origin>[] = []
  return {
    requests,
    note(origin, request, response) {
      const { socket } = request
      const before = socket.bytesWritten
      let final: number | undefined
      response.once('close', () => {
        final = socket.bytesWritten - before
      })
      requests.push({
        origin,
        method: request.method ?? 'GET',
        path: request.url ?? '/',
        range: request.headers.range,
        authorized: request.headers.authorization !== undefined,
        at: Date.now(),
        get status() {
          return response.headersSent ? response.statusCode : 0
        },
        get bytesSent() {
          return final ?? socket.bytesWritten - before
        },
      })
    },
  }
}
