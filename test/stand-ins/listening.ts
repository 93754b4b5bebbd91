// A loopback (or bridge) HTTP server that closes at once, connections included.
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'

export interface Listening {
  readonly host: string
  readonly port: number
  readonly close: () => Promise<void>
}

export type Answer = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

/** A certificate and its key, as PEM. */
export interface Tls {
  readonly cert: string
  readonly key: string
}

interface Place {
  readonly host: string
  readonly port: number
  /** absent: plain HTTP */
  readonly tls?: Tls | undefined
}

export async function listen(answer: Answer, at: Place): Promise<Listening> {
  const onRequest: RequestListener = (request, response) => {
    Promise.resolve()
      .then(() => answer(request, response))
      .catch((error: unknown) => {
        if (response.headersSent) response.destroy()
        else response.writeHead(500).end(String(error))
      })
  }
  const server = at.tls ? createTlsServer({ ...at.tls }, onRequest) : createServer(onRequest)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(at.port, at.host, resolve)
  })
  return {
    host: at.host,
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

export function sendJson(
  response: ServerResponse,
  value: unknown,
  more: { status?: number; headers?: Record<string, string> } = {},
) {
  const body = Buffer.from(JSON.stringify(value))
  response.writeHead(more.status ?? 200, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': body.length,
    ...more.headers,
  })
  response.end(body)
}

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts)
}
