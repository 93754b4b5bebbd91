// Stands before the API server as it would itself: passes every request on, and cuts or expires the open watches when told.
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Agent, request as ask, createServer, type Server } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { type Stage, serverKeys } from './stage.ts'

export interface Gate {
  readonly url: string
  readonly openWatches: number
  /** Ends every open watch without a word, as a lost connection does; returns how many. */
  cutWatches(): number
  /** From now on nobody is there: every connection is cut, and so is each that comes. */
  shut(): void
  reopen(): void
  /** connections that came while it was shut */
  readonly refused: number
  /** Ends every open watch as the API server does when its history is gone: 410, so that all is read afresh. */
  expireWatches(): number
  close(): Promise<void>
}

const expired = `${JSON.stringify({
  type: 'ERROR',
  object: {
    ...{ kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 410, reason: 'Expired' },
    message: 'too old resource version',
  },
})}\n`

export async function openGate({ cluster }: Stage): Promise<Gate> {
  const keys = serverKeys(cluster)
  const agent = new Agent({ keepAlive: true, ca: keys.ca })
  const target = new URL(cluster.server)
  const watches = new Set<ServerResponse>()
  const server = createServer(keys, (request, response) => {
    if (request.url?.includes('watch=true') || request.url?.includes('watch=1')) hold(watches, response)
    pass({ request, response }, { host: target.hostname, port: target.port, agent })
  })
  const door = guard(server)
  await new Promise<void>(done => server.listen(0, '127.0.0.1', done))
  const endAll = (end: (watch: ServerResponse) => void): number => {
    const open = [...watches].filter(watch => watch.headersSent)
    for (const watch of open) end(watch)
    return open.length
  }
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get openWatches() {
      return watches.size
    },
    shut: () => {
      door.isShut = true
      for (const socket of door.sockets) socket.destroy()
    },
    reopen: () => {
      door.isShut = false
    },
    get refused() {
      return door.refused
    },
    cutWatches: () => endAll(watch => watch.socket?.destroy()),
    expireWatches: () => endAll(watch => watch.end(expired)),
    close: async () => {
      server.closeAllConnections()
      await new Promise(done => server.close(done))
      agent.destroy()
    },
  }
}

/** Knows every connection, and lets none in while it is shut. */
function guard(server: Server) {
  const door = { isShut: false, refused: 0, sockets: new Set<Socket>() }
  server.on('connection', (socket: Socket) => {
    if (door.isShut) {
      door.refused++
      socket.destroy()
      return
    }
    door.sockets.add(socket)
    socket.once('close', () => door.sockets.delete(socket))
  })
  return door
}

function hold(watches: Set<ServerResponse>, response: ServerResponse): void {
  watches.add(response)
  response.on('error', () => undefined)
  response.once('close', () => watches.delete(response))
}

type Exchange = { readonly request: IncomingMessage; readonly response: ServerResponse }
type Target = { readonly host: string; readonly port: string; readonly agent: Agent }

function pass({ request, response }: Exchange, target: Target): void {
  const { method, url, headers } = request
  const onward = ask({ ...target, method, path: url, headers }, answer => {
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    response.flushHeaders()
    answer.pipe(response)
    answer.on('error', () => response.destroy())
  })
  onward.on('error', () => response.destroy())
  response.once('close', () => onward.destroy())
  request.pipe(onward)
}
