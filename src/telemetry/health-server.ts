// What a kubelet and a Prometheus ask: is the process alive, is it ready, what has it counted. Never asks anybody itself.
import { createServer, type Server, type ServerResponse } from 'node:http'
import type { Registry } from 'prom-client'

export interface Health {
  readonly isAlive: () => boolean
  readonly isReady: () => boolean
}

const answer = (response: ServerResponse, isGood: boolean): void => {
  response.writeHead(isGood ? 200 : 503, { 'content-type': 'text/plain' }).end(isGood ? 'ok\n' : 'not ok\n')
}

/** Where to listen: a port of every address, or of one. */
export type Place = number | { readonly host: string; readonly port: number }

const listen = (server: Server, place: Place): Promise<Server> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    const options = typeof place === 'number' ? { port: place } : place
    server.listen(options, () => resolve(server))
  })

export const serveHealth = ({ isAlive, isReady }: Health, port: number): Promise<Server> =>
  listen(
    createServer((request, response) => {
      if (request.url === '/healthz') answer(response, isAlive())
      else if (request.url === '/readyz') answer(response, isReady())
      else response.writeHead(404).end()
    }),
    port,
  )

export const serveMetrics = (registry: Registry, place: Place): Promise<Server> =>
  listen(
    createServer(async (request, response) => {
      if (request.url !== '/metrics') return void response.writeHead(404).end()
      response.writeHead(200, { 'content-type': registry.contentType }).end(await registry.metrics())
    }),
    place,
  )
